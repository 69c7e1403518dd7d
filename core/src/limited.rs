//! Calls that pass without being stepped although an attempt has a limit: the driver reads the gate and
//! the clock itself, and keeps the time.

use crate::breaker::{Overlay, Shard};
use crate::call::{Call, CallOptions, Step};
use crate::outcome::Outcome;
use crate::pass::Pass;
use crate::permit::Permit;
use crate::policy::Policy;
use crate::time::Span;

impl Policy {
    /// How long a first attempt may run that nobody steps, and where its gate is, if it has one. The
    /// driver begins such a call where the gate passes, with a [`Pass`] of the gate and the instant,
    /// and reports it once: by [`Policy::succeed_within`], [`Policy::fail`], or, when the time is over,
    /// [`Policy::call_after_admission`] and [`Call::expire`]. `None`: step it. To be looked at again as
    /// [`Policy::overlay`].
    pub fn limited_overlay(&self) -> Option<(Option<Overlay>, Span)> {
        let live = self.live();
        let limit = live.limited.filter(|_| self.registry().enabled())?;
        Some((live.parts.breaker.as_ref().map(|breaker| breaker.overlay()), limit))
    }

    /// A call under a limit has succeeded. Where it took too long, or so long that somebody is to be
    /// told, it goes on as a call, at this step; else it is over.
    pub fn succeed_within(&self, pass: Pass) -> Option<(Call, Step)> {
        let (live, took) = (self.live(), self.since(pass));
        let slow_after = live.config.timeout.as_ref().and_then(|timeout| timeout.slow_after);
        let in_time = live.limited.is_some_and(|limit| took <= limit) && slow_after.is_none_or(|slow| took <= slow);
        if !in_time {
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
}
