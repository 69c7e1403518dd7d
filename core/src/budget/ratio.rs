//! Retries as a share of calls over a span, with a floor per second (after Finagle's RetryBudget).
//!
//! A row of slices counts the calls. The retries are one counter, so that taking one is a single
//! compare-and-swap and callers at once cannot overdraw; a second row remembers what the counter
//! was when a slice's first retry came.

use crate::cell::Block;
use crate::sync::Ordering;
use crate::time::{Span, Tick};

/// Slices of the span.
const SLICES: usize = 10;
// After the rows: the counter, and the youngest slice that anybody has seen.
const COUNTER: usize = 2 * SLICES;
const YOUNGEST: usize = COUNTER + 1;
/// Words that the rule needs.
pub(super) const WORDS: usize = YOUNGEST + 1;

pub(super) struct Ratio {
    pub share: f64,
    pub floor_per_second: f64,
    pub span: Span,
    pub first: usize,
}

impl Ratio {
    pub(super) fn deposit(&self, cell: &Block, now: Tick) {
        let (word, tag) = self.slice(0, self.roll(cell, now));
        // AcqRel: one word holds tag and count, so a slice begins and counts in one change.
        let _ = cell.word(word).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            Some(if seen >> 32 == tag { seen.saturating_add(1) } else { tag << 32 | 1 })
        });
    }

    pub(super) fn withdraw(&self, cell: &Block, now: Tick) -> bool {
        let counter = cell.word(self.first + COUNTER);
        loop {
            // Acquire, and before the slice is chosen: who sees a retry sees the slice it was taken in.
            let made = counter.load(Ordering::Acquire);
            let epoch = self.roll(cell, now);
            self.mark(cell, made, epoch);
            if self.since(cell, made, epoch) as f64 + 1.0 > self.allowed(cell, epoch) {
                return false;
            }
            // AcqRel: a retry is taken once, by a caller who saw all those before it.
            if counter.compare_exchange_weak(made, made.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return true;
            }
        }
    }

    pub(super) fn balance(&self, cell: &Block, now: Tick) -> f64 {
        let made = cell.word(self.first + COUNTER).load(Ordering::Acquire);
        let epoch = self.roll(cell, now);
        (self.allowed(cell, epoch) - self.since(cell, made, epoch) as f64).max(0.0)
    }

    /// The same without a trace.
    pub(super) fn peek(&self, cell: &Block, now: Tick) -> f64 {
        let made = cell.word(self.first + COUNTER).load(Ordering::Acquire);
        let epoch = self.epoch(now).max(cell.word(self.first + YOUNGEST).load(Ordering::Acquire));
        (self.allowed(cell, epoch) - self.since(cell, made, epoch) as f64).max(0.0)
    }

    fn allowed(&self, cell: &Block, epoch: u64) -> f64 {
        let calls: u64 = self.slices(cell, 0, epoch).sum();
        // A hair, so that a share that is whole in decimal is whole in binary.
        self.share * calls as f64 + self.floor_per_second * self.span.as_secs_f64() + 1e-9
    }

    /// Remembers the counter for a slice, if nobody has.
    fn mark(&self, cell: &Block, made: u64, epoch: u64) {
        let (word, tag) = self.slice(SLICES, epoch);
        let _ = cell.word(word).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            (seen >> 32 != tag).then_some(tag << 32 | made & 0xffff_ffff)
        });
    }

    /// Retries of the span: those since its oldest slice that had one.
    fn since(&self, cell: &Block, made: u64, epoch: u64) -> u64 {
        self.slices(cell, SLICES, epoch).map(|mark| made.wrapping_sub(mark) & 0xffff_ffff).max().unwrap_or(0)
    }

    /// The values of a row's slices that are inside the span.
    fn slices(&self, cell: &Block, row: usize, epoch: u64) -> impl Iterator<Item = u64> {
        (epoch.saturating_sub(SLICES as u64 - 1)..=epoch).filter_map(move |epoch| {
            let (word, tag) = self.slice(row, epoch);
            let seen = cell.word(word).load(Ordering::Acquire);
            (seen >> 32 == tag && epoch > 0).then_some(seen & 0xffff_ffff)
        })
    }

    fn slice(&self, row: usize, epoch: u64) -> (usize, u64) {
        (self.first + row + (epoch % SLICES as u64) as usize, epoch & 0xffff_ffff)
    }

    /// The slice of now, never older than one already seen: time does not run back here.
    fn roll(&self, cell: &Block, now: Tick) -> u64 {
        let mine = self.epoch(now);
        let seen = cell.word(self.first + YOUNGEST).fetch_max(mine, Ordering::AcqRel);
        if seen > mine { self.seen_ahead(cell, seen, now) } else { mine }
    }

    /// One that nobody can have seen, and whose time is further away than a span, was scribbled there: the
    /// span begins anew.
    #[cold]
    fn seen_ahead(&self, cell: &Block, seen: u64, now: Tick) -> u64 {
        let present = self.epoch(cell.latest(now));
        if seen <= present.saturating_add(SLICES as u64) {
            return seen;
        }
        // Release, and before the slice: what was counted in one to come would be met there again.
        (0..2 * SLICES).for_each(|slice| cell.word(self.first + slice).store(0, Ordering::Release));
        // AcqRel: one of all who see it puts it back.
        let _ = cell.word(self.first + YOUNGEST).compare_exchange(seen, present, Ordering::AcqRel, Ordering::Acquire);
        present
    }

    fn epoch(&self, now: Tick) -> u64 {
        // One more than the number of the slice: zero is a word never written.
        (now.0 / (self.span.0 / SLICES as u64).max(1)).saturating_add(1)
    }
}
