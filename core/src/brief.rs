//! A call that needs no stepper: it runs at once, and most often that is all there is to it.

use crate::admission::Admission;
use crate::breaker::{Breaker, Failed, Shard, Untimed, Word};
use crate::bulkhead::Bulkhead;
use crate::call::{Call, CallOptions, Step};
use crate::outcome::{Hint, Outcome};
use crate::pass::Pass;
use crate::permit::Permit;
use crate::policy::{Live, Policy};
use crate::time::Span;
use std::mem::ManuallyDrop;

/// An attempt that runs without a [`Call`]. Dropped before its end it gives back what it holds: as a
/// failure where the work was left by unwinding, else as the caller's own wish.
pub(crate) struct Brief<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) live: &'a Live,
    pub(crate) pass: Pass,
    /// The work runs now: whoever drops this unwinds out of it.
    pub(crate) running: bool,
}

impl Policy {
    /// Everything a first attempt needs, if it can be had without waiting and without a refusal.
    #[inline(always)]
    pub(crate) fn brief(&self) -> Option<Brief<'_>> {
        let live = self.live();
        if !live.brief {
            return None;
        }
        let (live, permit) = self.let_in(live, |live| live.brief)?;
        let pass = Pass { permit, started: live.start.told(self.registry().clock()) };
        Some(Brief { policy: self, live, pass, running: false })
    }

    /// [`Policy::brief`] under settings that the handle knows to be in force, where one look at the state lets
    /// it in; `None` says nothing.
    #[inline(always)]
    pub(crate) fn brief_at_once<'a>(&'a self, live: &'a Live) -> Option<Brief<'a>> {
        if !live.brief {
            return None;
        }
        let (permit, is_in) = match live.parts.breaker.as_deref() {
            None => (0, comes_in(live)),
            Some(breaker) => {
                // In a streak of failures too; but what a shared cell says may be old.
                let permit = breaker.pass_or_closed(|| live.host.is_none())?.0;
                (permit, comes_in_under(self, live, Some(breaker), permit))
            }
        };
        if !is_in {
            return None;
        }
        let pass = Pass { permit, started: live.start.told(self.registry().clock()) };
        Some(Brief { policy: self, live, pass, running: false })
    }

    /// The same where a breaker is all that a call asks, and passes.
    #[inline(always)]
    pub(crate) fn brief_simply<'a>(&'a self, live: &'a Live) -> Option<(Brief<'a>, &'a Breaker)> {
        let breaker = live.parts.breaker.as_ref()?;
        let pass = Pass { permit: breaker.pass()?.0, started: 0 };
        Some((Brief { policy: self, live, pass, running: false }, breaker))
    }

    /// The breaker's permit and a place in the bulkhead, under the settings that gave them: they may be
    /// later ones, and then `fit` says whether the call still needs no stepper.
    #[inline(always)]
    pub(crate) fn let_in<'a>(&'a self, mut live: &'a Live, fit: fn(&Live) -> bool) -> Option<(&'a Live, u64)> {
        let permit = match &live.parts.breaker {
            None => 0,
            // A gate that passes is that of the cell in force; so is an open circuit, as one that was
            // left is disabled. What else a shared cell says may be old.
            Some(breaker) => match breaker.pass() {
                Some(permit) => permit.0,
                None if live.host.is_none() => breaker.open_door()?.0,
                None if breaker.is_open() => return None,
                None => {
                    let asked = self.shared_door(fit)?;
                    live = asked.0;
                    asked.1
                }
            },
        };
        comes_in_under(self, live, live.parts.breaker.as_deref(), permit).then_some((live, permit))
    }

    #[inline(never)]
    fn shared_door(&self, fit: fn(&Live) -> bool) -> Option<(&Live, u64)> {
        let live = self.asked();
        let door = live.parts.breaker.as_ref().map(|breaker| breaker.open_door());
        fit(live).then_some((live, door.map_or(Some(0), |permit| permit.map(|permit| permit.0))?))
    }
}

impl<'a> Brief<'a> {
    /// What it holds, for a driver that gives it back itself.
    pub(crate) fn detach(self) -> Admission {
        let placed = self.live.parts.bulkhead.is_some();
        let admission = Admission { pass: self.pass, epoch: self.live.epoch, placed };
        std::mem::forget(self);
        admission
    }

    /// The same from what the driver kept.
    pub(crate) fn again(policy: &'a Policy, live: &'a Live, pass: Pass) -> Brief<'a> {
        Brief { policy, live, pass, running: false }
    }

    /// Even a success may open the circuit.
    #[inline(always)]
    pub(crate) fn may_be_slow(&self) -> bool {
        self.live.slow
    }

    /// The attempt ended. Where that is not the end of the call it is handed back, to [`Brief::go_on`].
    #[inline(always)]
    pub(crate) fn end(self, outcome: Outcome, hint: Option<Hint>) -> Option<Brief<'a>> {
        if outcome == Outcome::Success {
            let took = self.took();
            self.succeed(took);
        } else if self.is_last(outcome) {
            self.fail(outcome, hint);
        } else {
            return Some(self);
        }
        None
    }

    /// [`Brief::succeed`] of a call that asked nothing but this breaker.
    #[inline(always)]
    pub(crate) fn succeed_at(self, breaker: &Breaker) {
        let Brief { policy, pass, .. } = *ManuallyDrop::new(self);
        if !breaker.tally(Permit(pass.permit)) {
            policy.report_success(breaker, Shard::OWN, pass, Span::ZERO);
        }
    }

    #[inline(always)]
    pub(crate) fn succeed(self, took: Span) {
        let Brief { policy, live, pass, .. } = *ManuallyDrop::new(self);
        if let Some(breaker) = &live.parts.breaker
            && (breaker.is_slow(took) || !breaker.tally(Permit(pass.permit)))
        {
            policy.report_success(breaker, Shard::OWN, pass, took);
        }
        leave(policy, live);
    }

    /// The call that goes on after an attempt, and its step. The attempt may be repeated unless `once`.
    #[inline(always)]
    pub(crate) fn go_on(
        self,
        outcome: Outcome,
        hint: Option<Hint>,
        once: bool,
        error_type: Option<&str>,
    ) -> (Call, Step) {
        let Brief { policy, live, pass, .. } = *ManuallyDrop::new(self);
        go_on(policy, live, pass, (outcome, hint), once, error_type)
    }

    /// The call that goes on with what this holds, and is to be the last who gives it back.
    pub(crate) fn as_call(&self, once: bool) -> Call {
        as_call(self.policy, self.live, self.pass, once)
    }

    /// Whether an attempt that ended so, which is no success, is the end of its call.
    #[inline(always)]
    pub(crate) fn is_last(&self, outcome: Outcome) -> bool {
        self.live.ends_at_once && outcome != Outcome::Cancelled
    }

    /// It was, and it ended so.
    #[inline(always)]
    pub(crate) fn fail(self, outcome: Outcome, hint: Option<Hint>) {
        let Brief { policy, live, pass, .. } = *ManuallyDrop::new(self);
        let left = fail_quickly(policy, live, pass.permit, outcome);
        if left != Left::Nothing {
            fail_slowly(policy, live, pass, outcome, hint, left);
        }
    }

    /// The attempt was the end of the call, and the metrics are told by the driver.
    #[inline(always)]
    pub(crate) fn fail_uncounted(self, outcome: Outcome) {
        self.give_back(outcome, None);
        std::mem::forget(self);
    }
}

/// What is left to do after the short way of a failure.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Left {
    Nothing,
    /// It is entered, and to be judged.
    Verdict,
    /// The metrics know it, the breaker does not.
    Report,
    All,
}

impl Left {
    #[inline(always)]
    fn of(failed: Failed) -> Left {
        match failed {
            Failed::Counted => Left::Nothing,
            Failed::Due => Left::Verdict,
            Failed::NotCounted => Left::Report,
        }
    }
}

/// The usual way of a failure that is the end of its call. What is written before the locked instruction
/// of the breaker's count is what that has to wait for: so this takes no more than fits in registers and
/// calls nothing that comes back.
#[cold]
#[inline(never)]
fn fail_quickly(policy: &Policy, live: &Live, permit: u64, outcome: Outcome) -> Left {
    // First, so that it need not wait for the breaker's count.
    if !policy.known_metrics().is_some_and(|metrics| metrics.ended_quickly(outcome)) {
        return Left::All;
    }
    if live.slow || live.parts.bulkhead.is_some() {
        return Left::Report;
    }
    let Some(breaker) = &live.parts.breaker else { return Left::Nothing };
    Left::of(breaker.fail_untimed(Permit(permit), outcome))
}

#[cold]
#[inline(never)]
fn fail_slowly(policy: &Policy, live: &Live, pass: Pass, outcome: Outcome, hint: Option<Hint>, left: Left) {
    let brief = ManuallyDrop::new(Brief { policy, live, pass, running: false });
    if left == Left::All {
        policy.metrics().ended_at_once(outcome);
    }
    match (&live.parts.breaker, left) {
        (Some(breaker), Left::Verdict) => brief.judge(breaker, hint),
        _ => brief.give_back(outcome, hint),
    }
}

#[cold]
#[inline(never)]
fn drop_held(policy: &Policy, live: &Live, pass: Pass, running: bool) {
    let brief = ManuallyDrop::new(Brief { policy, live, pass, running });
    if live.limited {
        return brief.leave_within();
    }
    brief.give_back(if running { Outcome::Failure } else { Outcome::Cancelled }, None);
}

impl Brief<'_> {
    #[inline(always)]
    fn give_back(&self, outcome: Outcome, hint: Option<Hint>) {
        if let Some(breaker) = &self.live.parts.breaker {
            let permit = Permit(self.pass.permit);
            match if self.live.slow { Failed::NotCounted } else { breaker.fail_untimed(permit, outcome) } {
                Failed::Counted => {}
                Failed::Due => self.judge(breaker, hint),
                Failed::NotCounted => self.record_slowly(breaker, outcome, hint),
            }
        }
        leave(self.policy, self.live);
    }

    /// A failure has been entered, and is to be judged.
    #[cold]
    #[inline(never)]
    fn judge(&self, breaker: &Breaker, hint: Option<Hint>) {
        if let Some(word) = breaker.entered(Permit(self.pass.permit)) {
            self.open(breaker, word, hint);
        }
    }

    #[cold]
    #[inline(never)]
    fn open(&self, breaker: &Breaker, word: Word, hint: Option<Hint>) {
        self.policy.with(|cx| breaker.judge(word, hint, cx));
    }

    #[inline(never)]
    fn record_slowly(&self, breaker: &Breaker, outcome: Outcome, hint: Option<Hint>) {
        match breaker.fail_timed(Permit(self.pass.permit), outcome, || self.policy.registry().clock().coarse()) {
            Failed::Counted => {}
            Failed::Due => self.judge(breaker, hint),
            Failed::NotCounted => self.record(breaker, outcome, self.took(), hint),
        }
    }

    #[inline(always)]
    fn record(&self, breaker: &Breaker, outcome: Outcome, took: Span, hint: Option<Hint>) {
        let permit = Permit(self.pass.permit);
        match breaker.record_untimed(Shard::OWN, permit, outcome, breaker.is_slow(took)) {
            Untimed::Counted => {}
            Untimed::Opens(word) => self.open(breaker, word, hint),
            Untimed::NotCounted => self.policy.with(|cx| breaker.record(permit, outcome, took, hint, cx)),
        }
    }

    #[inline(always)]
    fn took(&self) -> Span {
        self.live.took(self.pass, self.policy.registry().clock())
    }
}

/// A place in the bulkhead, if there is one.
#[inline(always)]
fn comes_in(live: &Live) -> bool {
    match (&live.parts.bulkhead, &live.near) {
        (None, _) => true,
        (Some(bulkhead), None) => bulkhead.comes_in_here(),
        (Some(bulkhead), Some(near)) => near.take() || asks_in(live, bulkhead),
    }
}

/// The same while the circuit is the one of the permit: who is held up between the two is not to go in once it has
/// opened and those inside have left.
#[inline(always)]
fn comes_in_under(policy: &Policy, live: &Live, breaker: Option<&Breaker>, permit: u64) -> bool {
    let is_still = || breaker.is_none_or(|breaker| breaker.is_still(Permit(permit)));
    live.parts.bulkhead.is_none() || comes_in(live) && (is_still() || goes_back(policy, live))
}

#[cold]
#[inline(never)]
fn goes_back(policy: &Policy, live: &Live) -> bool {
    leave(policy, live);
    false
}

#[cold]
#[inline(never)]
fn asks_in(live: &Live, bulkhead: &Bulkhead) -> bool {
    !(live.needs_place && live.is_left_alone()) && bulkhead.comes_in()
}

#[inline(always)]
fn leave(policy: &Policy, live: &Live) {
    if let Some(bulkhead) = &live.parts.bulkhead
        && !bulkhead.give_by(live.near.as_deref())
    {
        // Who waits for it is to be admitted.
        admit_next(policy, bulkhead);
    }
}

#[cold]
#[inline(never)]
fn admit_next(policy: &Policy, bulkhead: &Bulkhead) {
    let wakes = bulkhead.admit_next(policy.registry().clock().now());
    policy.registry().strand(wakes);
}

#[inline(never)]
fn go_on(
    policy: &Policy,
    live: &Live,
    pass: Pass,
    (outcome, hint): (Outcome, Option<Hint>),
    once: bool,
    error_type: Option<&str>,
) -> (Call, Step) {
    let mut call = as_call(policy, live, pass, once);
    error_type.into_iter().for_each(|name| call.error_type(name));
    let step = call.done(1, outcome, hint);
    (call, step)
}

fn as_call(policy: &Policy, live: &Live, pass: Pass, once: bool) -> Call {
    let live = policy.keep_live(live);
    let mut call = Call::running_under(policy.clone(), live, pass, true, CallOptions::default());
    if once {
        call.last_attempt();
    }
    call
}

impl Drop for Brief<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // By value, so that nobody need have it in memory.
        drop_held(self.policy, self.live, self.pass, self.running);
    }
}

#[cfg(all(test, feature = "json", not(loom)))]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::breaker::Control;
    use crate::bulkhead::Entry;

    #[test]
    fn who_took_a_place_after_the_circuit_opened_gives_it_back_to_who_waits() {
        let registry = Registry::manual(1);
        let settings = r#"{"name":"p","breaker":{},"bulkhead":{"limit":1,"queue":1}}"#;
        let policy = registry.policy(settings).unwrap();
        let live = policy.live();
        let (breaker, bulkhead) = (live.parts.breaker.as_deref(), live.parts.bulkhead.as_deref().unwrap());
        let permit = breaker.and_then(Breaker::pass).unwrap().0;
        // As long as the circuit is the same, the place is had.
        assert!(comes_in_under(&policy, live, breaker, permit));
        let Entry::Queued { ticket, .. } = policy.enter(None) else { panic!("nobody waits") };
        leave(&policy, live);
        assert_eq!((registry.take_stranded(), bulkhead.look().in_use), (vec![ticket], 1));
        leave(&policy, live);
        assert_eq!(bulkhead.look().in_use, 0);
        policy.control(Control::Open);
        assert!(!comes_in_under(&policy, live, breaker, permit));
        assert_eq!((bulkhead.look().in_use, registry.has_stranded()), (0, false));
    }

    #[test]
    fn where_somebody_is_to_be_woken_nobody_is_refused_without_a_step() {
        let registry = Registry::manual(1);
        let policy = registry.policy(r#"{"name":"p","breaker":{},"bulkhead":{"limit":1}}"#).unwrap();
        policy.control(Control::Open);
        assert!(policy.refusal().is_some());
        registry.strand(vec![7]);
        assert!(policy.refusal().is_none());
        assert_eq!(registry.take_stranded(), [7]);
        assert!(policy.refusal().is_some());
    }
}
