//! A coroutine's call that cannot simply pass: its key, and asking.

use super::admitted::Admitted;
use super::entry::Entry;
use super::port::{Port, Spot, ours};
use crate::call::{Call, tuple_of};
use crate::raise;
use crate::wake::wake;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use seawall::call::Step;

/// What an entry of one call holds for it.
pub enum Held {
    /// It has not begun, or its end is reported.
    Nothing,
    /// It may not run; who was to run it was told.
    Refused,
    /// A driver is to ask.
    Driver,
    /// The function runs.
    Admitted(Admitted),
    /// The function runs, as the first attempt of the call.
    Call(Box<seawall::call::Call>),
    /// Something else comes first, or after a success.
    Stands(Box<seawall::call::Call>, Step),
}

impl Held {
    pub fn runs(&self) -> bool {
        matches!(self, Held::Admitted(_) | Held::Call(_))
    }

    /// A coroutine is gone without a word: nothing is counted.
    pub fn give_back(self, py: Python<'_>) {
        let mut call = match self {
            Held::Nothing | Held::Refused | Held::Driver => return,
            Held::Admitted(admitted) => admitted.into_call(),
            Held::Call(call) | Held::Stands(call, _) => call,
        };
        call.cancelled(false);
        wake(py, call.take_wakes());
    }
}

/// Begins a call that may not pass; `None`: it is refused, with the error set.
pub fn ask(py: Python<'_>, spot: &Spot<'_>) -> Option<Held> {
    if !spot.asks_alone() {
        return Some(Held::Driver);
    }
    if let Some(refusal) = ours(|| spot.policy().refusal()).flatten() {
        raise::raise_open(py, &refusal, spot.port.name(py));
        return None;
    }
    if let Some(pass) = spot.ask() {
        return Some(Held::Admitted(Admitted::passed(spot, pass)));
    }
    if let Some(admitted) = Admitted::let_in(spot) {
        return Some(Held::Admitted(admitted));
    }
    let mut call = Box::new(spot.policy().call());
    let step = call.start();
    wake(py, call.take_wakes());
    Some(match step {
        Step::Run { attempt: 1, limit: None, .. } => Held::Call(call),
        step => Held::Stands(call, step),
    })
}

/// How a call began, as the driver reads it.
const ASK: u8 = 0;
const RUNS: u8 = 1;
const STANDS: u8 = 2;

/// `entry.begin(args, kwargs)`, of an entry of one call: how the call began, and its key or `None`.
///
/// - `(0, key)`: a driver is to ask.
/// - `(1, key)`: the function is to run; the entry is told how it ended.
/// - `(2, key, call, step)`: something else comes first.
pub unsafe extern "C" fn begin(
    this: *mut PyObject,
    given: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: the interpreter is attached and passes an entry and `count` live objects.
    Python::attach(|py| unsafe {
        let begun = if count == 2 {
            begun(py, this, *given, *given.add(1))
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
    this: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    // SAFETY: as promised; `args` is a tuple, and `kwargs` a dict or `None`.
    unsafe {
        let entry = &*this.cast::<Entry>();
        let mut key = None;
        let mut held = entry.take();
        if !entry.key().is_null() {
            let kwargs = if kwargs == ffi::Py_None() { std::ptr::null_mut() } else { kwargs };
            let given = Bound::from_owned_ptr_or_err(py, ffi::PyObject_Call(entry.key(), args, kwargs))?;
            let (text, spot) = spot_at(entry.port(), given)?;
            key = Some(text);
            held = match spot.pass() {
                Some(pass) => Held::Admitted(Admitted::passed(&spot, pass)),
                None => match ask(py, &spot) {
                    Some(held) => held,
                    None => return Ok(None),
                },
            };
        } else if matches!(held, Held::Nothing) {
            match ask(py, &Spot::of(entry.port())) {
                Some(asked) => held = asked,
                None => return Ok(None),
            }
        }
        let begun = match held {
            Held::Stands(call, step) => (STANDS, key, Call::new(*call), tuple_of(py, step)?).into_pyobject(py)?,
            held => {
                let how = if held.runs() { RUNS } else { ASK };
                entry.hold(held);
                (how, key).into_pyobject(py)?
            }
        };
        Ok(Some(begun))
    }
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
