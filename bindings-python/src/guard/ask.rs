//! A call that must ask: while it goes well, it is finished here too.

use super::handover::Handover;
use super::port::{Spot, ours};
use super::{Arguments, Guard};
use crate::raise;
use crate::wake::wake;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use seawall::call::{Call, Step, Verdict};
use seawall::error::Refusal;
use seawall::outcome::Outcome;

const SETTLE: Step = Step::Finish(Verdict::Settle);

/// How a call that was asked for began.
enum Begun {
    Refused(Refusal),
    At(Call, Step),
}

fn begin(policy: &seawall::Policy) -> Option<Begun> {
    ours(|| {
        if let Some(refusal) = policy.refusal() {
            return Begun::Refused(refusal);
        }
        let mut call = policy.call();
        let step = call.start();
        Begun::At(call, step)
    })
}

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
        match begin(spot.policy()) {
            Some(Begun::Refused(refusal)) => {
                raise::refused(py, &refusal, spot.policy().name()).restore(py);
                std::ptr::null_mut()
            }
            Some(Begun::At(mut call, step)) => {
                wake(py, call.take_wakes());
                if is_plain_run(step) { run(handover, spot, call) } else { handover.go_on(call, step, None) }
            }
            None => {
                // A fault of ours: the call runs, without protection.
                let policy = spot.policy();
                ours(|| policy.registry().internal(policy.name(), "a call could not be begun; it runs unprotected"));
                arguments.call(guard.function)
            }
        }
    }
}

/// Runs the only attempt that there is if it succeeds.
unsafe fn run(handover: Handover<'_, '_>, spot: &Spot<'_>, call: Call) -> *mut PyObject {
    let py = handover.py;
    // SAFETY: the guard is alive, as `ask` was promised.
    unsafe {
        let result = handover.arguments.call(handover.guard.function);
        if result.is_null() || !spot.port.is_usual(py, result) {
            match handover.look(spot, result) {
                Ok(result) => return done(handover, call, result),
                Err(ended) => return handover.ran(call, ended),
            }
        }
        done(handover, call, result)
    }
}

/// Reports a success.
unsafe fn done(handover: Handover<'_, '_>, mut call: Call, result: *mut PyObject) -> *mut PyObject {
    let step = ours(|| call.done(1, Outcome::Success, None));
    wake(handover.py, call.take_wakes());
    match step {
        None | Some(SETTLE) => result,
        // SAFETY: a reference of our own.
        Some(step) => unsafe { handover.go_on(call, step, Some(Bound::from_owned_ptr(handover.py, result))) },
    }
}

/// The first attempt, which nothing limits.
fn is_plain_run(step: Step) -> bool {
    matches!(step, Step::Run { attempt: 1, limit: None, .. })
}
