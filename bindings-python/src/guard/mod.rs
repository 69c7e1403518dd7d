//! The decorated function: a callable that passes its arguments on as it got them.
//!
//! While the gate says *pass* and the call succeeds, all there is happens here: one look at the
//! gate, the call, one addition. A call that must ask goes through `ask.rs`, and what that cannot
//! finish is done by the drivers in Python (`handover.rs`). No bytecode runs between the return of
//! the function and its record, so no interrupt can come in between.

// What runs at every call takes it that the interpreter is attached; what may let go of an object of
// PyO3's says so to PyO3 (`Python::attach`), which else keeps that object until somebody does.

// A type with a vectorcall slot cannot be declared through PyO3; each block says why it is right.
#![allow(unsafe_code)]

mod admitted;
mod ask;
mod begin;
mod coroutine;
mod entry;
mod failed;
mod ffi;
mod goes_on;
mod handover;
mod kind;
mod kinds;
mod lane;
mod port;
mod raised;
mod refusal;
mod views;

pub use kind::guard;
pub use lane::settings_changed;
pub use port::{Deadline, Port, set_deadline_variable};
pub use refusal::OpenCircuit;

use handover::Handover;
use port::Spot;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use seawall::Pass;

/// A decorated function. `port` is the native half of `port_object`, which keeps it alive.
#[repr(C)]
pub struct Guard {
    head: PyObject,
    vectorcall: ffi::VectorcallFunc,
    /// How `function` is called, or `drive` if there is one.
    call: ffi::VectorcallFunc,
    function: *mut PyObject,
    port: *const Port,
    port_object: *mut PyObject,
    /// What the drivers in Python work from.
    plan: *mut PyObject,
    /// The key of a call by its arguments, or null.
    key: *mut PyObject,
    /// Made a coroutine by this `async def` of an entry, or null.
    drive: *mut PyObject,
    /// The one of (entry, args, kwargs), for calls with arguments.
    drive_with: *mut PyObject,
    /// The same for calls that a driver in Python begins.
    drive_asking: *mut PyObject,
    /// What the last coroutine got: mostly the next gets the same. Or null; always null where
    /// several threads run at a time.
    entry: *mut PyObject,
    dict: *mut PyObject,
    weakrefs: *mut PyObject,
}

impl Guard {
    /// What the function returns, as a new reference, or null with the error set.
    ///
    /// # Safety
    /// The interpreter is attached, the guard alive.
    #[inline(always)]
    unsafe fn call(&self, arguments: Arguments) -> *mut PyObject {
        // SAFETY: the layout is the interpreter's own, handed on unchanged.
        unsafe { (self.call)(self.function, arguments.items, arguments.nargsf, arguments.names) }
    }

    /// What it refers to; null is nothing.
    fn held(&self) -> [*mut PyObject; 9] {
        let Guard { function, port_object, plan, key, drive, drive_with, drive_asking, entry, dict, .. } = *self;
        [function, port_object, plan, key, drive, drive_with, drive_asking, entry, dict]
    }

    #[inline(always)]
    fn port(&self) -> &Port {
        // SAFETY: set with `port_object`, which the guard holds.
        unsafe { &*self.port }
    }
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
    #[inline(always)]
    unsafe fn call(self, callable: *mut PyObject) -> *mut PyObject {
        // SAFETY: the layout is the interpreter's own, handed on unchanged.
        unsafe { ffi::PyObject_Vectorcall(callable, self.items, self.nargsf, self.names) }
    }
}

/// A blocking function, without a key, whose results no function judges. The way of almost every call, so it holds
/// nothing that only the others need.
unsafe extern "C" fn call_plain(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls this with a guard it holds, and is attached.
    unsafe {
        if port::deadlines_exist() {
            return call_near_deadlines(this, items, nargsf, names);
        }
        pass_plain(this, items, nargsf, names)
    }
}

/// The same while some context holds a deadline: perhaps this call's.
///
/// # Safety
/// As of `call_plain`.
#[inline(never)]
unsafe extern "C" fn call_near_deadlines(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as promised.
    unsafe {
        if port::a_deadline_is_set() {
            return run_plain(this, items, nargsf, names);
        }
        pass_plain(this, items, nargsf, names)
    }
}

/// A blocking function that no deadline is around.
///
/// # Safety
/// As of `call_plain`.
#[inline(always)]
unsafe fn pass_plain(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    let arguments = Arguments { items, nargsf, names };
    // SAFETY: as promised.
    unsafe {
        let guard = &*this.cast::<Guard>();
        let port = guard.port();
        let Some(gate) = port.gate_at_once() else { return run_plain(this, items, nargsf, names) };
        let result = guard.call(arguments);
        if !result.is_null() && port.is_usual_unjudged(Python::assume_attached(), result) && port.count_at_once(gate) {
            return result;
        }
        ended(guard, &Spot::of(port), None, arguments, Pass { permit: u64::from(gate), started: 0 }, result)
    }
}

/// The same where the call cannot simply pass, or results are judged. It is given what `call_plain` got, which so
/// need keep nothing for it.
#[inline(never)]
unsafe extern "C" fn run_plain(
    this: *mut PyObject,
    items: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as in `call_plain`.
    unsafe {
        let guard = &*this.cast::<Guard>();
        run(guard, &Spot::of(guard.port()), None, Arguments { items, nargsf, names })
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
    // SAFETY: as in `call_plain`; the spot holds the cells of the key until the call is over.
    unsafe {
        let guard = &*this.cast::<Guard>();
        match handover::key_of(Python::assume_attached(), guard, arguments) {
            Ok((key, spot)) => run(guard, &spot, Some(&key), arguments),
            Err(error) => Python::attach(|py| {
                error.restore(py);
                std::ptr::null_mut()
            }),
        }
    }
}

/// # Safety
/// The interpreter is attached; the guard is alive until this returns.
#[inline(never)]
unsafe fn run(guard: &Guard, spot: &Spot<'_>, key: Option<&Bound<'_, PyAny>>, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised by the caller.
    unsafe {
        match spot.pass() {
            Some(pass) => ended(guard, spot, key, arguments, pass, guard.call(arguments)),
            None => Python::attach(|py| ask::ask(py, guard, spot, key, arguments)),
        }
    }
}

/// # Safety
/// As for `run`; the result is null with an error set, or a reference of our own.
#[inline(never)]
unsafe fn ended(
    guard: &Guard,
    spot: &Spot<'_>,
    key: Option<&Bound<'_, PyAny>>,
    arguments: Arguments,
    pass: Pass,
    result: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as promised by the caller.
    unsafe {
        if !result.is_null() && spot.port.is_usual(Python::assume_attached(), result) {
            spot.succeed(pass);
            return result;
        }
        Python::attach(|py| Handover { py, guard, key, arguments }.after_pass(spot, pass, result, Spot::succeed))
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
    unsafe { coroutine::make(this, arguments) }
}
