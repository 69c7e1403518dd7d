//! The core's tables and lists, for the package to classify and to be tested against.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use seawall::error::Code;
use seawall::outcome::{Hint, Outcome};

/// Names of the outcomes, by their numbers.
pub fn outcomes(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, Outcome::ALL.map(Outcome::as_str))
}

/// All codes but `ok`, by name.
pub fn codes(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for code in Code::ALL {
        if code != Code::Ok {
            dict.set_item(code.as_str(), code as i32)?;
        }
    }
    Ok(dict)
}

/// What an HTTP status says about the dependency.
#[pyfunction]
pub fn http_status(status: u16) -> u8 {
    seawall::classify::http_status(status) as u8
}

/// What the name of an exception type (`module.Name`) says; `None` if it is in no table.
#[pyfunction]
pub fn error_name(name: &str) -> Option<u8> {
    seawall::classify::error_name("python", name).map(|outcome| outcome as u8)
}

/// Nanoseconds that a `Retry-After` header asks for; -1 for never, `None` for nonsense.
#[pyfunction]
pub fn parse_retry_after(text: &str, unix_now: i64) -> Option<i64> {
    seawall::classify::retry_after(text, unix_now).map(hint_nanos)
}

pub fn hint_nanos(hint: Hint) -> i64 {
    match hint {
        Hint::After(span) => i64::try_from(span.0).unwrap_or(i64::MAX),
        Hint::Never => -1,
    }
}

/// An outcome by its number; numbers only come from `OUTCOMES`.
pub fn outcome(number: u8) -> PyResult<Outcome> {
    Outcome::from_u8(number)
        .ok_or_else(|| pyo3::exceptions::PyValueError::new_err(format!("{number} is not the number of an outcome")))
}
