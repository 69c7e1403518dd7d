//! A call of a coroutine function: the coroutine that its driver, which is in Python, makes.

use super::{Arguments, Guard, entry, ffi as own};
use pyo3::ffi;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::ptr::null_mut;

/// `drive(entry, args, kwargs)`. Nothing is taken, and nothing of the function runs, before the
/// coroutine does.
///
/// # Safety
/// The interpreter is attached; `this` is a live guard with a driver.
pub unsafe fn make(this: *mut PyObject, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised; no Python code runs while the guard is borrowed. What is made is let go of.
    unsafe {
        let py = Python::assume_attached();
        let entry = entry::of(py, &mut *this.cast::<Guard>());
        if entry.is_null() {
            return null_mut();
        }
        let drive = (*this.cast::<Guard>()).drive;
        // The slot before the first is the callee's to use.
        let mut given = [null_mut(), entry, null_mut(), null_mut()];
        let made = if arguments.are_none() {
            // The driver's defaults say so.
            own::PyObject_Vectorcall(drive, given.as_ptr().add(1), 1 | own::ARGUMENTS_OFFSET, null_mut())
        } else {
            match arguments.gather(py) {
                Ok((args, kwargs)) => {
                    given[2] = args.as_ptr();
                    given[3] = kwargs.as_ref().map_or(ffi::Py_None(), |kwargs| kwargs.as_ptr());
                    let from = given.as_ptr().add(1);
                    own::PyObject_Vectorcall(drive, from, 3 | own::ARGUMENTS_OFFSET, null_mut())
                }
                Err(error) => {
                    error.restore(py);
                    null_mut()
                }
            }
        };
        ffi::Py_DECREF(entry);
        made
    }
}
