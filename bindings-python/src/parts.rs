//! Parts of a policy by hand. What is dropped unreported is given back.

use crate::raise;
use crate::tables::outcome;
use crate::wake::wake;
use pyo3::prelude::*;
use seawall::budget::Cost;
use seawall::bulkhead::{Entry, Poll};
use seawall::error::{Code, Refusal};
use seawall::outcome::{Hint, Outcome};
use seawall::retry::Next;
use seawall::time::{Span, Tick};
use seawall::{Policy, RetrySchedule};
use std::sync::Arc;

/// `part` is where its settings would stand.
pub fn missing(py: Python<'_>, policy: &Policy, part: &str) -> PyErr {
    raise::refused(py, &Refusal::without(part), policy.name())
}

/// A breaker permit.
#[pyclass]
pub struct Permit {
    policy: Policy,
    permit: seawall::permit::Permit,
    taken: Tick,
    reported: bool,
}

impl Permit {
    pub fn acquire(py: Python<'_>, policy: &Policy) -> PyResult<Permit> {
        let permit = policy.acquire().map_err(|refusal| raise::refused(py, &refusal, policy.name()))?;
        Ok(Permit { policy: policy.clone(), permit, taken: policy.registry().clock().now(), reported: false })
    }
}

#[pymethods]
impl Permit {
    /// Reports it; a second report goes to the core too, which counts it as stale.
    fn record(&mut self, ended: u8, took: Option<u64>, hint: Option<i64>) -> PyResult<()> {
        let ended = outcome(ended)?;
        let took = took.map_or_else(|| self.policy.registry().clock().now().since(self.taken), Span);
        self.reported = true;
        self.policy.record(self.permit, ended, took, hint.map(Hint::from_nanos));
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.reported {
            self.policy.record(self.permit, Outcome::Cancelled, Span::ZERO, None);
        }
    }
}

/// A caller at the door of a bulkhead: inside, or in the queue with a ticket.
#[pyclass]
pub struct BulkheadEntry {
    policy: Policy,
    #[pyo3(get)]
    ticket: Option<u64>,
    /// Kept once it is inside, so that asking twice is no mistake.
    admitted: Option<seawall::permit::Permit>,
}

impl BulkheadEntry {
    pub fn enter(py: Python<'_>, policy: &Policy, max_wait: Option<Option<Span>>) -> PyResult<BulkheadEntry> {
        let made = |ticket, admitted| BulkheadEntry { policy: policy.clone(), ticket, admitted };
        match policy.enter(max_wait) {
            Entry::Admitted(permit) => Ok(made(None, Some(permit))),
            Entry::Queued { ticket, .. } => Ok(made(Some(ticket), None)),
            Entry::Refused(refusal) => Err(raise::refused(py, &refusal, policy.name())),
        }
    }
}

#[pymethods]
impl BulkheadEntry {
    /// `None` when it is inside, else the nanoseconds it may still wait (-1: for ever).
    fn poll(&mut self, py: Python<'_>) -> PyResult<Option<i64>> {
        let Some(ticket) = self.ticket else { return Ok(None) };
        match self.policy.poll(ticket) {
            Poll::Admitted(permit) => {
                (self.ticket, self.admitted) = (None, Some(permit));
                Ok(None)
            }
            Poll::Waiting { until: None } => Ok(Some(-1)),
            Poll::Waiting { until: Some(until) } => {
                let left = self.policy.registry().clock().now().until(until);
                Ok(Some(i64::try_from(left.0).unwrap_or(i64::MAX)))
            }
            Poll::Refused(refusal) => {
                self.ticket = None;
                Err(raise::refused(py, &refusal, self.policy.name()))
            }
        }
    }

    /// The permit, once inside.
    fn take(&mut self, py: Python<'_>) -> PyResult<BulkheadPermit> {
        match self.admitted.take() {
            Some(permit) => Ok(BulkheadPermit { policy: self.policy.clone(), permit: Some(permit) }),
            None => Err(raise::refused(py, &Refusal::new(Code::WrongOrder), self.policy.name())),
        }
    }

    /// Leaves the queue; a permit that was handed over in this instant goes to the next.
    fn abandon(&mut self, py: Python<'_>) {
        if let Some(ticket) = self.ticket.take() {
            wake(py, self.policy.abandon(ticket));
        }
        if let Some(permit) = self.admitted.take() {
            wake(py, self.policy.leave(permit));
        }
    }
}

impl Drop for BulkheadEntry {
    fn drop(&mut self) {
        if self.ticket.is_some() || self.admitted.is_some() {
            Python::attach(|py| self.abandon(py));
        }
    }
}

/// A place inside a bulkhead.
#[pyclass]
pub struct BulkheadPermit {
    policy: Policy,
    permit: Option<seawall::permit::Permit>,
}

#[pymethods]
impl BulkheadPermit {
    fn release(&mut self, py: Python<'_>) {
        if let Some(permit) = self.permit.take() {
            wake(py, self.policy.leave(permit));
        }
    }
}

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        if self.permit.is_some() {
            Python::attach(|py| self.release(py));
        }
    }
}

/// Amounts of the cost budgets that are set aside; dropped, they go back.
#[pyclass]
pub struct Reservation {
    held: Option<seawall::Reserved>,
}

impl Reservation {
    pub fn take(py: Python<'_>, policy: &Policy, amounts: Vec<(String, u64)>) -> PyResult<Reservation> {
        let held = policy.reserve(&amounts).map_err(|refusal| raise::refused(py, &refusal, policy.name()))?;
        Ok(Reservation { held: Some(held) })
    }
}

#[pymethods]
impl Reservation {
    fn settle(&mut self, amounts: Vec<(String, u64)>) {
        if let Some(mut held) = self.held.take() {
            held.settle(&amounts);
        }
    }

    fn give_back(&mut self) {
        self.held = None;
    }
}

/// The retry budget of a policy.
#[pyclass(frozen)]
pub struct Budget {
    policy: Policy,
    inner: Arc<seawall::budget::Budget>,
}

impl Budget {
    pub fn of(py: Python<'_>, policy: &Policy) -> PyResult<Budget> {
        let inner = policy.budget().cloned().ok_or_else(|| missing(py, policy, "retry.budget"))?;
        Ok(Budget { policy: policy.clone(), inner })
    }
}

#[pymethods]
impl Budget {
    fn begin(&self) {
        self.policy.with(|cx| self.inner.begin(cx));
    }

    fn end(&self) {
        self.policy.with(|cx| self.inner.end(cx));
    }

    /// What a retry after `ended` costs, now paid; `None` if there is not enough.
    fn withdraw(&self, ended: u8) -> PyResult<Option<u32>> {
        let ended = outcome(ended)?;
        Ok(self.policy.with(|cx| self.inner.withdraw(ended, cx)).map(|cost| cost.0))
    }

    fn retry_end(&self, cost: u32) {
        self.policy.with(|cx| self.inner.retry_end(Cost(cost), cx));
    }

    fn success(&self, last: Option<u32>) {
        self.policy.with(|cx| self.inner.success(last.map(Cost), cx));
    }

    fn balance(&self) -> f64 {
        self.policy.with(|cx| self.inner.balance(cx))
    }
}

/// The retry schedule of one imagined call.
#[pyclass]
pub struct Schedule {
    inner: RetrySchedule,
}

impl Schedule {
    pub fn of(py: Python<'_>, policy: &Policy) -> PyResult<Schedule> {
        policy.schedule().map(|inner| Schedule { inner }).ok_or_else(|| missing(py, policy, "retry"))
    }
}

#[pymethods]
impl Schedule {
    /// Nanoseconds to wait, or the reason to stop.
    fn next<'py>(
        &mut self,
        py: Python<'py>,
        ended: u8,
        hint: Option<i64>,
        elapsed: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self.inner.next(outcome(ended)?, hint.map(Hint::from_nanos), elapsed.map(Span)) {
            Next::After(span) => span.0.into_pyobject(py)?.into_any(),
            Next::Stop(stop) => stop.as_str().into_pyobject(py)?.into_any(),
        })
    }

    fn attempts(&self) -> u32 {
        self.inner.attempts()
    }
}
