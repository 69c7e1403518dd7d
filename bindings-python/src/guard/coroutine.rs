//! The two crossings of a coroutine's driver, which is in Python: `enter` before the function is
//! awaited, `leave` after it has succeeded.

use super::handover::look;
use super::kind::is_guard;
use super::port::Spot;
use super::{Arguments, Guard, ffi as own};
use crate::policy::{pass_of, words_of};
use pyo3::types::PyBytes;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::ptr::null_mut;

/// The driver's coroutine for one call.
///
/// # Safety
/// The interpreter is attached; `this` is a live guard with a driver.
pub unsafe fn make(this: *mut PyObject, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised.
    unsafe {
        let py = Python::assume_attached();
        let guard = &*this.cast::<Guard>();
        let (args, kwargs) = match arguments.gather(py) {
            Ok(gathered) => gathered,
            Err(error) => {
                error.restore(py);
                return null_mut();
            }
        };
        let kwargs = kwargs.as_ref().map_or(ffi::Py_None(), |kwargs| kwargs.as_ptr());
        // The slot before the first is the callee's to use.
        let given = [null_mut(), this, guard.function, args.as_ptr(), kwargs];
        own::PyObject_Vectorcall(guard.drive, given.as_ptr().add(1), 4 | own::ARGUMENTS_OFFSET, null_mut())
    }
}

/// `enter(guard)`: a pass, or `None` where the call must ask.
unsafe extern "C" fn enter(_: *mut PyObject, guard: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter passes a live object and is attached.
    unsafe {
        let py = Python::assume_attached();
        let Some(guard) = checked(py, guard) else { return null_mut() };
        match Spot::of(&*guard.port).pass() {
            Some(pass) => PyBytes::new(py, &words_of(pass)).into_ptr(),
            None => ffi::Py_NewRef(ffi::Py_None()),
        }
    }
}

/// `leave(guard, pass, result)`: whether the result is a success, which is then counted.
unsafe extern "C" fn leave(_: *mut PyObject, given: *mut *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: the interpreter passes `count` live objects and is attached.
    unsafe {
        let py = Python::assume_attached();
        let words = if count == 3 { words_in(py, *given.add(1)) } else { None };
        let Some(words) = words else {
            PyTypeError::new_err("leave(guard, pass, result)").restore(py);
            return null_mut();
        };
        let Some(guard) = checked(py, *given) else { return null_mut() };
        let spot = Spot::of(&*guard.port);
        let result = *given.add(2);
        if !spot.port.is_usual(py, result) {
            let plan = Bound::from_borrowed_ptr(py, guard.plan);
            // A coroutine function may return what is still to be awaited.
            match look(spot.port, &plan, None, &Bound::from_borrowed_ptr(py, result)) {
                Ok(true) => {}
                Ok(false) => return ffi::Py_NewRef(ffi::Py_False()),
                Err(error) => {
                    error.restore(py);
                    return null_mut();
                }
            }
        }
        spot.succeed(pass_of(words));
        ffi::Py_NewRef(ffi::Py_True())
    }
}

unsafe fn words_in(py: Python<'_>, object: *mut PyObject) -> Option<[u8; 16]> {
    // SAFETY: a live object.
    let object = unsafe { Bound::from_borrowed_ptr(py, object) };
    object.cast::<PyBytes>().ok()?.as_bytes().try_into().ok()
}

unsafe fn checked<'a>(py: Python<'_>, object: *mut PyObject) -> Option<&'a Guard> {
    // SAFETY: a live object; what is of our type has our layout.
    unsafe {
        if is_guard(py, object) {
            return Some(&*object.cast::<Guard>());
        }
        PyTypeError::new_err("a guard is needed").restore(py);
        None
    }
}

/// Adds `enter` and `leave` to the module.
pub fn functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let entry = |name: &'static std::ffi::CStr, meth, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: meth,
        ml_flags: flags,
        ml_doc: null_mut(),
    };
    let one = ffi::PyMethodDefPointer { PyCFunction: enter };
    let many = ffi::PyMethodDefPointer { PyCFunctionFast: leave };
    // The interpreter keeps the entries for ever.
    let entries = Box::leak(Box::new([entry(c"enter", one, ffi::METH_O), entry(c"leave", many, ffi::METH_FASTCALL)]));
    for entry in entries {
        // SAFETY: a complete entry that lives for ever.
        let made = unsafe {
            Bound::from_owned_ptr_or_err(module.py(), ffi::PyCFunction_NewEx(entry, null_mut(), null_mut()))?
        };
        let name: String = made.getattr("__name__")?.extract()?;
        module.add(name.as_str(), made)?;
    }
    Ok(())
}
