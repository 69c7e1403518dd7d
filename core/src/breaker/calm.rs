//! Calls of a time window, reported without a verdict: all that is left to do is to count.
//!
//! Within a slice nothing leaves the window, and a success makes no rate worse: once a verdict on a
//! slice has said that the window is calm, only a failure, which closes the gate, or the next slice,
//! whose first ask judges it, can end that.
//!
//! A failure can be spared its verdict for the same reason. A judge that said "no" works out up to which
//! number of failures in its slice no failure can open the circuit, whatever successes come in between.
//! That is exact as long as nothing else changes what the judge has added up; who takes passes back that
//! were booked twice, or adds a failure to a slice that is over, says so and nobody is spared any more.

use super::credit::{MOST, most_that};
use super::layout::{CALM, EPOCH, FAILURES, OTHER_SUCCESS, SPARED, STREAK_FIRST};
use super::tally::Shard;
use super::word::Word;
use super::{Breaker, Failed};
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::sync::Ordering;
use crate::time::{Span, Tick};
use crate::window::Counts;
use crate::window::time::{Column, Slice, Slices};

/// Of the word that says who is spared: a number of failures in the low half of its low half, above that
/// how often it was taken back, and the slice and the rules in the high half.
const NUMBER: u64 = 0xffff;
const TAKEN_BACK: u64 = 1 << 16;

/// The word that says who is spared, and the failures of the slice, both as they were before a judge added
/// up the window.
#[derive(Copy, Clone)]
pub(super) struct Before {
    spared: u64,
    failures: u64,
}

impl Breaker {
    /// Counts a success under `permit` and renews its writer's credit. `coarse` is a look at the clock that
    /// is late by no more than the span beside it. `false`: nothing is counted, it is to be recorded.
    pub(crate) fn count_calm(&self, shard: Shard, permit: Permit, coarse: impl FnOnce() -> (Tick, Span)) -> bool {
        // Slow calls are judged though they succeed.
        let Some(slices) = self.slices().filter(|_| self.config.slow_call.is_none()) else { return false };
        let word = self.word();
        if !word.pass() || word.gate() != permit.0 as u32 {
            return false;
        }
        // Acquire: the slice of the verdict has begun, and what its first ask booked is seen.
        let epoch = self.cell.word(EPOCH).load(Ordering::Acquire);
        if self.cell.word(CALM).load(Ordering::Acquire) != self.calm_mark(epoch) {
            return false;
        }
        let (read, late) = coarse();
        if !slices.holds(epoch, self.seen_time(read), self.seen_time(read.after(late))) {
            return false;
        }
        let slice = Slice { epoch, generation: word.generation() };
        let writer = self.writer(shard);
        self.add(writer, OTHER_SUCCESS);
        self.fold_with(writer, slices, slice, Column::Successes, 1);
        self.grant(writer, slice);
        true
    }

    /// A verdict on the slice has found the window calm.
    pub(super) fn mark_calm(&self, slice: Slice) {
        // Release: who sees the mark sees what the verdict was made of.
        self.cell.word(CALM).store(self.calm_mark(slice.epoch), Ordering::Release);
    }

    /// Of a slice, and of the rules by which it is calm: other handles of the cell, a reload, have others.
    /// Never zero, which says that nothing is calm.
    fn calm_mark(&self, epoch: u64) -> u64 {
        epoch.wrapping_add(1) ^ u64::from(self.rules) << 32
    }

    /// Counts a failure under `permit` in a slice of which some are spared a verdict. `coarse` is as above.
    #[inline(never)]
    pub(crate) fn fail_timed(&self, permit: Permit, outcome: Outcome, coarse: impl FnOnce() -> (Tick, Span)) -> Failed {
        let (Some(slices), Some(word)) = (self.slices(), self.fails_now(permit, outcome)) else {
            return Failed::NotCounted;
        };
        // Acquire: as above.
        let epoch = self.cell.word(EPOCH).load(Ordering::Acquire);
        let slice = Slice { epoch, generation: word.generation() };
        let spared = self.cell.word(SPARED).load(Ordering::Acquire);
        if (spared >> 32) as u32 != self.spared_tag(slice) {
            return Failed::NotCounted;
        }
        let (read, late) = coarse();
        if !slices.holds(epoch, self.seen_time(read), self.seen_time(read.after(late))) {
            return Failed::NotCounted;
        }
        Failed::counted(!self.enter_failure_of(slices, slice, word))
    }

    /// Counts a failure in its slice. Whether it is one that no verdict need look at.
    pub(super) fn enter_failure_of(&self, slices: Slices, slice: Slice, word: Word) -> bool {
        let index = self.cell.word(FAILURES).fetch_add(1, Ordering::AcqRel);
        let number = slices.add(&self.cell, slice, Column::Failures, 1);
        // Looked at after it was counted: who found the window calm meanwhile has seen it, or this sees his word.
        let now = if word.streak() > 0 { self.word() } else { word };
        if now.streak() == 0 && now.generation() == word.generation() {
            // Relaxed: it is only shown.
            self.cell.word(STREAK_FIRST).store(index, Ordering::Relaxed);
            // While a streak runs it must hear of the success that ends it.
            self.change_word(now, |word| word.with_streak(1).with_pass(false));
        }
        if self.cell.word(EPOCH).load(Ordering::Acquire) != slice.epoch {
            self.spare_no_more();
            return false;
        }
        // Acquire: what the judge saw is seen. It may be an old one: each holds for its slice.
        let spared = self.cell.word(SPARED).load(Ordering::Acquire);
        let left = spared.wrapping_sub(number) & NUMBER;
        (spared >> 32) as u32 == self.spared_tag(slice) && left < MOST
    }

    /// To be asked for before the window is added up; see [`Breaker::spare_failures_of`].
    pub(super) fn spared_before(&self, slices: Slices, slice: Slice) -> Before {
        // Acquire: who took something back before has done so.
        let spared = self.cell.word(SPARED).load(Ordering::Acquire);
        Before { spared, failures: slices.count(&self.cell, slice, Column::Failures) }
    }

    /// After a verdict on `counts` that nothing trips: for how many more failures of the slice that is so in
    /// any case.
    pub(super) fn spare_failures_of(&self, slice: Slice, counts: Counts, before: Before) {
        // Slow calls are judged though they succeed.
        if self.config.slow_call.is_some() {
            return;
        }
        let minimum = u64::from(self.config.minimum_calls);
        // Successes lower the rates, so that the worst is none, or as few as end the warm-up.
        let harmless = |more: u64| {
            let calls = counts.calls.saturating_add(more).max(minimum).saturating_add(counts.maybe);
            self.rules_reached(counts.failures.saturating_add(more), 0, calls).is_none()
        };
        let number = before.failures.wrapping_add(most_that(harmless, MOST)) & NUMBER;
        let next = u64::from(self.spared_tag(slice)) << 32 | before.spared & !NUMBER & 0xffff_ffff | number;
        // Release: see above. If it has moved, another judge was quicker, or something was taken back.
        let _ = self.cell.word(SPARED).compare_exchange(before.spared, next, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// The window is not what a judge has added up, or may just add up: the next failure is judged.
    #[cold]
    pub(super) fn spare_no_more(&self) {
        let revoked = |spared: u64| Some(spared.wrapping_add(TAKEN_BACK) & !NUMBER & 0xffff_ffff);
        // AcqRel: a judge that sees it sees what was changed before. No slice has the tag zero.
        let _ = self.cell.word(SPARED).fetch_update(Ordering::AcqRel, Ordering::Acquire, revoked);
    }

    /// Never zero, which is the tag of nobody.
    fn spared_tag(&self, slice: Slice) -> u32 {
        (slice.tag() ^ self.rules).max(1)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::State;
    use super::*;
    use crate::config::{BreakerConfig, Window};
    use crate::cx::Cx;
    use crate::rng::Rng;

    const START: Tick = Tick(1);

    /// A circuit that the tenth failure opens, and the slice of its first.
    fn after_one_failure() -> (Breaker, Slices, Slice) {
        let window = Window::Time { span: Span::secs(30), slices: 10, aligned: true };
        let config = BreakerConfig { window, failure_rate: None, failure_count: Some(10), ..BreakerConfig::default() };
        let breaker = Breaker::new(&config);
        let (rng, mut notes) = (Rng::seeded(1), Vec::new());
        let mut cx = Cx { now: START, rng: &rng, notes: &mut notes };
        let permit = breaker.acquire(&mut cx).expect("it is closed");
        breaker.record(permit, Outcome::Failure, Span::ZERO, None, &mut cx);
        let slices = breaker.slices().expect("it has slices");
        let slice = breaker.enter_slice(slices, breaker.word(), START);
        (breaker, slices, slice)
    }

    #[test]
    fn what_is_taken_back_ends_it_for_a_judge_who_added_up_before() {
        let (breaker, slices, slice) = after_one_failure();
        let enter = || breaker.enter_failure_of(slices, slice, breaker.word());
        assert!(enter(), "the second of ten");
        let before = breaker.spared_before(slices, slice);
        let counts = slices.sum(&breaker.cell, slice).expect("it did not roll");
        breaker.spare_no_more();
        breaker.spare_failures_of(slice, counts, before);
        assert!(!enter(), "what he saw is not what is there");
        breaker.spare_failures_of(slice, Counts { failures: 3, ..counts }, breaker.spared_before(slices, slice));
        assert!((4..10).all(|_| enter()) && !enter(), "up to the ninth");
    }

    #[test]
    fn a_failure_that_comes_late_to_its_slice_ends_it() {
        let (breaker, slices, old) = after_one_failure();
        let later = START.after(Span::secs(3));
        let slice = breaker.enter_slice(slices, breaker.word(), later);
        let counts = slices.sum(&breaker.cell, slice).expect("it did not roll");
        breaker.spare_failures_of(slice, counts, breaker.spared_before(slices, slice));
        let enter = |slice| breaker.enter_failure_of(slices, slice, breaker.word());
        assert!(enter(slice));
        assert!(!enter(old), "it is judged itself");
        assert!(!enter(slice), "and so are those after it");
    }

    #[test]
    fn a_failure_of_a_slice_that_nobody_was_judged_in_is_not_counted() {
        let (breaker, ..) = after_one_failure();
        let permit = Permit(u64::from(breaker.word().gate()));
        let fail_at = |now: Tick| breaker.fail_timed(permit, Outcome::Failure, || (now, Span::ZERO));
        assert!(matches!(fail_at(START), Failed::Counted));
        assert!(matches!(fail_at(START.after(Span::secs(3))), Failed::NotCounted));
        let near_the_end = |late| breaker.fail_timed(permit, Outcome::Failure, || (Tick(2_999_999_000), Span(late)));
        assert!(matches!(near_the_end(999), Failed::Counted));
        assert!(matches!(near_the_end(1_000), Failed::NotCounted), "the slice may be over");
        assert_eq!((breaker.failures(), breaker.state()), (3, State::Closed));
    }
}
