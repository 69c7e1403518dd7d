//! Retries as a share of calls over a span, with a floor per second (after Finagle's RetryBudget).

use crate::cell::Block;
use crate::sync::Ordering;
use crate::time::{Span, Tick};

/// Slices of the span; calls and retries have a row each.
pub(super) const SLICES: usize = 10;

pub(super) struct Ratio {
    pub share: f64,
    pub floor_per_second: f64,
    pub span: Span,
    pub first: usize,
}

impl Ratio {
    pub(super) fn deposit(&self, cell: &Block, now: Tick) {
        self.add(cell, 0, now);
    }

    pub(super) fn withdraw(&self, cell: &Block, now: Tick) -> bool {
        let before = self.retries(cell, now);
        if before as f64 + 1.0 > self.allowed(cell, now) {
            return false;
        }
        self.add(cell, SLICES, now);
        true
    }

    pub(super) fn balance(&self, cell: &Block, now: Tick) -> f64 {
        (self.allowed(cell, now) - self.retries(cell, now) as f64).max(0.0)
    }

    fn allowed(&self, cell: &Block, now: Tick) -> f64 {
        // A hair, so that a share that is whole in decimal is whole in binary.
        self.share * self.sum(cell, 0, now) as f64 + self.floor_per_second * self.span.as_secs_f64() + 1e-9
    }

    fn retries(&self, cell: &Block, now: Tick) -> u64 {
        self.sum(cell, SLICES, now)
    }

    fn epoch(&self, now: Tick) -> u64 {
        // One more than the number of the slice: zero is a word never written.
        now.0 / (self.span.0 / SLICES as u64).max(1) + 1
    }

    fn add(&self, cell: &Block, row: usize, now: Tick) {
        let epoch = self.epoch(now);
        let word = cell.word(self.first + row + (epoch % SLICES as u64) as usize);
        let tag = epoch & 0xffff_ffff;
        // AcqRel: one word holds tag and count, so a slice begins and counts in one change.
        let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            Some(if seen >> 32 == tag { seen.saturating_add(1) } else { tag << 32 | 1 })
        });
    }

    fn sum(&self, cell: &Block, row: usize, now: Tick) -> u64 {
        let epoch = self.epoch(now);
        (epoch.saturating_sub(SLICES as u64 - 1)..=epoch)
            .map(|e| {
                let word = cell.word(self.first + row + (e % SLICES as u64) as usize).load(Ordering::Acquire);
                if word >> 32 == e & 0xffff_ffff && e > 0 { word & 0xffff_ffff } else { 0 }
            })
            .sum()
    }
}
