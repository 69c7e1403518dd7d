//! A call whose first attempt raised. Where that ends it, it ends here: judged, counted, and raised
//! again as it was.

use super::ask::SETTLE;
use super::handover::{Handover, driver};
use super::port::ours;
use crate::tables::outcome;
use crate::wake::wake;
use pyo3::exceptions::PyException;
use pyo3::ffi::PyObject;
use pyo3::intern;
use pyo3::prelude::*;
use seawall::call::Call;
use seawall::outcome::Hint;

/// Cancellations and exit requests are for the drivers in Python.
pub fn is_ordinary(error: &Bound<'_, PyAny>) -> bool {
    error.is_instance_of::<PyException>()
}

impl<'py> Handover<'_, 'py> {
    /// Reports an ordinary error of the attempt that `call` has under way.
    ///
    /// # Safety
    /// As for the other functions: the guard and the arguments are alive.
    pub unsafe fn failed(self, mut call: Call, error: Bound<'py, PyAny>) -> *mut PyObject {
        let py = self.py;
        let step = match self.judge_and_tell(&mut call, &error) {
            Ok(step) => step,
            Err(error) => {
                error.restore(py);
                return std::ptr::null_mut();
            }
        };
        wake(py, call.take_wakes());
        if step != SETTLE {
            // SAFETY: as promised.
            return unsafe { self.go_on(call, step, None, Some(error)) };
        }
        // What cannot be noted on an exception (one with slots) passes as it is.
        let _ = self.note(&call, &error);
        PyErr::from_value(error).restore(py);
        std::ptr::null_mut()
    }

    fn judge_and_tell(self, call: &mut Call, error: &Bound<'py, PyAny>) -> PyResult<seawall::call::Step> {
        let judged = self.plan().getattr(intern!(self.py, "classify"))?.call1((error,))?;
        let (number, hint): (u8, Option<i64>) = judged.extract()?;
        let (ended, hint) = (outcome(number)?, hint.map(Hint::from_nanos));
        call.error_type(&error.get_type().name()?.to_string_lossy());
        Ok(ours(|| call.done(1, ended, hint)).unwrap_or(SETTLE))
    }

    fn note(self, call: &Call, error: &Bound<'py, PyAny>) -> PyResult<()> {
        let elapsed = call.elapsed().0 as f64 / 1e9;
        let reason = call.reason().map(|stop| stop.as_str());
        let told = (call.attempts(), elapsed, reason, call.policy().name());
        error.setattr(intern!(self.py, "__seawall__"), driver!(self.py, "Report")?.call1(told)?)
    }
}
