//! The decorated function: a callable that passes its arguments on as it got them.
//!
//! While the gate says *pass* and the call succeeds, all there is happens here: one look at the
//! gate, the call, one addition. What else can happen is in `slow.rs`, and what that cannot do is
//! done by the drivers in Python. No bytecode runs between the return of the function and its
//! record, so no interrupt can come in between.

// A type with a vectorcall slot cannot be declared through PyO3; each block says why it is right.
#![allow(unsafe_code)]

mod ffi;
mod kind;
mod port;
mod slow;
mod steps;

pub use kind::guard;
pub use port::{Port, set_deadline_variable};
pub use steps::functions;

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

/// A decorated function. `port` is the native half of `port_object`, which keeps it alive.
#[repr(C)]
pub struct Guard {
    head: PyObject,
    vectorcall: ffi::VectorcallFunc,
    function: *mut PyObject,
    port: *const Port,
    port_object: *mut PyObject,
    /// What the drivers in Python call instead of `function`, which checks what it returns.
    checked: *mut PyObject,
    /// `port_of(plan)` by the arguments of a call, or null.
    key: *mut PyObject,
    /// Made a coroutine by this `async def` of (port, args, kwargs), or null.
    drive: *mut PyObject,
    dict: *mut PyObject,
    weakrefs: *mut PyObject,
}

/// The arguments of one call, as the interpreter laid them out.
#[derive(Copy, Clone)]
pub struct Arguments {
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
}

impl Arguments {
    /// A new reference to what `callable` returns, or null with the error set.
    ///
    /// # Safety
    /// The interpreter is attached and `callable` is alive.
    #[inline]
    unsafe fn call(self, callable: *mut PyObject) -> *mut PyObject {
        // SAFETY: the layout is the interpreter's own, handed on unchanged.
        unsafe { ffi::PyObject_Vectorcall(callable, self.items, self.nargsf, self.names) }
    }
}

/// A blocking function, without a key.
unsafe extern "C" fn call_plain(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    let arguments = Arguments { items, nargsf, names };
    // SAFETY: the interpreter calls this with a guard it holds, and is attached.
    unsafe {
        let guard = &*this.cast::<Guard>();
        run(guard, &*guard.port, arguments)
    }
}

/// A blocking function whose arguments name a key.
unsafe extern "C" fn call_keyed(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    let arguments = Arguments { items, nargsf, names };
    // SAFETY: as in `call_plain`; the port of the key is held until the call is over.
    unsafe {
        let py = Python::assume_attached();
        let guard = &*this.cast::<Guard>();
        match slow::port_of(py, guard, arguments) {
            Ok(port) => run(guard, port.get(), arguments),
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    }
}

/// # Safety
/// The interpreter is attached; guard and port are alive until this returns.
#[inline]
unsafe fn run(guard: &Guard, port: &Port, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised by the caller.
    unsafe {
        let py = Python::assume_attached();
        let Some(pass) = port.pass() else { return slow::ask(py, guard, port, arguments) };
        let result = arguments.call(guard.function);
        if !result.is_null() && port.is_usual(py, result) {
            port.succeed(pass);
            return result;
        }
        slow::after_pass(py, guard, port, pass, result, arguments)
    }
}

/// A coroutine function: everything happens in the coroutine that its driver makes, so that one
/// which is never awaited takes nothing.
unsafe extern "C" fn call_coroutine(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    let arguments = Arguments { items, nargsf, names };
    // SAFETY: as in `call_plain`.
    unsafe {
        let py = Python::assume_attached();
        let guard = &*this.cast::<Guard>();
        match slow::coroutine(py, guard, arguments) {
            Ok(made) => made.into_ptr(),
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    }
}
