//! A call whose first attempt raised. Where that ends it, it ends here: judged, counted, and raised
//! again as it was.

use super::ask::SETTLE;
use super::handover::Handover;
use super::port::{Port, ours};
use super::raised::Raised;
use crate::report::Report;
use crate::tables::outcome;
use crate::wake::wake;
use pyo3::exceptions::PyException;
use pyo3::ffi::PyObject;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use seawall::call::Step;
use seawall::outcome::{Hint, Outcome};
use seawall::{Admission, Policy};

/// Cancellations and exit requests are for the drivers in Python.
pub fn is_ordinary(error: &Bound<'_, PyAny>) -> bool {
    error.is_instance_of::<PyException>()
}

/// What an attempt ran under.
pub enum Under<'a> {
    Admission(&'a Policy, Admission),
    // A call is large; the others need no room for it.
    Call(Box<seawall::call::Call>),
}

/// Judges an ordinary error, reports it and notes on it what is known of its call. Where that is not the end of the
/// call, the call and the step it stands at.
pub fn tell<'py>(
    plan: &Bound<'py, PyAny>,
    port: &Port,
    under: Under<'_>,
    error: &Bound<'py, PyAny>,
) -> PyResult<Option<(Box<seawall::call::Call>, Step)>> {
    let py = plan.py();
    let (said, own) = (port.kinds.of(plan, &error.get_type())?, attributes(error)?);
    let is_plain = said.ended.is_some() && !says_more(&own)?;
    if let Under::Admission(policy, admission) = &under
        && is_plain
        // It holds no place, and is reported under the settings in force.
        && *admission == Admission::of(admission.pass)
        && ours(|| said.ending(policy).is_some_and(|ending| policy.end(admission.pass, ending))) == Some(true)
    {
        wake(py, policy.registry().take_stranded());
        // Its class has no say in this: see `by_kind`.
        let _ = Report::of_one(py, policy, admission.pass).and_then(|report| own.set_item(intern!(py, NOTE), report));
        return Ok(None);
    }
    let (ended, hint) = match said.ended {
        Some(ended) if is_plain => (ended, None),
        _ => judge(plan, error)?,
    };
    let (mut call, step) = match under {
        Under::Admission(policy, admission) => {
            let goes_on = || {
                let (call, step) = policy.fail(admission, ended, hint, Some(&said.name))?;
                Some((Box::new(call), step))
            };
            let Some(stands) = ours(goes_on).flatten() else {
                wake(py, policy.registry().take_stranded());
                note(error, || Report::of_one(py, policy, admission.pass));
                return Ok(None);
            };
            stands
        }
        Under::Call(mut call) => {
            call.error_type(&said.name);
            let step = ours(|| call.done(1, ended, hint)).unwrap_or(SETTLE);
            (call, step)
        }
    };
    wake(py, call.take_wakes());
    if step != SETTLE {
        return Ok(Some((call, step)));
    }
    note(error, || Report::of(py, &call));
    Ok(None)
}

/// What an error says that has words of its own.
fn judge<'py>(plan: &Bound<'py, PyAny>, error: &Bound<'py, PyAny>) -> PyResult<(Outcome, Option<Hint>)> {
    let judged = plan.getattr(intern!(plan.py(), "classify"))?.call1((error,))?;
    let (number, hint): (u8, Option<i64>) = judged.extract()?;
    Ok((outcome(number)?, hint.map(Hint::from_nanos)))
}

/// Whether an error with these attributes has words of its own beside its class.
fn says_more(own: &Bound<'_, PyDict>) -> PyResult<bool> {
    if own.is_empty() {
        return Ok(false);
    }
    for word in super::kinds::words(own.py())?.iter_borrowed() {
        if own.contains(word)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The attributes that an object has by itself.
fn attributes<'py>(error: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    // SAFETY: an error has a dict, which is made if it is not there.
    unsafe {
        let own = pyo3::ffi::PyObject_GenericGetDict(error.as_ptr(), std::ptr::null_mut());
        Ok(Bound::from_owned_ptr_or_err(error.py(), own)?.cast_into_unchecked())
    }
}

/// The attribute of an error that holds its report.
const NOTE: &str = "__seawall__";

/// What cannot be noted on an error passes as it is.
fn note<'py>(error: &Bound<'py, PyAny>, report: impl FnOnce() -> PyResult<Bound<'py, Report>>) {
    let _ = report().and_then(|report| error.setattr(intern!(error.py(), NOTE), report));
}

impl<'py> Handover<'_, 'py> {
    /// Reports an ordinary error of the first attempt.
    ///
    /// # Safety
    /// As for the other functions: the guard and the arguments are alive.
    pub unsafe fn failed(self, port: &Port, under: Under<'_>, raised: Raised<'py>) -> *mut PyObject {
        match tell(&self.plan(), port, under, raised.error()) {
            Ok(None) => raised.restore(),
            // SAFETY: as promised.
            Ok(Some((call, step))) => return unsafe { self.go_on(*call, step, None, Some(raised.into_error())) },
            Err(error) => error.restore(self.py),
        }
        std::ptr::null_mut()
    }
}
