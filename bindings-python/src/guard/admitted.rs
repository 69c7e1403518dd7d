//! A call that was let in without a stepper: what it holds until its end is reported.

use super::port::{Spot, ours};
use crate::wake::wake;
use pyo3::prelude::*;
use seawall::call::{Call, CallOptions};
use seawall::{Admission, Pass, Policy};

/// A policy has it, which stays the same whatever a test does meanwhile: with that the cells of the call's key, and
/// the place that is given back.
pub struct Admitted {
    pub policy: Policy,
    pub admission: Admission,
    how: How,
}

enum How {
    /// By the gate, or by the breaker.
    Passed,
    /// Perhaps with a place in the bulkhead.
    LetIn,
}

impl Admitted {
    pub fn passed(spot: &Spot<'_>, pass: Pass) -> Admitted {
        Admitted { policy: spot.policy().clone(), admission: Admission::of(pass), how: How::Passed }
    }

    /// `None` has taken nothing: a call is to be stepped.
    pub fn let_in(spot: &Spot<'_>) -> Option<Admitted> {
        let admission = ours(|| spot.policy().admit()).flatten()?;
        Some(Admitted { policy: spot.policy().clone(), admission, how: How::LetIn })
    }

    pub fn succeed(self) {
        let Admitted { policy, admission, how } = self;
        let woken = ours(|| match how {
            How::Passed => {
                policy.succeed(admission.pass);
                Vec::new()
            }
            How::LetIn => policy.dismiss(admission),
        });
        if let Some(woken) = woken.filter(|woken| !woken.is_empty()) {
            Python::attach(|py| wake(py, woken));
        }
    }

    /// The same as a call whose first attempt runs.
    pub fn into_call(self) -> Box<Call> {
        Box::new(self.policy.call_after_admission(self.admission, CallOptions::default()))
    }
}
