//! Calls that nobody steps: they pass without asking, or with one question and one report.

use crate::breaker::{Breaker, Overlay, Shard, Untimed};
use crate::clock::Clock;
use crate::error::{Code, Refusal};
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::policy::{Live, Policy};
use crate::time::{Span, Tick};

/// When a call began matters to its retries, to the moment where they have a limit, else roughly; and to
/// a breaker that counts slow calls, to the moment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    Untold,
    Coarse,
    Precise,
}

/// Permission to run without asking: the gate said *pass*.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// The generation of the breaker it was taken under.
    pub permit: u64,
    /// When it was taken, for the core to read; 0 where nothing needs it.
    pub started: u64,
}

impl Pass {
    /// An instant as a pass carries it: one more, so that 0 is left for "untold".
    fn told(now: Tick) -> u64 {
        // No clock comes to its last number.
        now.0.wrapping_add(1)
    }

    pub(crate) fn began(self) -> Option<Tick> {
        self.started.checked_sub(1).map(Tick)
    }
}

impl Start {
    /// What a pass taken now is told.
    #[inline]
    pub(crate) fn told(self, clock: &Clock) -> u64 {
        match self {
            Start::Untold => 0,
            Start::Coarse => Pass::told(clock.coarse().0),
            Start::Precise => Pass::told(clock.now()),
        }
    }
}

impl Policy {
    /// Permission to run without asking, for a call without options of its own: under a caller's
    /// deadline, with a cache key or an estimate, ask. Report a success with [`Policy::succeed`], anything else
    /// with [`Policy::call_after_pass`].
    #[inline]
    pub fn pass(&self) -> Option<Pass> {
        let live = self.live();
        if !live.fast {
            return None;
        }
        let permit = match &live.parts.breaker {
            Some(breaker) => breaker.pass()?.0,
            None => 0,
        };
        Some(Pass { permit, started: live.start.told(self.registry().clock()) })
    }

    /// Whether a pass that was taken for a call to come is still one: the gate has not changed, and
    /// where it matters when a call begins that was just now. Slow calls are measured from their pass.
    #[inline]
    pub fn passes_still(&self, pass: Pass) -> bool {
        const JUST_NOW: Span = Span::millis(20);
        let is_fresh = |began| self.registry().clock().coarse().0.since(began) < JUST_NOW;
        let live = self.live();
        self.passes()
            && live.parts.breaker.as_ref().is_none_or(|breaker| breaker.pass() == Some(Permit(pass.permit)))
            && pass.began().is_none_or(|began| !live.slow && is_fresh(began))
    }

    /// Counts a success under a pass. `false`: the gate has changed meanwhile, the call was slow, or the
    /// caller's line has no credit; the success has been reported to the breaker all the same.
    #[inline]
    pub fn succeed(&self, pass: Pass) -> bool {
        let live = self.live();
        let Some(breaker) = &live.parts.breaker else { return true };
        let took = live.took(pass, self.registry().clock());
        if !breaker.is_slow(took) && breaker.tally(Permit(pass.permit)) {
            return true;
        }
        self.report_success(breaker, Shard::OWN, pass, took);
        false
    }

    /// Reports a success under a pass that a driver found no credit for on the line it chose.
    pub fn succeed_on(&self, shard: Shard, pass: Pass) {
        let live = self.live();
        if let Some(breaker) = &live.parts.breaker {
            self.report_success(breaker, shard, pass, live.took(pass, self.registry().clock()));
        }
    }

    /// Reports a success that could not be tallied.
    #[cold]
    #[inline(never)]
    pub(crate) fn report_success(&self, breaker: &Breaker, shard: Shard, pass: Pass, took: Span) {
        let permit = Permit(pass.permit);
        if breaker.count_calm(shard, permit, || self.registry().clock().coarse()) {
            return;
        }
        match breaker.record_untimed(shard, permit, Outcome::Success, breaker.is_slow(took)) {
            Untimed::Counted => {}
            Untimed::Opens(word) => self.with(|cx| breaker.judge(word, None, cx)),
            Untimed::NotCounted => self.with(|cx| breaker.record_on(shard, permit, Outcome::Success, took, None, cx)),
        }
    }

    /// Time since a pass was taken; zero where it was not told when.
    pub fn since(&self, pass: Pass) -> Span {
        pass.began().map_or(Span::ZERO, |began| self.registry().clock().now().since(began))
    }

    fn passes(&self) -> bool {
        self.live().fast
    }

    /// Permission to run where only the gate wants to be asked: the breaker's own permit, without
    /// the steps of a call. `None` means step. Reported as a pass.
    pub fn ask(&self) -> Option<Pass> {
        if !self.passes() {
            return None;
        }
        let live = self.asked();
        let breaker = live.parts.breaker.as_ref().filter(|_| live.fast)?;
        let Permit(permit) = breaker.open_door()?;
        Some(Pass { permit, started: Pass::told(self.registry().clock().now()) })
    }

    /// Where a driver finds this policy's gate and tallies, to pass without crossing into the core;
    /// `None` where every call must ask, or tell when it began. The addresses are valid as long as
    /// this handle; take them again after each change of the settings and of the off switch.
    pub fn overlay(&self) -> Option<Overlay> {
        self.live().parts.breaker.as_ref().filter(|_| self.passes_blindly()).map(|breaker| breaker.overlay())
    }

    /// Of [`Policy::overlay`] the gate and the calling thread's own line, for who needs no other: no lines
    /// are made for other writers.
    pub fn own_overlay(&self) -> Option<(usize, usize)> {
        let breaker = self.live().parts.breaker.as_ref().filter(|_| self.passes_blindly())?;
        Some((breaker.own_gate(), breaker.own_line()?))
    }

    /// [`Policy::overlay`] for a driver that has the places of a bulkhead by [`Policy::lend`]. `Some(None)`: there is
    /// neither a gate to look at nor a success to count.
    pub fn overlay_beside_loans(&self) -> Option<Option<Overlay>> {
        let live = self.live();
        let blind = live.brief && live.start != Start::Precise;
        blind.then(|| live.parts.breaker.as_ref().map(|breaker| breaker.overlay()))
    }

    /// [`Policy::overlay`] for a driver that reads the clock itself: a call under it is told when it
    /// began, and a success that took longer than the span beside it is reported, not tallied.
    pub fn timed_overlay(&self) -> Option<(Overlay, Option<Span>)> {
        let breaker = self.live().parts.breaker.as_ref()?;
        let timed = self.passes() && self.live().start == Start::Precise;
        timed.then(|| (breaker.overlay(), breaker.config().slow_call.map(|slow| slow.longer_than)))
    }

    /// Whether a driver need neither ask before a call nor count a success: only what fails is to be
    /// reported. To be looked at again as [`Policy::overlay`].
    pub fn asks_nothing(&self) -> bool {
        self.live().parts.breaker.is_none() && self.passes_blindly()
    }

    fn passes_blindly(&self) -> bool {
        self.passes() && self.live().start != Start::Precise
    }

    /// The rejection of a call that has no say in it: the circuit is open without doubt, nothing else
    /// could answer and nobody listens. `None` means ask.
    #[inline(always)]
    pub fn refusal(&self) -> Option<Refusal> {
        // Whoever is to be woken is woken by a step.
        if self.registry().has_stranded() { None } else { self.refusal_under(self.live()) }
    }

    /// The same under settings that are known to be in force.
    #[inline(always)]
    pub(crate) fn refusal_under(&self, live: &Live) -> Option<Refusal> {
        if !live.refuses_early || self.registry().events().wanted() {
            return None;
        }
        let breaker = live.parts.breaker.as_ref()?;
        // The reading that says whether it refuses says also whether it is time to look at the segment.
        let read = || Some(self.registry().clock().coarse()).filter(|(now, _)| !live.next_look.is_due(*now));
        let (state, retry_after) = breaker.refuses_early(read)?;
        self.metrics().refused_early();
        // Made in one place: it is larger than all that decides on it.
        Some(Refusal { state: Some(state), retry_after, ..Refusal::new(Code::CircuitOpen) })
    }
}
