//! Permits as guards: dropped without a verdict, they give their place back.

use super::wait;
use crate::bulkhead::Entry;
use crate::error::Refusal;
use crate::outcome::{Hint, Outcome};
use crate::permit::Permit;
use crate::policy::Policy;
use crate::time::Tick;

/// A breaker's permit. Report how the call went; a panic is a failure, a plain drop says nothing.
#[must_use = "a permit that is dropped gives its place back at once"]
pub struct BreakerPermit {
    policy: Policy,
    permit: Option<Permit>,
    began: Tick,
}

impl BreakerPermit {
    /// The call succeeded.
    pub fn success(self) {
        self.record(Outcome::Success, None);
    }
    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::Failure, None);
    }
    /// The call ended so; `hint` is the dependency's own wish.
    pub fn record(mut self, outcome: Outcome, hint: Option<Hint>) {
        self.end(outcome, hint);
    }

    fn end(&mut self, outcome: Outcome, hint: Option<Hint>) {
        if let Some(permit) = self.permit.take() {
            let took = self.policy.registry().clock().now().since(self.began);
            self.policy.record(permit, outcome, took, hint);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        let outcome = if std::thread::panicking() { Outcome::Failure } else { Outcome::Cancelled };
        self.end(outcome, None);
    }
}

/// A place inside a bulkhead, until it is dropped.
#[must_use = "a place that is dropped is given back at once"]
pub struct BulkheadPermit {
    policy: Policy,
    permit: Permit,
}

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        wait::wake(self.policy.leave(self.permit));
    }
}

impl Policy {
    /// A breaker permit to hold while something runs.
    ///
    /// # Errors
    /// The rejection, with the time until it is worth trying again.
    pub fn permit(&self) -> Result<BreakerPermit, Refusal> {
        let permit = self.acquire()?;
        Ok(BreakerPermit { policy: self.clone(), permit: Some(permit), began: self.registry().clock().now() })
    }

    /// A place inside the bulkhead, if there is one now.
    ///
    /// # Errors
    /// `bulkhead_full`.
    pub fn try_enter(&self) -> Result<BulkheadPermit, Refusal> {
        match self.enter(Some(Some(crate::time::Span::ZERO))) {
            Entry::Admitted(permit) => Ok(BulkheadPermit { policy: self.clone(), permit }),
            Entry::Refused(refusal) => Err(refusal),
            Entry::Queued { ticket, .. } => {
                // Asked not to wait, the bulkhead does not queue; should it ever, the place is given up.
                wait::wake(self.abandon(ticket));
                Err(Refusal::new(crate::error::Code::BulkheadFull))
            }
        }
    }
}
