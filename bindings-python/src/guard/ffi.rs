//! What the hot path needs of the interpreter beyond the limited API of 3.11.
//!
//! `PyObject_Vectorcall` and `PyVectorcall_Call` are in the stable ABI from 3.12 on, under the names and with the
//! meaning they have in 3.11; `PyContextVar_Get` and `PyVectorcall_Function` are public functions that have not changed
//! since 3.7 and 3.8. So one binary serves every version.

use core::ffi::{CStr, c_int, c_ulong};
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

pub type VectorcallFunc =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

unsafe extern "C" {
    pub fn PyObject_Vectorcall(
        callable: *mut PyObject,
        args: *const *mut PyObject,
        nargsf: usize,
        kwnames: *mut PyObject,
    ) -> *mut PyObject;
    pub fn PyVectorcall_Function(callable: *mut PyObject) -> Option<VectorcallFunc>;
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

/// How a callable is called best: a function of Python without the checks that others need.
///
/// # Safety
/// The interpreter is attached.
pub unsafe fn way_to_call(callable: &Bound<'_, PyAny>) -> VectorcallFunc {
    let is_function = callable.get_type().name().is_ok_and(|name| name == "function");
    // SAFETY: as promised; a live object.
    let own = if is_function { unsafe { PyVectorcall_Function(callable.as_ptr()) } } else { None };
    own.unwrap_or(PyObject_Vectorcall)
}

/// An entry of a type's table of members, for reading.
pub fn member(name: &'static CStr, type_code: c_int, offset: usize) -> ffi::PyMemberDef {
    let offset = offset as Py_ssize_t;
    ffi::PyMemberDef { name: name.as_ptr(), type_code, offset, flags: ffi::Py_READONLY, doc: core::ptr::null_mut() }
}

/// Shows the collector what an object refers to; null is nothing.
///
/// # Safety
/// Called by the collector, with live objects.
pub unsafe fn visit_all(visit: ffi::visitproc, argument: *mut core::ffi::c_void, held: &[*mut PyObject]) -> c_int {
    for &object in held.iter().filter(|object| !object.is_null()) {
        // SAFETY: as promised.
        let stop = unsafe { visit(object, argument) };
        if stop != 0 {
            return stop;
        }
    }
    0
}

/// A type made by hand. `slots` ends with an empty one, and its tables live for ever.
pub fn new_type(
    py: Python<'_>,
    name: &'static CStr,
    size: usize,
    flags: c_ulong,
    slots: &mut [ffi::PyType_Slot],
) -> PyResult<Py<PyType>> {
    let common = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | ffi::Py_TPFLAGS_IMMUTABLETYPE;
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size as c_int,
        itemsize: 0,
        flags: (common | flags) as core::ffi::c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: name, slots and their tables are complete, ended and live long enough.
    unsafe {
        let made = ffi::PyType_FromSpec(&raw mut spec);
        Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into::<PyType>()?.unbind())
    }
}
