//! What a guard gives to the driver of a coroutine: itself, and the pass that the call may begin
//! under. Coroutines of one guard that are made under the same gate share one: nothing in it belongs
//! to a single call.

use super::Guard;
use super::begin::{OwnPass, begin};
use super::failed::tell_driver;
use super::ffi as own;
use super::handover;
use super::port::{Port, Spot, inside_a_deadline};
use crate::once::Once;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::null_mut;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use seawall::Pass;

#[repr(C)]
pub struct Entry {
    head: ffi::PyObject,
    port: *const Port,
    port_object: *mut ffi::PyObject,
    plan: *mut ffi::PyObject,
    function: *mut ffi::PyObject,
    /// The key of a call by its arguments, or null.
    key: *mut ffi::PyObject,
    /// `None`: the call must ask.
    pass: Option<Pass>,
    /// The gate of a pass that is nothing more; 0: it is, or there is none.
    gate: u32,
}

impl Entry {
    #[inline(always)]
    pub fn port(&self) -> &Port {
        // SAFETY: set with `port_object`, which the entry holds.
        unsafe { &*self.port }
    }

    pub fn key(&self) -> *mut ffi::PyObject {
        self.key
    }

    pub fn plan<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: the entry holds its plan.
        unsafe { Bound::from_borrowed_ptr(py, self.plan) }
    }
}

static KIND: Once<Py<PyType>> = Once::new();

/// A new reference to the entry for a coroutine that is being made; null with the error set where
/// there is no memory.
///
/// # Safety
/// The interpreter is attached; the guard is alive.
#[inline(always)]
pub unsafe fn of(py: Python<'_>, guard: &mut Guard) -> *mut ffi::PyObject {
    // SAFETY: as promised; `guard.entry` is null or a reference of the guard's to one of ours.
    unsafe {
        let last = guard.entry;
        if !last.is_null() && guard.port().gate_at_once() == Some((*last.cast::<Entry>()).gate) {
            return ffi::Py_NewRef(last);
        }
        look(py, guard, last)
    }
}

/// `of` where what the last coroutine got is not the same for sure.
///
/// # Safety
/// As for `of`.
#[inline(never)]
unsafe fn look(py: Python<'_>, guard: &mut Guard, last: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as promised.
    unsafe {
        let pass = if guard.key.is_null() { Spot::of(guard.port()).pass_later() } else { None };
        if cfg!(Py_GIL_DISABLED) {
            return make(py, guard, pass);
        }
        if !last.is_null() && (*last.cast::<Entry>()).pass == pass {
            return ffi::Py_NewRef(last);
        }
        guard.entry = null_mut();
        ffi::Py_XDECREF(last);
        guard.entry = make(py, guard, pass);
        ffi::Py_XNewRef(guard.entry)
    }
}

unsafe fn make(py: Python<'_>, guard: &Guard, pass: Option<Pass>) -> *mut ffi::PyObject {
    let kind = match KIND.get_or_find(py, || new_kind(py)) {
        Ok(kind) => kind,
        Err(error) => {
            error.restore(py);
            return null_mut();
        }
    };
    // SAFETY: the type was made for this layout, a new object is zeroed, and every field is set.
    unsafe {
        let made = ffi::PyType_GenericAlloc(kind.as_ptr().cast(), 0);
        if let Some(entry) = made.cast::<Entry>().as_mut() {
            entry.port = guard.port;
            entry.port_object = ffi::Py_NewRef(guard.port_object);
            entry.plan = ffi::Py_NewRef(guard.plan);
            entry.function = ffi::Py_NewRef(guard.function);
            entry.key = ffi::Py_XNewRef(guard.key);
            entry.pass = pass;
            entry.gate = pass.filter(|pass| pass.started == 0).map_or(0, |pass| pass.permit as u32);
        }
        made
    }
}

fn new_kind(py: Python<'_>) -> PyResult<Py<PyType>> {
    let entry = |name: &'static std::ffi::CStr, ml_meth, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth,
        ml_flags: flags,
        ml_doc: null_mut(),
    };
    let method = |name, meth, flags| entry(name, ffi::PyMethodDefPointer { PyCFunction: meth }, flags);
    let fast = |name, meth| entry(name, ffi::PyMethodDefPointer { PyCFunctionFast: meth }, ffi::METH_FASTCALL);
    // The interpreter keeps the tables of a type for ever.
    let methods = Box::leak(Box::new([
        fast(c"begin", begin),
        fast(c"failed", failed),
        method(c"judge", judge, ffi::METH_O),
        method(c"words", words, ffi::METH_NOARGS),
        // SAFETY: the empty entry that ends the table.
        unsafe { core::mem::zeroed() },
    ]));
    let members = Box::leak(Box::new([
        own::member(c"plan", ffi::Py_T_OBJECT_EX, offset_of!(Entry, plan)),
        own::member(c"function", ffi::Py_T_OBJECT_EX, offset_of!(Entry, function)),
        // SAFETY: as above.
        unsafe { core::mem::zeroed() },
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_mp_subscript, counted as *mut c_void),
        slot(ffi::Py_nb_positive, function as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(0, null_mut()),
    ];
    own::new_type(py, c"seawall._native.Entry", size_of::<Entry>(), ffi::Py_TPFLAGS_HAVE_GC, &mut slots)
}

/// `+entry`: the function, if the gate is still the same and no deadline is around; else `None`.
unsafe extern "C" fn function(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter is attached and passes one of ours, which holds its port and its function.
    unsafe {
        let entry = &*this.cast::<Entry>();
        let passes = !inside_a_deadline()
            && (entry.port().gate_at_once() == Some(entry.gate)
                || entry.pass.is_some_and(|pass| Spot::of(entry.port()).passes_still(pass)));
        ffi::Py_NewRef(if passes { entry.function } else { ffi::Py_None() })
    }
}

/// `entry[result]`: the result, counted as a success; raises `Judged` where it is none. An operator, because that is
/// the cheapest way of asking a native object anything.
unsafe extern "C" fn counted(this: *mut ffi::PyObject, result: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `function`; the result is alive.
    unsafe {
        let entry = &*this.cast::<Entry>();
        if !entry.port().is_usual(Python::assume_attached(), result) && !is_success(entry, result) {
            return null_mut();
        }
        match entry.pass {
            _ if entry.gate != 0 && entry.port().count_at_once(entry.gate) => {}
            Some(pass) => Spot::of(entry.port()).succeed(pass),
            None => {}
        }
        ffi::Py_NewRef(result)
    }
}

/// Whether a result is none that fails, as the plan judges it; if it is not, an error is set.
///
/// # Safety
/// As for `counted`.
#[cold]
unsafe fn is_success(entry: &Entry, result: *mut ffi::PyObject) -> bool {
    Python::attach(|py| {
        // SAFETY: as promised.
        let result = unsafe { Bound::from_borrowed_ptr(py, result) };
        let success = || match handover::judge(&entry.plan(py), entry.port(), &result)?.is_none() {
            true => Ok(()),
            false => Err(PyErr::from_value(handover::driver!(py, "Judged")?.call1((&result,))?)),
        };
        success().map_err(|error: PyErr| error.restore(py)).is_ok()
    })
}

/// `entry.failed(error, held)`: how a call goes on whose first attempt raised, see `failed::tell_driver`. `held` is
/// what `begin` gave it, `None` where it ran under the pass of the entry.
unsafe extern "C" fn failed(
    this: *mut ffi::PyObject,
    given: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter is attached and passes an entry and `count` live objects.
    Python::attach(|py| unsafe {
        handover::give(py, || {
            if count != 2 {
                return Err(PyTypeError::new_err("failed(error, held)"));
            }
            let entry = &*this.cast::<Entry>();
            let (plan, port) = (entry.plan(py), entry.port());
            let given = [*given, *given.add(1)].map(|object| Bound::from_borrowed_ptr(py, object));
            let [error, held] = given;
            match (held.cast::<OwnPass>(), entry.pass) {
                (Ok(own), _) => tell_driver(&plan, port, &own.get().policy, own.get().pass, &error),
                (Err(_), Some(pass)) if held.is_none() => {
                    tell_driver(&plan, port, Spot::of(port).policy(), pass, &error)
                }
                _ => Ok(PyTuple::empty(py).into_any()),
            }
        })
    })
}

/// `entry.judge(result)`: `None` for a success, else (outcome, hint). A type that is always a
/// success is remembered.
unsafe extern "C" fn judge(this: *mut ffi::PyObject, result: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `function`; the result is alive.
    unsafe {
        let py = Python::assume_attached();
        let entry = &*this.cast::<Entry>();
        if entry.port().is_usual(py, result) {
            return ffi::Py_NewRef(ffi::Py_None());
        }
        Python::attach(|py| {
            let result = Bound::from_borrowed_ptr(py, result);
            handover::give(py, || handover::judge(&entry.plan(py), entry.port(), &result))
        })
    }
}

/// `entry.words()`: the pass for `Policy.call_after_pass`.
unsafe extern "C" fn words(this: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `function`.
    unsafe {
        let entry = &*this.cast::<Entry>();
        match entry.pass {
            Some(pass) => crate::policy::object_of(Python::assume_attached(), pass).into_ptr(),
            None => ffi::Py_NewRef(ffi::Py_None()),
        }
    }
}

unsafe extern "C" fn traverse(this: *mut ffi::PyObject, visit: ffi::visitproc, argument: *mut c_void) -> c_int {
    // SAFETY: the collector passes a live entry; every field is null or a reference that we hold.
    unsafe {
        let entry = &*this.cast::<Entry>();
        own::visit_all(
            visit,
            argument,
            &[ffi::Py_TYPE(this).cast(), entry.port_object, entry.plan, entry.function, entry.key],
        )
    }
}

unsafe extern "C" fn dealloc(this: *mut ffi::PyObject) {
    // SAFETY: the last reference is gone; each field is released once, the memory as it was allocated.
    unsafe {
        let kind = ffi::Py_TYPE(this);
        ffi::PyObject_GC_UnTrack(this.cast());
        let entry = &*this.cast::<Entry>();
        for field in [entry.port_object, entry.plan, entry.function, entry.key] {
            ffi::Py_XDECREF(field);
        }
        ffi::PyObject_GC_Del(this.cast());
        ffi::Py_DECREF(kind.cast());
    }
}
