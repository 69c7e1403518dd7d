//! What is told of a call with the error it ended with.

use pyo3::prelude::*;
use pyo3::types::PyString;
use seawall::call::Call;
use seawall::{Pass, Policy};

/// What Seawall knows of a call that ended with an error: see `seawall.report`.
#[pyclass(frozen, get_all, module = "seawall")]
pub struct Report {
    /// Attempts that were started.
    attempts: u32,
    /// Seconds since the first began; 0.0 where nobody measured.
    elapsed: f64,
    /// Why there was no further attempt, where that was decided.
    reason: Option<Py<PyString>>,
    /// The name of the policy.
    policy: Option<Py<PyString>>,
}

#[pymethods]
impl Report {
    #[new]
    fn new(attempts: u32, elapsed: f64, reason: Option<Py<PyString>>, policy: Option<Py<PyString>>) -> Report {
        Report { attempts, elapsed, reason, policy }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let elapsed = self.elapsed.into_pyobject(py)?.repr()?;
        let reason =
            self.reason.as_ref().map_or_else(|| Ok(PyString::new(py, "None")), |reason| reason.bind(py).repr())?;
        Ok(format!("Report(attempts={}, elapsed={elapsed}, reason={reason})", self.attempts))
    }

    #[allow(clippy::type_complexity)]
    fn __getnewargs__(&self, py: Python<'_>) -> (u32, f64, Option<Py<PyString>>, Option<Py<PyString>>) {
        let copy = |text: &Option<Py<PyString>>| text.as_ref().map(|text| text.clone_ref(py));
        (self.attempts, self.elapsed, copy(&self.reason), copy(&self.policy))
    }
}

fn text(py: Python<'_>, text: Option<&str>) -> Option<Py<PyString>> {
    text.map(|text| PyString::new(py, text).unbind())
}

impl Report {
    pub fn of<'py>(py: Python<'py>, call: &Call) -> PyResult<Bound<'py, Report>> {
        let reason = text(py, call.reason().map(|stop| stop.as_str()));
        let elapsed = call.elapsed().as_secs_f64();
        Bound::new(py, Report { attempts: call.attempts(), elapsed, reason, policy: text(py, call.policy().name()) })
    }

    /// Of a call whose only attempt ran under `pass`.
    pub fn of_one<'py>(py: Python<'py>, policy: &Policy, pass: Pass) -> PyResult<Bound<'py, Report>> {
        let elapsed = policy.since(pass).as_secs_f64();
        Bound::new(py, Report { attempts: 1, elapsed, reason: None, policy: text(py, policy.name()) })
    }
}
