//! One call: the stepper's answers as tuples of integers.

use crate::raise;
use crate::tables::outcome;
use crate::wake::wake;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use seawall::call::{Step, Verdict};
use seawall::outcome::{Hint, Outcome};

#[pyclass]
pub struct Call {
    inner: seawall::call::Call,
}

impl Call {
    pub fn new(inner: seawall::call::Call) -> Call {
        Call { inner }
    }

    /// Wakes whom the step concerns, then tells it.
    fn tell<'py>(&mut self, py: Python<'py>, step: Step) -> PyResult<Bound<'py, PyTuple>> {
        wake(py, self.inner.take_wakes());
        tuple_of(py, step)
    }
}

/// A step as the drivers read it: its number, then what belongs to it.
pub fn tuple_of(py: Python<'_>, step: Step) -> PyResult<Bound<'_, PyTuple>> {
    match step {
        Step::Run { attempt, limit, mode } => {
            (0, attempt, limit.map(|span| span.0), mode.map(|mode| mode as u8)).into_pyobject(py)
        }
        Step::Wait { span, attempt, outcome } => (1, span.0, attempt, outcome as u8).into_pyobject(py),
        Step::Queue { ticket, span } => (2, ticket, span.map(|span| span.0)).into_pyobject(py),
        Step::LookUp { stale } => (3, stale).into_pyobject(py),
        Step::FallBack { index, step, limit } => (4, index, step as u8, limit.map(|span| span.0)).into_pyobject(py),
        Step::Finish(verdict) => (5, verdict as u8).into_pyobject(py),
    }
}

#[pymethods]
impl Call {
    fn start<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.start();
        self.tell(py, step)
    }

    fn done<'py>(
        &mut self,
        py: Python<'py>,
        attempt: u32,
        ended: u8,
        hint: Option<i64>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.done(attempt, outcome(ended)?, hint.map(Hint::from_nanos));
        self.tell(py, step)
    }

    /// The first attempt succeeded: the next step, or `None` where that is the end of the call.
    fn succeed<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let step = self.inner.done(1, Outcome::Success, None);
        wake(py, self.inner.take_wakes());
        if step == Step::Finish(Verdict::Settle) { Ok(None) } else { tuple_of(py, step).map(Some) }
    }

    fn expire<'py>(&mut self, py: Python<'py>, attempt: u32) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.expire(attempt);
        self.tell(py, step)
    }

    fn woke<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.woke();
        self.tell(py, step)
    }

    fn cancelled<'py>(&mut self, py: Python<'py>, by_deadline: bool) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.cancelled(by_deadline);
        self.tell(py, step)
    }

    fn looked_up<'py>(&mut self, py: Python<'py>, hit: bool) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.looked_up(hit);
        self.tell(py, step)
    }

    fn fell_back<'py>(&mut self, py: Python<'py>, ok: bool) -> PyResult<Bound<'py, PyTuple>> {
        let step = self.inner.fell_back(ok);
        self.tell(py, step)
    }

    /// The first item of a stream is out, or a block has begun: no attempt after this one.
    fn commit(&mut self) {
        self.inner.commit();
    }

    /// Nothing here can hold the running attempt to its limit: it counts however late it comes.
    fn unenforced(&mut self) {
        self.inner.unenforced();
    }

    fn error_type(&mut self, name: &str) {
        self.inner.error_type(name);
    }

    fn settle_cost(&mut self, amounts: Vec<(String, u64)>) {
        self.inner.settle_cost(&amounts);
    }

    fn attempts(&self) -> u32 {
        self.inner.attempts()
    }

    fn elapsed(&self) -> u64 {
        self.inner.elapsed().0
    }

    fn reason(&self) -> Option<&'static str> {
        self.inner.reason().map(|stop| stop.as_str())
    }

    fn last_outcome(&self) -> Option<&'static str> {
        self.inner.last_outcome().map(|outcome| outcome.as_str())
    }

    fn remaining(&self) -> Option<u64> {
        self.inner.remaining().map(|span| span.0)
    }

    fn slow(&self) -> Option<u64> {
        self.inner.slow().map(|span| span.0)
    }

    fn should_store(&self) -> bool {
        self.inner.should_store()
    }

    fn should_forget(&self) -> bool {
        self.inner.should_forget()
    }

    fn refusal<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.inner.refusal().map(|refusal| raise::refusal_dict(py, refusal)).transpose()
    }
}

/// A call that is dropped in the middle gives back what it holds; those it admits are woken.
impl Drop for Call {
    fn drop(&mut self) {
        self.inner.cancelled(false);
        let wakes = self.inner.take_wakes();
        if !wakes.is_empty() {
            Python::attach(|py| wake(py, wakes));
        }
    }
}
