//! The type of guards: made once, by hand, because it needs a vectorcall slot.

use super::{Guard, Port, call_coroutine, call_keyed, call_plain, ffi as own, run_plain};
use crate::once::Once;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::ptr::{from_ref, null_mut};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;

static KIND: Once<Py<PyType>> = Once::new();

const DOC: &std::ffi::CStr = c"A function that a policy of Seawall protects.";

/// A guard of `function`. `key` gives the key of a call by its arguments; of `drive` the first makes a coroutine of
/// an entry, the second of (entry, args, kwargs), the third of these where a driver begins the call.
#[pyfunction]
pub fn guard<'py>(
    py: Python<'py>,
    function: Bound<'py, PyAny>,
    plan: Bound<'py, PyAny>,
    port: Bound<'py, Port>,
    key: Option<Bound<'py, PyAny>>,
    drive: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)>,
) -> PyResult<Bound<'py, PyAny>> {
    // Its first call would import them, while another thread may fork: their lock is no child's to open.
    py.import(intern!(py, "seawall._drive"))?;
    let kind = KIND.get_or_find(py, || make(py))?;
    // SAFETY: the type was made for this layout; a new object is zeroed, and nothing runs between here and its
    // last field being set.
    unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(kind.as_ptr().cast(), 0))?;
        let guard = &mut *made.as_ptr().cast::<Guard>();
        guard.vectorcall = match (&drive, &key) {
            (Some(_), _) => call_coroutine,
            (None, Some(_)) => call_keyed,
            (None, None) if port.get().is_judged() => run_plain,
            (None, None) => call_plain,
        };
        guard.port = from_ref(port.get());
        guard.call = own::way_to_call(drive.as_ref().map_or(&function, |(drive, ..)| drive));
        guard.function = function.into_ptr();
        guard.port_object = port.into_ptr();
        guard.plan = plan.into_ptr();
        guard.key = key.map_or(null_mut(), Bound::into_ptr);
        if let Some((drive, drive_with, drive_asking)) = drive {
            guard.drive = drive.into_ptr();
            guard.drive_with = drive_with.into_ptr();
            guard.drive_asking = drive_asking.into_ptr();
        }
        Ok(made)
    }
}

const CO_COROUTINE: i64 = 0x80;

fn flags_of(function: &Bound<'_, PyAny>) -> PyResult<i64> {
    function.getattr("__code__")?.getattr("co_flags")?.extract()
}

fn make(py: Python<'_>) -> PyResult<Py<PyType>> {
    // The interpreter keeps the tables of a type for ever.
    let members = Box::leak(Box::new([
        own::member(c"__vectorcalloffset__", ffi::Py_T_PYSSIZET, offset_of!(Guard, vectorcall)),
        own::member(c"__dictoffset__", ffi::Py_T_PYSSIZET, offset_of!(Guard, dict)),
        own::member(c"__weaklistoffset__", ffi::Py_T_PYSSIZET, offset_of!(Guard, weakrefs)),
        // SAFETY: the empty entry that ends the table.
        unsafe { core::mem::zeroed() },
    ]));
    let getter = |name: &'static std::ffi::CStr, get: ffi::getter, set: Option<ffi::setter>| ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set,
        doc: null_mut(),
        closure: null_mut(),
    };
    let getters = Box::leak(Box::new([
        getter(c"__dict__", ffi::PyObject_GenericGetDict, Some(ffi::PyObject_GenericSetDict)),
        getter(c"__code__", code, None),
        getter(c"__defaults__", defaults, None),
        getter(c"__kwdefaults__", kwdefaults, None),
        // SAFETY: as above.
        unsafe { core::mem::zeroed() },
    ]));
    let methods = Box::leak(Box::new([
        ffi::PyMethodDef {
            ml_name: c"__reduce__".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunction: reduce },
            ml_flags: ffi::METH_NOARGS,
            ml_doc: null_mut(),
        },
        // SAFETY: as above.
        unsafe { core::mem::zeroed() },
    ]));
    let slot = |slot: c_int, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
        slot(ffi::Py_tp_getset, getters.as_mut_ptr().cast()),
        slot(ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
        slot(ffi::Py_tp_call, own::PyVectorcall_Call as *mut c_void),
        slot(ffi::Py_tp_descr_get, bind as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(0, null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_HAVE_GC | own::TPFLAGS_HAVE_VECTORCALL | own::TPFLAGS_METHOD_DESCRIPTOR;
    own::new_type(py, c"seawall._native.Guard", size_of::<Guard>(), flags, &mut slots)
}

/// `instance.method`: the method object that Python makes for its own functions.
unsafe extern "C" fn bind(
    this: *mut ffi::PyObject,
    instance: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter passes live objects, and null for no instance.
    unsafe {
        if instance.is_null() || instance == ffi::Py_None() {
            ffi::Py_INCREF(this);
            return this;
        }
        answer(|py| {
            static METHOD: Once<Py<PyType>> = Once::new();
            let method = METHOD
                .get_or_find(py, || Ok(py.import("types")?.getattr("MethodType")?.cast_into()?.unbind()))?
                .bind(py);
            method.call1((Bound::from_borrowed_ptr(py, this), Bound::from_borrowed_ptr(py, instance)))
        })
    }
}

unsafe extern "C" fn repr(this: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live guard.
    unsafe {
        answer(|py| {
            let function = Bound::from_borrowed_ptr(py, (*this.cast::<Guard>()).function);
            let text = format!("<protected {}>", function.repr()?.to_string().trim_matches(['<', '>']));
            Ok(text.into_pyobject(py)?.into_any())
        })
    }
}

/// Pickled as functions are: by the name under which they are found.
unsafe extern "C" fn reduce(this: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live guard.
    unsafe { answer(|py| Bound::from_borrowed_ptr(py, this).getattr("__qualname__")) }
}

/// The code that frameworks look at to see what kind of function this is.
unsafe extern "C" fn code(this: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: a live guard.
    unsafe {
        answer(|py| {
            let guard = &*this.cast::<Guard>();
            let function = Bound::from_borrowed_ptr(py, guard.function);
            if guard.drive.is_null() || flags_of(&function).is_ok_and(|flags| flags & CO_COROUTINE != 0) {
                return function.getattr("__code__");
            }
            Bound::from_borrowed_ptr(py, guard.drive).getattr("__code__")
        })
    }
}

unsafe extern "C" fn defaults(this: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: a live guard.
    unsafe { of_function(this, "__defaults__") }
}

unsafe extern "C" fn kwdefaults(this: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: a live guard.
    unsafe { of_function(this, "__kwdefaults__") }
}

/// # Safety
/// `this` is a live guard and the interpreter is attached.
unsafe fn of_function(this: *mut ffi::PyObject, name: &str) -> *mut ffi::PyObject {
    // SAFETY: as promised.
    unsafe {
        answer(|py| {
            let function = Bound::from_borrowed_ptr(py, (*this.cast::<Guard>()).function);
            Ok(function.getattr_opt(name)?.unwrap_or_else(|| py.None().into_bound(py)))
        })
    }
}

/// Hands a result to the interpreter: null where an error is set.
///
/// # Safety
/// The interpreter is attached.
unsafe fn answer(work: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>) -> *mut ffi::PyObject {
    Python::attach(|py| {
        let done = super::port::ours(|| work(py));
        match done.unwrap_or_else(|| Err(PyRuntimeError::new_err("a fault of Seawall"))) {
            Ok(object) => object.into_ptr(),
            Err(error) => {
                error.restore(py);
                null_mut()
            }
        }
    })
}

unsafe extern "C" fn traverse(this: *mut ffi::PyObject, visit: ffi::visitproc, argument: *mut c_void) -> c_int {
    // SAFETY: the collector passes a live guard; every field is null or a reference that we hold.
    unsafe {
        let guard = &*this.cast::<Guard>();
        let kind = ffi::Py_TYPE(this).cast();
        match visit(kind, argument) {
            0 => own::visit_all(visit, argument, &guard.held()),
            stop => stop,
        }
    }
}

/// Empties what may be part of a cycle. The function and the port stay: a guard that is called by a
/// finalizer while the collector takes its cycle apart still works.
unsafe extern "C" fn clear(this: *mut ffi::PyObject) -> c_int {
    // SAFETY: as in `traverse`; a field is emptied before what it held can run code.
    unsafe {
        let guard = &mut *this.cast::<Guard>();
        let dict = core::mem::replace(&mut guard.dict, null_mut());
        if !dict.is_null() {
            ffi::Py_DECREF(dict);
        }
        0
    }
}

unsafe extern "C" fn dealloc(this: *mut ffi::PyObject) {
    // SAFETY: the last reference is gone; the fields are released once and the memory by the type's own function.
    unsafe {
        let kind = ffi::Py_TYPE(this);
        ffi::PyObject_GC_UnTrack(this.cast());
        let guard = &mut *this.cast::<Guard>();
        if !guard.weakrefs.is_null() {
            ffi::PyObject_ClearWeakRefs(this);
        }
        for field in guard.held() {
            ffi::Py_XDECREF(field);
        }
        ffi::PyObject_GC_Del(this.cast());
        ffi::Py_DECREF(kind.cast());
    }
}
