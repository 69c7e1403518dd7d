//! What the hot path needs of the interpreter beyond the limited API of 3.11.
//!
//! `PyObject_Vectorcall` and `PyVectorcall_Call` are in the stable ABI from 3.12 on, under the names and with the
//! meaning they have in 3.11; `PyContextVar_Get` has not changed since 3.7. So one binary serves every version.

use core::ffi::{c_int, c_ulong};
use pyo3::ffi::{PyObject, Py_ssize_t};

pub type VectorcallFunc =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

unsafe extern "C" {
    pub fn PyObject_Vectorcall(
        callable: *mut PyObject,
        args: *const *mut PyObject,
        nargsf: usize,
        kwnames: *mut PyObject,
    ) -> *mut PyObject;
    pub fn PyVectorcall_Call(callable: *mut PyObject, args: *mut PyObject, kwargs: *mut PyObject) -> *mut PyObject;
    pub fn PyContextVar_Get(var: *mut PyObject, default: *mut PyObject, value: *mut *mut PyObject) -> c_int;
}

pub const TPFLAGS_HAVE_VECTORCALL: c_ulong = 1 << 11;
pub const TPFLAGS_METHOD_DESCRIPTOR: c_ulong = 1 << 17;

/// The highest bit of `nargsf` says that the slot before the arguments may be borrowed.
pub const fn nargs(nargsf: usize) -> usize {
    nargsf & (usize::MAX >> 1)
}

const _: () = assert!(size_of::<Py_ssize_t>() == size_of::<usize>());

/// `nargsf`: the slot before the arguments may be used by the callee.
pub const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);
