//! Errors of the core as the package's own exceptions.

use crate::once::Once;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use seawall::error::{Code, ConfigError, Refusal};

static CONFIG_ERROR: Once<Py<PyAny>> = Once::new();
static FROM_REFUSAL: Once<Py<PyAny>> = Once::new();

fn function<'py>(py: Python<'py>, cell: &'static Once<Py<PyAny>>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let found = cell.get_or_find(py, || Ok(py.import("seawall.errors")?.getattr(name)?.unbind()))?;
    Ok(found.bind(py).clone())
}

/// A `seawall.ConfigError` with path, reason, suggestion and source.
pub fn config(py: Python<'_>, error: ConfigError) -> PyErr {
    let made = function(py, &CONFIG_ERROR, "config_error")
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

/// `from_refusal` for the one that is raised without a driver.
fn circuit_open<'py>(py: Python<'py>, refusal: &Refusal, policy: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
    let message = match policy {
        Some(policy) => format!("{policy}: {refusal}"),
        None => refusal.to_string(),
    };
    let error = function(py, &CIRCUIT_OPEN, "CircuitOpenError")?.call1((message,))?;
    error.setattr(intern!(py, "policy"), policy)?;
    error.setattr(intern!(py, "retry_after"), refusal.retry_after.map(|span| span.as_secs_f64()))?;
    if let Some(state) = refusal.state {
        error.setattr(intern!(py, "state"), state.as_str())?;
    }
    Ok(error)
}

/// A new exception for a refusal.
pub fn refused(py: Python<'_>, refusal: &Refusal, policy: Option<&str>) -> PyErr {
    if refusal.code == Code::CircuitOpen {
        return circuit_open(py, refusal, policy).map_or_else(|error| error, PyErr::from_value);
    }
    let made =
        refusal_dict(py, refusal).and_then(|dict| function(py, &FROM_REFUSAL, "from_refusal")?.call1((dict, policy)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
