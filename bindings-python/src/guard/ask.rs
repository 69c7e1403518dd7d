//! A call that must ask: while it goes well, it is finished here too.

use super::admitted::Admitted;
use super::handover::Handover;
use super::port::{Spot, ours};
use super::{Arguments, Guard};
use crate::raise;
use crate::wake::wake;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use seawall::call::{Step, Verdict};
use seawall::outcome::Outcome;

pub const SETTLE: Step = Step::Finish(Verdict::Settle);

/// # Safety
/// The interpreter is attached; the guard is alive until this returns.
pub unsafe fn ask(
    py: Python<'_>,
    guard: &Guard,
    spot: &Spot<'_>,
    key: Option<&Bound<'_, PyAny>>,
    arguments: Arguments,
) -> *mut PyObject {
    let handover = Handover { py, guard, key, arguments };
    // SAFETY: as promised by the caller.
    unsafe {
        if !spot.asks_alone() {
            return handover.ask();
        }
        if let Some(refusal) = ours(|| spot.policy().refusal()).flatten() {
            raise::raise_open(py, &refusal, spot.port.name(py));
            return std::ptr::null_mut();
        }
        if let Some(pass) = spot.ask() {
            let result = guard.call(arguments);
            if !result.is_null() && spot.port.is_usual(py, result) {
                spot.succeed_asked(pass);
                return result;
            }
            return handover.after_pass(spot, pass, result, Spot::succeed_asked);
        }
        if let Some(admitted) = Admitted::let_in(spot) {
            let result = guard.call(arguments);
            if !result.is_null() && spot.port.is_usual(py, result) {
                admitted.succeed();
                return result;
            }
            return handover.after_admission(spot, admitted, result);
        }
        // A call is large: it is made where it stays, and moved only to be handed over.
        let Some(mut call) = ours(|| spot.policy().call()) else { return unprotected(spot, guard, arguments) };
        let Some(step) = ours(|| call.start()) else { return unprotected(spot, guard, arguments) };
        wake(py, call.take_wakes());
        if !is_plain_run(step) {
            return handover.go_on(call, step, None, None);
        }
        let mut result = guard.call(arguments);
        if result.is_null() || !spot.port.is_usual(py, result) {
            result = match handover.look(spot, result) {
                Ok(result) => result,
                Err(ended) => return handover.ran(spot.port, call, ended),
            };
        }
        let step = ours(|| call.done(1, Outcome::Success, None));
        wake(py, call.take_wakes());
        match step {
            None | Some(SETTLE) => result,
            Some(step) => handover.go_on(call, step, Some(Bound::from_owned_ptr(py, result)), None),
        }
    }
}

/// After a fault of ours.
unsafe fn unprotected(spot: &Spot<'_>, guard: &Guard, arguments: Arguments) -> *mut PyObject {
    let policy = spot.policy();
    ours(|| policy.registry().internal(policy.name(), "a call could not be begun; it runs unprotected"));
    // SAFETY: as `ask` was promised.
    unsafe { guard.call(arguments) }
}

/// The first attempt, which nothing limits.
fn is_plain_run(step: Step) -> bool {
    matches!(step, Step::Run { attempt: 1, limit: None, .. })
}
