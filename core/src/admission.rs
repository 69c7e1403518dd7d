//! Calls that are let in at once: one question before, one report after, and steps only for those
//! that fail.

use crate::breaker::Shard;
use crate::bulkhead::Wakes;
use crate::call::{Call, CallOptions};
use crate::outcome::Outcome;
use crate::pass::{Pass, Start};
use crate::permit::Permit;
use crate::policy::Policy;
use crate::time::{Span, Tick};

/// What a call holds that was let in without a [`Call`]. It is given back once: by
/// [`Policy::dismiss`] after a success, else by [`Policy::call_after_admission`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Admission {
    /// The breaker's permit and when it was given.
    pub pass: Pass,
    /// The bulkhead's permit; 0 without a bulkhead.
    pub slot: u64,
    /// The settings that it was given under, which it is given back under.
    pub epoch: u64,
}

impl Policy {
    /// Whether [`Policy::admit`] may ever answer under the settings in force.
    pub fn may_admit(&self) -> bool {
        self.live().admits.is_some() && self.registry().enabled()
    }

    /// Lets a call in that has no options of its own, where there is room and no doubt. `None` has
    /// taken nothing and means: step a [`Call`], which waits, refuses or falls back.
    pub fn admit(&self) -> Option<Admission> {
        let live = self.live();
        let start = live.admits.filter(|_| self.registry().enabled())?;
        let permit = match &live.parts.breaker {
            Some(breaker) => breaker.door()?.0,
            None => 0,
        };
        let started = start.read(self.registry().clock());
        if start == Start::Precise && started == 0 {
            return None; // the first instant of a manual clock would say that nobody knows
        }
        let slot = match &live.parts.bulkhead {
            Some(bulkhead) => bulkhead.walk_in()?.0,
            None => 0,
        };
        Some(Admission { pass: Pass { permit, started }, slot, epoch: live.epoch })
    }

    /// An admitted call has succeeded. Whoever waits for its place is to be woken.
    pub fn dismiss(&self, admission: Admission) -> Wakes {
        let live = self.live_of(admission.epoch);
        let permit = Permit(admission.pass.permit);
        if let Some(breaker) = &live.parts.breaker
            && !breaker.tally(permit)
        {
            self.with(|cx| {
                let took = match admission.pass.started {
                    0 => Span::ZERO,
                    at => cx.now.since(Tick(at)),
                };
                breaker.record_on(Shard::OWN, permit, Outcome::Success, took, None, cx);
            });
        }
        let mut wakes = match &live.parts.bulkhead {
            Some(bulkhead) => bulkhead.leave_at(Permit(admission.slot), || self.registry().clock().now()),
            None => Wakes::new(),
        };
        wakes.extend(self.registry().take_stranded());
        wakes
    }

    /// An admitted call that did not succeed: report it with `done(1, …)`, and it goes on.
    pub fn call_after_admission(&self, admission: Admission, options: CallOptions) -> Call {
        Call::admitted(self.clone(), admission, options)
    }
}

/// Whether calls may be admitted, and what is to be known of when they began.
pub(crate) fn admits(config: &crate::config::PolicyConfig, start: Start) -> Option<Start> {
    let light = config.enabled
        && config.timeout.is_none()
        && config.cost.is_empty()
        && config.cache.is_none()
        && config.retry.as_ref().is_none_or(|retry| retry.budget.is_none());
    let timed = config.breaker.as_ref().is_some_and(|breaker| breaker.slow_call.is_some());
    light.then_some(if timed { Start::Precise } else { start })
}
