//! Credit for failures: how many more of them, in a count window, no verdict need look at.
//!
//! A judge that said "no" works out up to which index of the failure log no failure can open the
//! circuit, whatever successes come in between, and says so in one word of the cell. It is an exact
//! answer given early, so that it never grows old: it ends with its generation and its rules, which
//! its tag names, and not with time. A failure below that index is counted and need not ask.

use super::Breaker;
use super::layout::{CREDIT, FAILURES, STREAK_FIRST, STREAK_SUM};
use super::word::Word;
use crate::cell::LINE;
use crate::config::{BreakerConfig, Window};
use crate::sync::{AtomicU64, Ordering};

/// The most failures that one judge may answer for, and so how far below its limit a credit reaches.
pub(super) const MOST: u64 = 64;

/// Where a driver that passes by itself finds the failure log of a count window, to enter a failure as
/// the core does, without crossing into it.
///
/// The rule, for a call whose gate (see [`Overlay`](super::Overlay)) has not changed: add up the tallies
/// of all `lines`, or, where there is the word `used`, read that and add up those of the first `own` lines
/// whose number is below its lower half, and of the lines from `own` on if its upper half is not zero. Read
/// `failures`; in the ring's word of that number, modulo `length`, store tallies +
/// number + 1 unless more stands there; then exchange `failures` for one more, or if it has moved, go
/// back to where it was read. If `streak` is not tallies + 1, store the number in the word after it and
/// tallies + 1 in it. Then read `credit`: its upper half must be the gate without its lowest bit, shifted
/// right by one, exclusive-or `rules`, and its lower half less the number less one, in 32 bits, below
/// `most`; else ask the core to judge. All words are read and written atomically, the store before the
/// exchange, the reading of `used` before that of tallies, and that before `failures`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FailureLog {
    /// Address of the first of all writers' lines, each with its tally first, `stride` bytes apart.
    pub tallies: usize,
    /// How many there are.
    pub lines: u32,
    /// How many of them, the first, have one writer each.
    pub own: u32,
    /// Address of the word that tells which of them are in use, which only grow; `None`: all.
    pub used: Option<usize>,
    /// Bytes from one line to the next.
    pub stride: u32,
    /// How many words the ring has.
    pub length: u32,
    /// Address of the ring's first word.
    pub ring: usize,
    /// Address of the number of failures so far, which is the next one's index.
    pub failures: usize,
    /// Address of the word that says which failures need no verdict.
    pub credit: usize,
    /// Address of the two words of the streak that is shown.
    pub streak: usize,
    /// What the credit's tag is mixed with.
    pub rules: u32,
    /// How far below its limit a credit reaches.
    pub most: u32,
}

/// A number for the rules that a credit was worked out by, or a window found calm, never zero: handles
/// with other rules may share a cell. Two sets of rules have the same one once in two billion.
pub(super) fn rules(config: &BreakerConfig) -> u32 {
    let rate = config.failure_rate.map_or(u32::MAX, |rate| rate.0);
    [config.minimum_calls, rate, config.failure_count.unwrap_or(0)]
        .into_iter()
        .fold(0x811c_9dc5_u32, |sum, rule| (sum ^ rule).wrapping_mul(0x9E37_79B1).rotate_left(13))
        | 1 << 31
}

/// The most failures, up to `most`, of which it holds that they are `harmless`. What holds for some holds for
/// fewer: entry and window's start go up side by side.
#[inline(always)]
pub(super) fn most_that(harmless: impl Fn(u64) -> bool, most: u64) -> u64 {
    if most == 0 || !harmless(1) {
        return 0;
    }
    if harmless(most) {
        return most;
    }
    let (mut some, mut too_many) = (1, most);
    while too_many - some > 1 {
        let half = some.midpoint(too_many);
        if harmless(half) { some = half } else { too_many = half }
    }
    some
}

impl Breaker {
    /// Whether the failure at `index` is one that no verdict need look at, as the word `CREDIT` says.
    #[inline(always)]
    pub(super) fn is_spared(&self, credit: &AtomicU64, word: Word, index: u64) -> bool {
        // Acquire: what the judge that granted it saw is seen. It may be an old one: each holds for good.
        let credit = credit.load(Ordering::Acquire);
        let left = (credit as u32).wrapping_sub(index as u32).wrapping_sub(1);
        (credit >> 32) as u32 == self.credit_tag(word) && left < MOST as u32
    }

    #[inline(always)]
    fn credit_tag(&self, word: Word) -> u32 {
        word.generation() ^ self.rules
    }

    /// After a verdict that nothing trips: for how many more failures that is so in any case.
    pub(super) fn spare_failures(&self, word: Word, size: u64) {
        let Some(log) = self.failure_log().filter(|_| self.config.slow_call.is_none()) else { return };
        // Failures first, as in a verdict: one that comes in between is one of those that may come.
        let made = self.cell.word(FAILURES).load(Ordering::Acquire);
        let number = self.call_number_after(made);
        let calls = self.calls_of(word.generation(), number);
        let (config, whole) = (&*self.config, u64::from(self.config.minimum_calls));
        let by_rate = |held: u64| config.failure_rate.map_or(u64::MAX, |rate| rate.needed_of(held.max(whole)));
        let by_count = config.failure_count.map_or(u64::MAX, u64::from);
        // Whether the verdict after so many failures is "no", however many successes come in between. They raise
        // the number of failures it takes and push the window on, so that the worst is none, or as few as end
        // the warm-up.
        let harmless = |more: u64| {
            let held = calls.saturating_add(more).min(size);
            let start = number.wrapping_add(more).wrapping_sub(held);
            let stays_out = |k| log.stays_out(&self.cell, made, more, k, start);
            stays_out(by_rate(held)) && stays_out(by_count)
        };
        // The failure that opens the circuit is looked for among those that are here.
        let most = MOST.min(by_rate(size).min(by_count).saturating_sub(1));
        let spared = most_that(harmless, most);
        if spared > 0 {
            let limit = made.wrapping_add(spared) as u32;
            // Release: see `is_spared`. A younger credit that it replaces is asked for again.
            self.cell.word(CREDIT).store(u64::from(self.credit_tag(word)) << 32 | u64::from(limit), Ordering::Release);
        }
    }

    /// See [`FailureLog`]; only of a window whose failures can be spared.
    pub(super) fn failure_log_at(
        &self,
        address: impl Fn(&AtomicU64) -> usize,
        first_tally: usize,
    ) -> Option<FailureLog> {
        let Window::Count { .. } = self.config.window else { return None };
        let log = self.failure_log().filter(|_| self.config.slow_call.is_none() && self.cell.lines_are_together())?;
        debug_assert_eq!(STREAK_FIRST, STREAK_SUM + 1, "side by side");
        let (writers, used) = (self.cell.writers(), self.cell.lines_in_use().map(&address));
        let address = |word| address(self.cell.word(word));
        Some(FailureLog {
            tallies: address(first_tally),
            lines: writers.lines() as u32,
            own: writers.own as u32,
            used,
            stride: (LINE * size_of::<u64>()) as u32,
            length: u32::try_from(log.length).ok()?,
            ring: address(log.ring),
            failures: address(FAILURES),
            credit: address(CREDIT),
            streak: address(STREAK_SUM),
            rules: self.rules,
            most: MOST as u32,
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::most_that;

    #[test]
    fn the_most_is_found() {
        for (most, holds) in (0..=64).flat_map(|most| (0..=most).map(move |holds| (most, holds))) {
            assert_eq!(most_that(|more| more <= holds, most), holds, "of {most}");
        }
    }
}
