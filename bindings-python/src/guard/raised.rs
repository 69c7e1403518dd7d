//! The error that a protected function raised, while the interpreter does not hold it.

use pyo3::ffi;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::ptr::null_mut;

/// Put back it is raised again as it was; dropped it is gone.
pub struct Raised<'py> {
    kind: *mut PyObject,
    error: Bound<'py, PyAny>,
    traceback: *mut PyObject,
}

impl<'py> Raised<'py> {
    /// Takes the error that is set.
    ///
    /// # Safety
    /// One is set.
    pub unsafe fn take(py: Python<'py>) -> Raised<'py> {
        let (mut kind, mut error, mut traceback) = (null_mut(), null_mut(), null_mut());
        // SAFETY: as promised; what is fetched is ours.
        unsafe {
            ffi::PyErr_Fetch(&raw mut kind, &raw mut error, &raw mut traceback);
            // One that C raised may not be an object yet.
            if error.is_null() || ffi::Py_TYPE(error).cast() != kind {
                ffi::PyErr_NormalizeException(&raw mut kind, &raw mut error, &raw mut traceback);
            }
            Raised { kind, error: Bound::from_owned_ptr(py, error), traceback }
        }
    }

    pub fn error(&self) -> &Bound<'py, PyAny> {
        &self.error
    }

    pub fn restore(mut self) {
        let (kind, traceback) = (self.take_kind(), self.take_traceback());
        // SAFETY: references of our own, each given away once.
        unsafe { ffi::PyErr_Restore(kind, self.error.clone().into_ptr(), traceback) };
    }

    /// The error, with the traceback that Python reads.
    pub fn into_error(self) -> Bound<'py, PyAny> {
        if !self.traceback.is_null() {
            // SAFETY: an error and its traceback; both stay ours.
            unsafe { ffi::PyException_SetTraceback(self.error.as_ptr(), self.traceback) };
        }
        self.error.clone()
    }

    fn take_kind(&mut self) -> *mut PyObject {
        std::mem::replace(&mut self.kind, null_mut())
    }

    fn take_traceback(&mut self) -> *mut PyObject {
        std::mem::replace(&mut self.traceback, null_mut())
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        // SAFETY: the interpreter is attached, for the error is; each is null or a reference of ours.
        unsafe {
            ffi::Py_XDECREF(self.take_kind());
            ffi::Py_XDECREF(self.take_traceback());
        }
    }
}
