//! A policy of the core and what the drivers ask of it.

use crate::call::Call;
use crate::parts::{Budget, BulkheadEntry, Permit, Reservation, Schedule, missing};
use crate::raise;
use crate::wake::wake;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use seawall::Pass;
use seawall::breaker::Control;
use seawall::call::CallOptions;
use seawall::config::{Scalar, TimeoutMode};
use seawall::time::Span;
use std::sync::OnceLock;

#[pyclass(frozen)]
#[derive(Clone)]
pub struct Policy {
    pub inner: seawall::Policy,
}

impl Policy {
    pub fn new(inner: seawall::Policy) -> Policy {
        Policy { inner }
    }
}

fn options(deadline: Option<u64>, cached: bool, estimate: Vec<(String, u64)>) -> CallOptions {
    CallOptions { deadline: deadline.map(Span), cached, estimate, ..CallOptions::default() }
}

/// `SEAWALL_GATE=off`: every call asks. Read once; the shared words do not change by it.
pub fn gate_off() -> bool {
    static OFF: OnceLock<bool> = OnceLock::new();
    *OFF.get_or_init(|| std::env::var("SEAWALL_GATE").is_ok_and(|value| value.trim().eq_ignore_ascii_case("off")))
}

/// A pass on its way through Python: its two words as bytes, the cheapest object that holds both.
pub fn object_of(py: Python<'_>, pass: Pass) -> Bound<'_, PyBytes> {
    let mut words = [0; 16];
    words[..8].copy_from_slice(&pass.permit.to_ne_bytes());
    words[8..].copy_from_slice(&pass.started.to_ne_bytes());
    PyBytes::new(py, &words)
}

fn pass_of(words: [u8; 16]) -> Pass {
    let (permit, started) = words.split_at(8);
    let word = |half: &[u8]| half.try_into().map_or(0, u64::from_ne_bytes);
    Pass { permit: word(permit), started: word(started) }
}

#[pymethods]
impl Policy {
    #[getter]
    fn name(&self) -> Option<&str> {
        self.inner.name()
    }

    fn at(&self, key: &str) -> Policy {
        Policy::new(self.inner.at(key))
    }

    fn call(&self, deadline: Option<u64>, cached: bool, estimate: Vec<(String, u64)>) -> Call {
        Call::new(self.inner.call_with(options(deadline, cached, estimate)))
    }

    fn call_after_pass(
        &self,
        pass: [u8; 16],
        deadline: Option<u64>,
        cached: bool,
        estimate: Vec<(String, u64)>,
    ) -> Call {
        Call::new(self.inner.call_after_pass(pass_of(pass), options(deadline, cached, estimate)))
    }

    // -- what the configuration says to drivers ------------------------------------------------

    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    /// The names of the parts there are.
    fn parts(&self) -> Vec<&'static str> {
        let config = self.inner.config();
        [
            ("breaker", config.breaker.is_some()),
            ("retry", config.retry.is_some()),
            ("bulkhead", config.bulkhead.is_some()),
            ("timeout", config.timeout.is_some()),
            ("fallback", config.fallback.is_some()),
            ("cache", config.cache.is_some()),
            ("cost", !config.cost.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
    }

    /// `(ttl, stale_for, size)` of the cache part.
    fn cache(&self) -> Option<(u64, Option<u64>, u32)> {
        let config = self.inner.config();
        let cache = config.cache.as_ref()?;
        Some((cache.ttl.0, cache.stale_for.map(|span| span.0), cache.size))
    }

    fn stream_exempt(&self) -> bool {
        self.inner.config().stream_exempt
    }

    fn mode(&self) -> Option<u8> {
        self.inner.config().timeout.as_ref().and_then(|timeout| timeout.mode).map(|mode: TimeoutMode| mode as u8)
    }

    /// The answer of the chain's step `value`, where the file gives it.
    fn fallback_value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let config = self.inner.config();
        let value = config.fallback.as_ref().and_then(|fallback| fallback.value.as_ref());
        Ok(match value {
            None => None,
            Some(Scalar::Bool(value)) => Some(value.into_pyobject(py)?.to_owned().into_any()),
            Some(Scalar::Integer(value)) => Some(value.into_pyobject(py)?.into_any()),
            Some(Scalar::Float(value)) => Some(value.into_pyobject(py)?.into_any()),
            Some(Scalar::Text(value)) => Some(value.into_pyobject(py)?.into_any()),
        })
    }

    /// Whether attempts have a limit of their own.
    fn has_attempt_limit(&self) -> bool {
        self.inner
            .config()
            .timeout
            .as_ref()
            .is_some_and(|timeout| timeout.attempt.is_some() || timeout.adaptive.is_some())
    }

    fn idle(&self) -> Option<u64> {
        self.inner.config().timeout.as_ref().and_then(|timeout| timeout.idle).map(|span| span.0)
    }

    /// Reports a fault of ours that let calls through.
    fn internal(&self, what: &str) {
        self.inner.registry().internal(self.inner.name(), what);
    }

    fn snapshot_json(&self) -> String {
        self.inner.snapshot_json()
    }

    fn state(&self) -> Option<&'static str> {
        self.inner.state().map(|state| state.as_str())
    }

    // -- parts by hand -------------------------------------------------------------------------

    /// The error of who asks for a part that it does not have.
    fn lacks(&self, py: Python<'_>, part: &str) -> Py<PyAny> {
        missing(py, &self.inner, part).into_value(py).into_any()
    }

    fn acquire(&self, py: Python<'_>) -> PyResult<Permit> {
        Permit::acquire(py, &self.inner)
    }

    fn control(&self, py: Python<'_>, what: &str, nanos: Option<u64>) -> PyResult<()> {
        match Control::named(what, nanos.map(Span)) {
            Some(control) if self.inner.control(control) => Ok(()),
            _ => Err(missing(py, &self.inner, "breaker")),
        }
    }

    fn enter(&self, py: Python<'_>, given: bool, max_wait: Option<u64>) -> PyResult<BulkheadEntry> {
        BulkheadEntry::enter(py, &self.inner, given.then_some(max_wait.map(Span)))
    }

    fn resize(&self, py: Python<'_>, limit: u32) -> PyResult<()> {
        wake(py, self.inner.resize(limit).map_err(|refusal| raise::refused(py, &refusal, self.inner.name()))?);
        Ok(())
    }

    fn schedule(&self, py: Python<'_>) -> PyResult<Schedule> {
        Schedule::of(py, &self.inner)
    }

    fn budget(&self, py: Python<'_>) -> PyResult<Budget> {
        Budget::of(py, &self.inner)
    }

    fn reserve(&self, py: Python<'_>, amounts: Vec<(String, u64)>) -> PyResult<Reservation> {
        Reservation::take(py, &self.inner, amounts)
    }
}
