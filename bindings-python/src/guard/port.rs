//! Where the guards of one plan find its policy, and what of a call can be decided without Python.

use super::ffi;
use crate::policy::{Policy, gate_off};
use pyo3::ffi::PyObject;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use seawall::Pass;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The policy that calls go to now.
pub struct Seat {
    pub policy: seawall::Policy,
    /// No call may pass: the caller gave a deadline, or the gate is off.
    asks: bool,
    /// The host's half has nothing to say while a call goes well: no store, estimate, hook or test.
    alone: bool,
}

/// One for each plan and key. A test moves it to another registry's policy and back.
#[pyclass(frozen)]
pub struct Port {
    seat: AtomicPtr<Seat>,
    /// Seats that were left. While one thread runs at a time nobody looks at them any more; without
    /// that lock another thread may, so they stay as long as the port.
    left: Mutex<Vec<Box<Seat>>>,
    plan: Py<PyAny>,
    /// A type of results that carries no status: the first that was met.
    usual: PyOnceLock<Py<PyType>>,
}

#[pymethods]
impl Port {
    #[new]
    fn new(plan: Py<PyAny>, policy: &Policy, asks: bool, alone: bool) -> Port {
        let seat = Seat { policy: policy.inner.clone(), asks: asks || gate_off(), alone };
        Port {
            seat: AtomicPtr::new(Box::into_raw(Box::new(seat))),
            left: Mutex::default(),
            plan,
            usual: PyOnceLock::new(),
        }
    }

    /// Sends the calls that follow to another policy.
    fn move_to(&self, policy: &Policy, asks: bool, alone: bool) {
        let seat = Seat { policy: policy.inner.clone(), asks: asks || gate_off(), alone };
        // AcqRel: who finds the new seat finds what it holds.
        let before = self.seat.swap(Box::into_raw(Box::new(seat)), Ordering::AcqRel);
        // SAFETY: the pointer came from `Box::into_raw`, and the swap made it ours alone to keep.
        let before = unsafe { Box::from_raw(before) };
        if let Ok(mut left) = self.left.lock()
            && cfg!(Py_GIL_DISABLED)
        {
            left.push(before);
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.plan)?;
        // SAFETY: the collector runs with the interpreter attached.
        let py = unsafe { Python::assume_attached() };
        self.usual.get(py).map_or(Ok(()), |kind| visit.call(kind))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`, and nobody else can reach the port any more.
        drop(unsafe { Box::from_raw(*self.seat.get_mut()) });
    }
}

impl Port {
    /// The seat of this moment: not to be kept over anything that runs Python code.
    #[inline]
    pub fn seat(&self) -> &Seat {
        // SAFETY: a seat is freed with its port, or in `move_to` while this thread cannot run; see `left`.
        unsafe { &*self.seat.load(Ordering::Acquire) }
    }

    pub fn plan<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.plan.bind(py)
    }

    /// Leave to run without asking. Inside another call's deadline every call asks.
    #[inline]
    pub fn pass(&self) -> Option<Pass> {
        let seat = self.seat();
        if seat.asks || inside_a_deadline() {
            return None;
        }
        ours(|| seat.policy.pass()).flatten()
    }

    #[inline]
    pub fn succeed(&self, pass: Pass) {
        let seat = self.seat();
        ours(|| seat.policy.succeed(pass));
    }

    /// Whether a call can be asked for here, without the driver in Python.
    pub fn asks_alone(&self) -> bool {
        let seat = self.seat();
        if !seat.alone || inside_a_deadline() || seat.policy.registry().events().wanted() {
            return false;
        }
        let config = seat.policy.config();
        config.cache.is_none() && config.cost.is_empty()
    }

    /// Whether a result needs no look: its type cannot say that the call failed.
    #[inline]
    pub fn is_usual(&self, py: Python<'_>, result: *mut PyObject) -> bool {
        // SAFETY: a live object of the caller's.
        let kind = unsafe { pyo3::ffi::Py_TYPE(result) };
        is_bare(kind) || self.usual.get(py).is_some_and(|usual| usual.as_ptr() == kind.cast())
    }

    pub fn remember_usual(&self, py: Python<'_>, kind: &Bound<'_, PyType>) {
        // A second type is looked at each time.
        let _ = self.usual.set(py, kind.clone().unbind());
    }
}

/// A fault of ours lets the call through: `None`.
pub fn ours<R>(work: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Built-in types that carry no status and hand out no work.
#[inline]
fn is_bare(kind: *mut pyo3::ffi::PyTypeObject) -> bool {
    use pyo3::ffi;
    // SAFETY: addresses of the interpreter's own objects; nothing is read but the type of `None`.
    unsafe {
        kind == ffi::Py_TYPE(ffi::Py_None())
            || kind == &raw mut ffi::PyUnicode_Type
            || kind == &raw mut ffi::PyDict_Type
            || kind == &raw mut ffi::PyLong_Type
            || kind == &raw mut ffi::PyBool_Type
            || kind == &raw mut ffi::PyList_Type
            || kind == &raw mut ffi::PyTuple_Type
            || kind == &raw mut ffi::PyBytes_Type
            || kind == &raw mut ffi::PyFloat_Type
            || kind == &raw mut ffi::PySet_Type
            || kind == &raw mut ffi::PyFrozenSet_Type
    }
}

/// The context variable that holds the deadline of the call around.
static DEADLINE: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());

/// Names the context variable of the deadline; the package does so when it is imported.
#[pyfunction]
pub fn set_deadline_variable(variable: Py<PyAny>) {
    // The one before, if there is any, stays referred to: a call of another thread may be reading it.
    DEADLINE.store(variable.into_ptr(), Ordering::Release);
}

#[inline]
fn inside_a_deadline() -> bool {
    let variable = DEADLINE.load(Ordering::Acquire);
    if variable.is_null() {
        return false;
    }
    let mut value = std::ptr::null_mut();
    // SAFETY: the interpreter is attached in every caller; the variable is never freed.
    unsafe {
        if ffi::PyContextVar_Get(variable, std::ptr::null_mut(), &mut value) < 0 {
            pyo3::ffi::PyErr_Clear();
            return true;
        }
        if value.is_null() {
            return false;
        }
        let inside = value != pyo3::ffi::Py_None();
        pyo3::ffi::Py_DECREF(value);
        inside
    }
}
