//! Permits as guards: dropped without a verdict, they give their place back.

use super::drive::park;
use super::wait;
use crate::bulkhead::{Entry, Poll};
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
            self.policy.registry().tell();
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

/// A place in the queue, which is left when this is dropped.
#[cfg(feature = "tokio")]
struct Waiting<'a> {
    policy: &'a Policy,
    ticket: Option<u64>,
}

#[cfg(feature = "tokio")]
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            wait::wake(self.policy.abandon(ticket));
        }
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

    /// A place inside the bulkhead. Where there is none it waits in the queue, as `queue` and `max_wait`
    /// say, and blocks the thread; whoever came first is let in first.
    ///
    /// # Errors
    /// `bulkhead_full`, `bulkhead_timeout`.
    pub fn inside(&self) -> Result<BulkheadPermit, Refusal> {
        let (ticket, mut until) = match self.enter(None) {
            Entry::Admitted(permit) => return Ok(BulkheadPermit { policy: self.clone(), permit }),
            Entry::Refused(refusal) => return Err(refusal),
            Entry::Queued { ticket, until } => (ticket, until),
        };
        loop {
            wait::register(ticket, wait::this_thread());
            // Once more now that the ticket can be woken: the place may have come before.
            if let Some(end) = self.place(ticket, &mut until) {
                return end;
            }
            park(self, until.map(|until| self.registry().clock().now().until(until)));
        }
    }

    /// The same, awaited on tokio. Dropped, it leaves the queue.
    ///
    /// # Errors
    /// As [`Policy::inside`].
    #[cfg(feature = "tokio")]
    pub async fn inside_async(&self) -> Result<BulkheadPermit, Refusal> {
        let (ticket, mut until) = match self.enter(None) {
            Entry::Admitted(permit) => return Ok(BulkheadPermit { policy: self.clone(), permit }),
            Entry::Refused(refusal) => return Err(refusal),
            Entry::Queued { ticket, until } => (ticket, until),
        };
        let mut waiting = Waiting { policy: self, ticket: Some(ticket) };
        loop {
            let mut queued = super::asynchronous::Queued::new(ticket);
            queued.register().await;
            if let Some(end) = self.place(ticket, &mut until) {
                waiting.ticket = None;
                return end;
            }
            let span = until.map(|until| self.registry().clock().now().until(until));
            super::asynchronous::rest(self, span, queued.woken()).await;
        }
    }

    /// How the wait ended, if it did.
    fn place(&self, ticket: u64, until: &mut Option<Tick>) -> Option<Result<BulkheadPermit, Refusal>> {
        let end = match self.poll(ticket) {
            Poll::Waiting { until: later } => {
                *until = later;
                return None;
            }
            Poll::Admitted(permit) => Ok(BulkheadPermit { policy: self.clone(), permit }),
            Poll::Refused(refusal) => Err(refusal),
        };
        wait::forget(ticket);
        Some(end)
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
