//! Parts used by hand: breaker permits, places in the bulkhead, and the delays of retries.

use super::Policy;
use crate::breaker::{Breaker, Control, State};
use crate::budget::Budget;
use crate::bulkhead::{Bulkhead, Entry, Poll, Wakes};
use crate::cost::CostBudget;
use crate::cx::Cx;
use crate::error::Refusal;
use crate::outcome::{Hint, Outcome};
use crate::permit::Permit;
use crate::retry::{Next, Schedule};
use crate::sync::Arc;
use crate::time::{Span, Tick};

impl Policy {
    // ---- parts by hand ----

    /// The refusal of every call, while state cannot be had that the policy must share with the other
    /// processes of the host.
    pub fn host_refusal(&self) -> Option<Refusal> {
        if self.enabled() { self.asked().refusal_without_host() } else { None }
    }

    /// The breaker, for this key.
    pub fn breaker(&self) -> Option<&Arc<Breaker>> {
        self.asked().parts.breaker.as_ref()
    }

    /// The bulkhead, for this key.
    pub fn bulkhead(&self) -> Option<&Arc<Bulkhead>> {
        self.asked().parts.bulkhead.as_ref()
    }

    /// The retry budget.
    pub fn budget(&self) -> Option<&Arc<Budget>> {
        self.asked().parts.budget()
    }

    /// The cost budgets.
    pub fn costs(&self) -> &[Arc<CostBudget>] {
        self.asked().parts.costs()
    }

    /// The state of the breaker, a due transition applied; `None` without a breaker.
    pub fn state(&self) -> Option<State> {
        let breaker = self.breaker()?.clone();
        Some(self.with(|cx| breaker.snapshot(cx)).state)
    }

    /// A breaker permit; give it back with [`Policy::record`]. Where the policy is switched off, or a
    /// key has no breaker of its own, everybody gets one that means nothing.
    ///
    /// # Errors
    /// The rejection; `no_such_part` without a breaker.
    pub fn acquire(&self) -> Result<Permit, Refusal> {
        match self.breaker().cloned() {
            Some(breaker) if self.enabled() => {
                self.host_refusal().map_or_else(|| self.with(|cx| breaker.acquire(cx)), Err)
            }
            None if self.live().config.breaker.is_none() => Err(Refusal::without("breaker")),
            _ => Ok(Permit::NOTHING),
        }
    }

    /// Reports how a call under a permit of [`Policy::acquire`] went, and how long it took.
    pub fn record(&self, permit: Permit, outcome: Outcome, took: Span, hint: Option<Hint>) {
        if let Some(breaker) = self.breaker().cloned().filter(|_| permit != Permit::NOTHING) {
            self.with(|cx| breaker.record(permit, outcome, took, hint, cx));
        }
    }

    /// A transition by hand; `false` without a breaker.
    pub fn control(&self, control: Control) -> bool {
        let Some(breaker) = self.breaker().cloned() else { return false };
        self.with(|cx| breaker.control(control, cx));
        self.registry().tell();
        true
    }

    /// A place inside the bulkhead, or in its queue. `max_wait` replaces the configured wait: `Some(None)` is
    /// without end. Switched off, or of a key without a bulkhead of its own, everybody is let in.
    pub fn enter(&self, max_wait: Option<Option<Span>>) -> Entry {
        match self.bulkhead().cloned() {
            Some(bulkhead) if self.enabled() => match self.enter_at(&bulkhead, max_wait) {
                Entry::Queued { ticket, until } => Entry::Queued { ticket, until: self.until_next_look(until) },
                entry => entry,
            },
            None if self.live().config.bulkhead.is_none() => Entry::Refused(Refusal::without("bulkhead")),
            _ => Entry::Admitted(Permit::NOTHING),
        }
    }

    fn enter_at(&self, bulkhead: &Bulkhead, max_wait: Option<Option<Span>>) -> Entry {
        match self.host_refusal() {
            Some(refusal) => Entry::Refused(refusal),
            None => self.with(|cx| bulkhead.enter(max_wait, cx)),
        }
    }

    /// How a ticket stands.
    pub fn poll(&self, ticket: u64) -> Poll {
        match self.bulkhead().cloned() {
            Some(bulkhead) => match self.with(|cx| bulkhead.poll(ticket, cx)) {
                Poll::Waiting { until } => Poll::Waiting { until: self.until_next_look(until) },
                poll => poll,
            },
            None => Poll::Refused(Refusal::without("bulkhead")),
        }
    }

    /// When who waits for a bulkhead looks by itself, where other processes give places back and cannot
    /// wake anybody here: soon at first, every 50 ms in the end. A clock that stands still is not waited for.
    pub(crate) fn next_look(&self, looks: u32, now: Tick) -> Option<Tick> {
        let shared = self.live().parts.bulkhead.as_ref().is_some_and(|bulkhead| bulkhead.is_shared());
        let span = Span::millis((2 << looks.min(5)).min(50));
        (shared && !self.registry().clock().is_manual()).then(|| now.after(span))
    }

    /// The end of a wait, as far as who waits by hand may wait without a look.
    fn until_next_look(&self, until: Option<Tick>) -> Option<Tick> {
        const LOOKS: u32 = 3;
        until.into_iter().chain(self.next_look(LOOKS, self.registry().clock().now())).min()
    }

    /// A waiter leaves the queue.
    pub fn abandon(&self, ticket: u64) -> Wakes {
        self.on_bulkhead(|bulkhead, cx| bulkhead.cancel(ticket, cx))
    }

    /// Gives a place back; the tickets that get in are to be woken.
    pub fn leave(&self, permit: Permit) -> Wakes {
        if permit == Permit::NOTHING {
            return Wakes::new();
        }
        self.on_bulkhead(|bulkhead, cx| bulkhead.leave(permit, cx))
    }

    /// Changes the bulkhead's limit: growing admits waiters, shrinking takes permits as they come back.
    /// In host scope at most to the places it has, max(64, 2 × the configured limit); more are not made,
    /// and one `internal` event says so.
    ///
    /// # Errors
    /// `no_such_part` without a bulkhead.
    pub fn resize(&self, limit: u32) -> Result<Wakes, Refusal> {
        if self.live().config.bulkhead.is_none() {
            return Err(Refusal::without("bulkhead"));
        }
        let wakes = self.on_bulkhead(|bulkhead, cx| bulkhead.resize(limit, cx));
        self.registry().say_troubles();
        Ok(wakes)
    }

    fn on_bulkhead(&self, act: impl FnOnce(&Bulkhead, &mut Cx) -> Wakes) -> Wakes {
        let wakes = self.bulkhead().cloned().map(|bulkhead| self.with(|cx| act(&bulkhead, cx))).unwrap_or_default();
        // A Rust caller has no table of its own: whoever waits in ours is woken here.
        crate::run::wait::wake_own(&wakes);
        wakes
    }

    /// The delays that a call's retries would have; `None` without a retry part.
    pub fn schedule(&self) -> Option<RetrySchedule> {
        self.live().config.retry.as_ref()?;
        Some(RetrySchedule {
            policy: self.clone(),
            schedule: Schedule::new(),
            started: self.registry().clock().now().0,
        })
    }
}

/// The retries of one imagined call, for those who sleep themselves.
pub struct RetrySchedule {
    policy: Policy,
    schedule: Schedule,
    started: u64,
}

impl RetrySchedule {
    /// An attempt ended with `outcome`: how long to wait, or why to stop. `elapsed` replaces the
    /// time since the schedule was made.
    pub fn next(&mut self, outcome: Outcome, hint: Option<Hint>, elapsed: Option<Span>) -> Next {
        let live = self.policy.live();
        let Some(config) = live.config.retry.as_ref().filter(|_| self.policy.enabled()) else {
            return Next::Stop(crate::retry::Stop::Attempts);
        };
        let since = Span(self.policy.registry().clock().now().0.saturating_sub(self.started));
        let schedule = &mut self.schedule;
        self.policy.with(|cx| schedule.next(outcome, hint, elapsed.unwrap_or(since), None, config, cx))
    }

    /// Attempts that ended, the first included.
    pub fn attempts(&self) -> u32 {
        self.schedule.attempts()
    }
}
