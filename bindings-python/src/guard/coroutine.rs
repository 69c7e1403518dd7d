//! A call of a coroutine function: the coroutine that its driver, which is in Python, makes.

use super::{Arguments, Guard, entry, ffi as own};
use pyo3::ffi;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::ptr::null_mut;

/// `drive(entry)`, or another of (entry, args, kwargs). Nothing is taken, and nothing of the function runs, before the
/// coroutine does.
///
/// # Safety
/// The interpreter is attached; `this` is a live guard with a driver.
#[inline(always)]
pub unsafe fn make(this: *mut PyObject, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised. The guard holds the entry until the driver, a function of Python's, has taken it: nothing
    // can run before.
    unsafe {
        let guard = &*this.cast::<Guard>();
        match entry::of_last(guard) {
            Some(entry) if arguments.are_none() => drive(guard, entry),
            _ => make_apart(this, arguments),
        }
    }
}

/// # Safety
/// As for `make`; the entry is alive.
#[inline(always)]
unsafe fn drive(guard: &Guard, entry: *mut PyObject) -> *mut PyObject {
    // The slot before the first is the callee's to use.
    let given = [null_mut(), entry];
    // SAFETY: as promised.
    unsafe { (guard.call)(guard.drive, given.as_ptr().add(1), 1 | own::ARGUMENTS_OFFSET, null_mut()) }
}

/// The same with arguments, or where the last coroutine's entry will not do.
///
/// # Safety
/// As for `make`.
#[inline(never)]
unsafe fn make_apart(this: *mut PyObject, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised; no Python code runs while the guard is borrowed. What is made is let go of.
    unsafe {
        let py = Python::assume_attached();
        let entry = entry::of(py, &mut *this.cast::<Guard>());
        if entry.is_null() {
            return null_mut();
        }
        let guard = &*this.cast::<Guard>();
        let made = if arguments.are_none() && entry::runs(entry) {
            drive(guard, entry)
        } else {
            make_with(py, guard, entry, arguments)
        };
        ffi::Py_DECREF(entry);
        made
    }
}

/// # Safety
/// As for `make`; the entry is alive.
unsafe fn make_with(py: Python<'_>, guard: &Guard, entry: *mut PyObject, arguments: Arguments) -> *mut PyObject {
    // SAFETY: as promised.
    unsafe {
        match arguments.gather(py) {
            Ok((args, kwargs)) => {
                let kwargs = kwargs.as_ref().map_or(ffi::Py_None(), |kwargs| kwargs.as_ptr());
                let drive = if entry::runs(entry) { guard.drive_with } else { guard.drive_asking };
                let given = [null_mut(), entry, args.as_ptr(), kwargs];
                (guard.call)(drive, given.as_ptr().add(1), 3 | own::ARGUMENTS_OFFSET, null_mut())
            }
            Err(error) => {
                error.restore(py);
                null_mut()
            }
        }
    }
}
