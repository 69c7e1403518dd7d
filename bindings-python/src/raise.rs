//! Errors of the core as the package's own exceptions.

use crate::guard::OpenCircuit;
use crate::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use seawall::error::{Code, ConfigError, Refusal};

static CONFIG_ERROR: Once<Py<PyAny>> = Once::new();
static FROM_REFUSAL: Once<Py<PyAny>> = Once::new();

/// A name of `seawall.errors`.
fn found<'py>(py: Python<'py>, cell: &'static Once<Py<PyAny>>, name: &str) -> PyResult<&'py Bound<'py, PyAny>> {
    let found = cell.get_or_find(py, || Ok(py.import("seawall.errors")?.getattr(name)?.unbind()))?;
    Ok(found.bind(py))
}

/// A `seawall.ConfigError` with path, reason, suggestion and source.
pub fn config(py: Python<'_>, error: ConfigError) -> PyErr {
    let made = found(py, &CONFIG_ERROR, "config_error")
        .and_then(|make| make.call1((error.code.as_str(), error.path, error.reason, error.suggestion, error.source)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// What `seawall.errors.from_refusal` reads.
pub fn refusal_dict<'py>(py: Python<'py>, refusal: &Refusal) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("code", refusal.code.as_str())?;
    dict.set_item("message", refusal.to_string())?;
    dict.set_item("state", refusal.state.map(|state| state.as_str()))?;
    dict.set_item("retry_after", refusal.retry_after.map(|span| span.as_secs_f64()))?;
    dict.set_item("used", refusal.used)?;
    dict.set_item("limit", refusal.limit)?;
    dict.set_item("amount", refusal.amount())?;
    dict.set_item("problem", refusal.problem())?;
    Ok(dict)
}

static CIRCUIT_OPEN: Once<Py<PyAny>> = Once::new();

/// The class of the errors that an open circuit raises.
fn circuit_open(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    found(py, &CIRCUIT_OPEN, "CircuitOpenError")
}

/// Raises the one refusal that needs no driver: sets the error, for code that returns null.
pub fn raise_open(py: Python<'_>, refusal: &Refusal, policy: Option<Py<PyString>>) {
    match circuit_open(py) {
        Ok(kind) => OpenCircuit::of(refusal, policy).raise(kind),
        Err(error) => error.restore(py),
    }
}

/// A new exception for a refusal.
pub fn refused(py: Python<'_>, refusal: &Refusal, policy: Option<&str>) -> PyErr {
    let made = match refusal.code {
        Code::CircuitOpen => circuit_open(py).and_then(|kind| {
            kind.call1((OpenCircuit::of(refusal, policy.map(|name| PyString::new(py, name).unbind())),))
        }),
        _ => refusal_dict(py, refusal).and_then(|dict| found(py, &FROM_REFUSAL, "from_refusal")?.call1((dict, policy))),
    };
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
