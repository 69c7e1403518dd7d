//! A coroutine's call that cannot simply pass: its key, and asking.

use super::entry::Entry;
use super::port::{Port, Spot, ours};
use crate::call::{Call, tuple_of};
use crate::policy::object_of;
use crate::raise;
use crate::wake::wake;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use seawall::Pass;
use seawall::call::Step;

/// How a call began, as the driver reads it.
const ASK: u8 = 0;
const PASSES: u8 = 1;
const RUNS: u8 = 2;
const STANDS: u8 = 3;

/// The pass of one call, and the policy it belongs to: with that the cells of the call's key.
#[pyclass(frozen, module = "seawall._native")]
pub struct OwnPass {
    pub policy: seawall::Policy,
    pub pass: Pass,
}

#[pymethods]
impl OwnPass {
    /// The call succeeded.
    fn succeed(&self) {
        ours(|| self.policy.succeed(self.pass));
    }

    /// The pass for `Policy.call_after_pass`.
    fn words<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        object_of(py, self.pass)
    }
}

/// `entry.begin(args, kwargs)`: how the call began, its key or `None`, and what it is reported to.
///
/// - `(0, key, None)`: a driver is to ask.
/// - `(1, key, pass)`: the function is to run, under a pass.
/// - `(2, key, call)`: the function is to run, as the first attempt of the call.
/// - `(3, key, call, step)`: something else comes first.
pub unsafe extern "C" fn begin(
    this: *mut PyObject,
    given: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: the interpreter is attached and passes an entry and `count` live objects.
    Python::attach(|py| unsafe {
        let begun = if count == 2 {
            begun(py, &*this.cast::<Entry>(), *given, *given.add(1))
        } else {
            Err(pyo3::exceptions::PyTypeError::new_err("begin(args, kwargs)"))
        };
        match begun {
            Ok(begun) => begun.map_or(std::ptr::null_mut(), Bound::into_ptr),
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    })
}

/// `None`: the call is refused, with the error set.
///
/// # Safety
/// The entry and the arguments are alive.
unsafe fn begun<'py>(
    py: Python<'py>,
    entry: &Entry,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    // SAFETY: as promised; `args` is a tuple, and `kwargs` a dict or `None`.
    unsafe {
        let port = entry.port();
        if entry.key().is_null() {
            return ask(py, &Spot::of(port), None);
        }
        let kwargs = if kwargs == ffi::Py_None() { std::ptr::null_mut() } else { kwargs };
        let given = Bound::from_owned_ptr_or_err(py, ffi::PyObject_Call(entry.key(), args, kwargs))?;
        let (key, spot) = spot_at(port, given)?;
        match spot.pass() {
            Some(pass) => passing(py, &spot, Some(key), pass).map(Some),
            None => ask(py, &spot, Some(key)),
        }
    }
}

fn passing<'py>(
    py: Python<'py>,
    spot: &Spot<'_>,
    key: Option<Bound<'py, PyString>>,
    pass: Pass,
) -> PyResult<Bound<'py, PyTuple>> {
    let held = Bound::new(py, OwnPass { policy: spot.policy().clone(), pass })?;
    (PASSES, key, held).into_pyobject(py)
}

fn ask<'py>(
    py: Python<'py>,
    spot: &Spot<'_>,
    key: Option<Bound<'py, PyString>>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    if !spot.asks_alone() {
        return (ASK, key, py.None()).into_pyobject(py).map(Some);
    }
    if let Some(refusal) = ours(|| spot.policy().refusal()).flatten() {
        raise::raise_open(py, &refusal, spot.port.name(py));
        return Ok(None);
    }
    if let Some(pass) = spot.ask() {
        return passing(py, spot, key, pass).map(Some);
    }
    let mut call = spot.policy().call();
    let step = call.start();
    wake(py, call.take_wakes());
    let call = Bound::new(py, Call::new(call))?;
    match step {
        Step::Run { attempt: 1, limit: None, .. } => (RUNS, key, call).into_pyobject(py),
        step => (STANDS, key, call, tuple_of(py, step)?).into_pyobject(py),
    }
    .map(Some)
}

/// The cells that a key leads to, whatever the key function gave.
pub fn spot_at<'a, 'py>(port: &'a Port, given: Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyString>, Spot<'a>)> {
    let key = match given.cast_into::<PyString>() {
        Ok(text) => text,
        Err(other) => other.into_inner().str()?,
    };
    let spot = Spot::at(port, key.to_str()?, key.hash()?);
    Ok((key, spot))
}
