//! Calls that pass without being stepped although an attempt has a limit: the driver reads the gate and
//! the clock itself, and keeps the time.

use crate::breaker::{Overlay, Shard};
use crate::brief::Brief;
use crate::call::{Call, CallOptions, Step};
#[cfg(feature = "tokio")]
use crate::outcome::Hint;
use crate::outcome::Outcome;
use crate::pass::Pass;
#[cfg(feature = "tokio")]
use crate::pass::Start;
use crate::permit::Permit;
use crate::policy::{Live, Policy};
use crate::time::Span;
#[cfg(feature = "tokio")]
use crate::time::Tick;

impl Policy {
    /// How long a first attempt may run that nobody steps, and where its gate is, if it has one. The
    /// driver begins such a call where the gate passes, with a [`Pass`] of the gate and the instant,
    /// and reports it once: by [`Policy::succeed_within`], [`Policy::fail`], or, when the time is over,
    /// [`Policy::call_after_admission`] and [`Call::expire`]. `None`: step it. To be looked at again as
    /// [`Policy::overlay`].
    pub fn limited_overlay(&self) -> Option<(Option<Overlay>, Span)> {
        let live = self.live();
        let limit = live.limit_now().filter(|_| live.parts.bulkhead.is_none())?;
        Some((live.parts.breaker.as_ref().map(|breaker| breaker.overlay()), limit))
    }

    /// A call under a limit has succeeded. Where it took too long, or so long that somebody is to be
    /// told, it goes on as a call, at this step; else it is over.
    pub fn succeed_within(&self, pass: Pass) -> Option<(Call, Step)> {
        let (live, took) = (self.live(), self.since(pass));
        if !live.is_in_time(took) {
            let mut call = self.call_after_pass(pass, CallOptions::default());
            let step = call.done(1, Outcome::Success, None);
            return Some((call, step));
        }
        if let Some(breaker) = &live.parts.breaker
            && (breaker.is_slow(took) || !breaker.tally(Permit(pass.permit)))
        {
            self.report_success(breaker, Shard::OWN, pass, took);
        }
        self.metrics().took(took);
        None
    }

    /// [`Policy::brief`], of policies whose attempts have a limit too: the driver drops the work at
    /// [`Brief::ends`].
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn brief_within(&self) -> Option<Brief<'_>> {
        let live = self.live();
        if live.limit_now().is_none() {
            return self.brief();
        }
        let (live, permit) = self.let_in(live, |live| live.limit_now().is_some())?;
        let pass = Pass { permit, started: Start::Precise.told(self.registry().clock()) };
        Some(Brief { policy: self, live, pass, running: false })
    }
}

impl Live {
    /// The limit of a call that begins now.
    fn limit_now(&self) -> Option<Span> {
        self.limit().filter(|_| self.enabled)
    }

    /// How long a first attempt may run that nobody steps.
    fn limit(&self) -> Option<Span> {
        self.config.timeout.as_ref().filter(|_| self.limited)?.first()
    }

    /// Whether nobody is to be told how long a success under a limit took.
    fn is_in_time(&self, took: Span) -> bool {
        let slow_after = self.config.timeout.as_ref().and_then(|timeout| timeout.slow_after);
        self.limit().is_some_and(|limit| took <= limit) && slow_after.is_none_or(|slow| took <= slow)
    }
}

#[cfg(feature = "tokio")]
impl Brief<'_> {
    /// How long the attempt may run.
    pub(crate) fn limit(&self) -> Option<Span> {
        self.live.limit()
    }

    /// When that is over.
    pub(crate) fn ends(&self) -> Option<Tick> {
        Some(self.pass.began()?.after(self.live.limit()?))
    }

    /// [`Brief::end`] of one that may have a limit: it goes on as a call where it did not succeed, took
    /// too long, or so long that somebody is to be told.
    #[inline]
    pub(crate) fn end_within<'n>(
        self,
        outcome: Outcome,
        hint: Option<Hint>,
        once: bool,
        error_type: impl FnOnce() -> Option<&'n str>,
    ) -> Option<(Call, Step)> {
        if !self.live.limited {
            return self.end(outcome, hint).map(|brief| brief.go_on(outcome, hint, once, error_type()));
        }
        let took = self.policy.since(self.pass);
        if outcome != Outcome::Success || !self.live.is_in_time(took) {
            return Some(self.go_on(outcome, hint, once, error_type()));
        }
        self.policy.metrics().took(took);
        self.succeed(took);
        None
    }

    /// The limit is over and the work was dropped.
    #[inline(never)]
    pub(crate) fn expire(self, once: bool) -> (Call, Step) {
        let mut call = self.as_call(once);
        std::mem::forget(self);
        let step = call.expire(1);
        (call, step)
    }
}

impl Brief<'_> {
    /// It is left, which a call under a limit measures.
    pub(crate) fn leave_within(&self) {
        let mut call = self.as_call(false);
        if self.running {
            call.done(1, Outcome::Failure, None);
        }
        call.cancelled(false);
        let registry = self.policy.registry();
        registry.strand(call.take_wakes());
        registry.tell();
    }
}
