//! What an open circuit tells whom it refuses, made into words when somebody reads them.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use seawall::breaker::State;
use seawall::error::{Code, Refusal};
use seawall::time::Span;

/// The argument of a `CircuitOpenError` that is raised without a driver. Most of them are caught and
/// never read: the message, the state and the seconds are made when they are asked for.
#[pyclass(frozen, module = "seawall._native")]
pub struct OpenCircuit {
    state: Option<State>,
    retry_after: Option<Span>,
    /// The name of the policy.
    #[pyo3(get)]
    policy: Option<Py<PyString>>,
}

#[pymethods]
impl OpenCircuit {
    #[new]
    fn new(state: &str, retry_after: Option<u64>, policy: Option<Py<PyString>>) -> OpenCircuit {
        OpenCircuit { state: State::parse(state), retry_after: retry_after.map(Span), policy }
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.state.unwrap_or(State::Open).as_str()
    }

    /// Seconds.
    #[getter]
    fn retry_after(&self) -> Option<f64> {
        self.retry_after.map(|span| span.as_secs_f64())
    }

    fn __str__(&self, py: Python<'_>) -> String {
        let refusal = Refusal { state: self.state, retry_after: self.retry_after, ..Refusal::new(Code::CircuitOpen) };
        match &self.policy {
            Some(policy) => format!("{}: {refusal}", policy.bind(py).to_string_lossy()),
            None => refusal.to_string(),
        }
    }

    /// As the message in its place would show itself.
    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        PyString::new(py, &self.__str__(py)).repr()
    }

    fn __getnewargs__(&self, py: Python<'_>) -> (&'static str, Option<u64>, Option<Py<PyString>>) {
        let policy = self.policy.as_ref().map(|policy| policy.clone_ref(py));
        (self.state(), self.retry_after.map(|span| span.0), policy)
    }
}

impl OpenCircuit {
    pub fn of(refusal: &Refusal, policy: Option<Py<PyString>>) -> OpenCircuit {
        OpenCircuit { state: refusal.state, retry_after: refusal.retry_after, policy }
    }

    /// Raises a new error of `kind` that says this: as C code raises, so that the interpreter makes the object.
    pub fn raise(self, kind: &Bound<'_, PyAny>) {
        let py = kind.py();
        match Bound::new(py, self) {
            // SAFETY: the interpreter is attached; both are alive.
            Ok(told) => unsafe { ffi::PyErr_SetObject(kind.as_ptr(), told.as_ptr()) },
            Err(error) => error.restore(py),
        }
    }
}
