//! The registry: names to policies, the clock, the switch, events and metrics.

use crate::guard::settings_changed;
use crate::policy::Policy;
use crate::raise;
use pyo3::prelude::*;
use seawall::time::Span;

#[pyclass(frozen)]
#[derive(Clone)]
pub struct Registry {
    inner: seawall::Registry,
}

#[pymethods]
impl Registry {
    /// The one of the process; reads `SEAWALL_CONFIG` when it is first asked for.
    #[staticmethod]
    fn process() -> Registry {
        Registry { inner: seawall::Registry::global().clone() }
    }

    /// One of its own, on a clock that only `advance` moves.
    #[staticmethod]
    fn manual(seed: u64, environment: Vec<(String, String)>) -> Registry {
        Registry { inner: seawall::Registry::manual_with(seed, environment.into_iter().collect()) }
    }

    fn now(&self) -> u64 {
        self.inner.clock().now().0
    }

    fn advance(&self, nanos: u64) {
        self.inner.clock().advance(Span(nanos));
    }

    fn reseed(&self, seed: u64) {
        self.inner.rng().reseed(seed);
    }

    fn script(&self, number: f64) {
        self.inner.rng().script(number);
    }

    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn set_enabled(&self, enabled: bool) {
        self.inner.set_enabled(enabled);
        settings_changed();
    }

    fn policy(&self, py: Python<'_>, json: &str) -> PyResult<Policy> {
        let done = self.inner.policy(json);
        settings_changed();
        done.map(Policy::new).map_err(|error| raise::config(py, error))
    }

    fn named(&self, py: Python<'_>, name: &str) -> PyResult<Policy> {
        self.inner.named(name).map(Policy::new).map_err(|error| raise::config(py, error))
    }

    /// One that was made in code counts too.
    fn named_or_made(&self, py: Python<'_>, name: &str) -> PyResult<Policy> {
        match self.inner.find(name) {
            Some(found) => Ok(Policy::new(found)),
            None => self.named(py, name),
        }
    }

    fn load(&self, py: Python<'_>, toml: &str, source: &str) -> PyResult<()> {
        let done = self.inner.load(toml, source);
        settings_changed();
        done.map_err(|error| raise::config(py, error))
    }

    fn load_path(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        let done = self.inner.load_path(path);
        settings_changed();
        done.map_err(|error| raise::config(py, error))
    }

    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        let done = self.inner.reload();
        settings_changed();
        done.map_err(|error| raise::config(py, error))
    }

    /// Tickets that a configuration admitted: wake their holders.
    fn take_wakes(&self) -> Vec<u64> {
        self.inner.take_stranded()
    }

    /// The names of all named policies.
    fn policies(&self) -> Vec<String> {
        self.inner.policies().iter().filter_map(|policy| policy.name().map(str::to_owned)).collect()
    }

    fn tick(&self) {
        self.inner.tick();
    }

    fn metrics(&self) -> String {
        self.inner.metrics()
    }

    fn operation_timeout(&self, operation: &str) -> u64 {
        self.inner.operation_timeout(operation).0
    }

    fn resource_limit(&self, resource: &str) -> u32 {
        self.inner.resource_limit(resource)
    }

    /// Told in a forked child, whose lines to count on are not its parent's.
    fn forked(&self) {
        settings_changed();
    }

    fn subscribe(&self) -> Cursor {
        Cursor { inner: self.inner.events().subscribe() }
    }
}

/// A reader of the event ring; while one exists, events are recorded.
#[pyclass]
pub struct Cursor {
    inner: seawall::events::Cursor,
}

#[pymethods]
impl Cursor {
    /// The new events as dicts, oldest first.
    fn drain<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let seawall::events::Batch { events, dropped } = self.inner.drain();
        if events.is_empty() && dropped == 0 {
            return Ok(Vec::new());
        }
        let loads = py.import("json")?.getattr("loads")?;
        let mut drained = Vec::with_capacity(events.len());
        for event in events {
            drained.push(loads.call1((event.to_json().to_string(),))?);
        }
        if dropped > 0 {
            let lost = pyo3::types::PyDict::new(py);
            lost.set_item("kind", "internal")?;
            lost.set_item("reason", "events_dropped")?;
            lost.set_item("count", dropped)?;
            drained.push(lost.into_any());
        }
        Ok(drained)
    }
}
