//! The calls of the last span, in slices.
//!
//! A slice is a few words, each a 32-bit tag and a 32-bit count. The tag names the slice's epoch
//! and the breaker's generation, so that a count of another time or another state reads as zero
//! and nothing is ever cleared.

use super::Counts;
use crate::cell::Block;
use crate::sync::Ordering;
use crate::time::{Span, Tick};

#[derive(Copy, Clone)]
pub(crate) struct Slices {
    /// First word of the first slice.
    pub first: usize,
    /// Words from one slice to the next.
    pub stride: usize,
    pub count: u64,
    pub length: Span,
    /// The word of the youngest epoch anybody has seen.
    pub epoch: usize,
}

#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    Failures = 0,
    Slow = 1,
    Successes = 2,
}

impl Slices {
    /// The epoch of `now`, never older than one already seen: time does not run back in a window.
    pub(crate) fn epoch_at(self, block: &Block, now: Tick) -> u64 {
        let mine = now.0 / self.length.0.max(1);
        mine.max(block.word(self.epoch).fetch_max(mine, Ordering::AcqRel))
    }

    pub(crate) fn add(self, block: &Block, epoch: u64, generation: u32, column: Column) {
        let word = block.word(self.index(epoch, column));
        let tag = tag(epoch, generation);
        let mut seen = word.load(Ordering::Acquire);
        loop {
            let next = if (seen >> 32) as u32 == tag { seen.saturating_add(1) } else { u64::from(tag) << 32 | 1 };
            // A slice that now belongs to a younger epoch is not taken back.
            if (seen >> 32) as u32 != tag && block.word(self.epoch).load(Ordering::Acquire) >= epoch + self.count {
                return;
            }
            // AcqRel: a judge that sees the count sees what was counted before it.
            match word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// Sums the window that ends with `epoch`: failures first, then successes, so that what comes in
    /// between makes the rate too low and never too high. `None`: the window rolled meanwhile.
    pub(crate) fn sum(self, block: &Block, epoch: u64, generation: u32) -> Option<Counts> {
        let column = |column| {
            let oldest = (epoch + 1).saturating_sub(self.count);
            (oldest..=epoch)
                .map(|e| {
                    let word = block.word(self.index(e, column)).load(Ordering::Acquire);
                    if (word >> 32) as u32 == tag(e, generation) { word & 0xffff_ffff } else { 0 }
                })
                .sum::<u64>()
        };
        let (failures, slow) = (column(Column::Failures), column(Column::Slow));
        let calls = failures + column(Column::Successes);
        (block.word(self.epoch).load(Ordering::Acquire) == epoch).then_some(Counts { calls, failures, slow })
    }

    fn index(self, epoch: u64, column: Column) -> usize {
        self.first + (epoch % self.count.max(1)) as usize * self.stride + column as usize
    }
}

/// Never zero, the tag of a word that was never written.
fn tag(epoch: u64, generation: u32) -> u32 {
    // The golden ratio spreads generations far apart, so that a tag is not met again by chance soon.
    (epoch as u32).wrapping_add(generation.wrapping_mul(0x9E37_79B1)).max(1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SLICES: Slices = Slices { first: 8, stride: 4, count: 3, length: Span(10), epoch: 0 };

    fn add(block: &Block, at: u64, column: Column) {
        let epoch = SLICES.epoch_at(block, Tick(at));
        SLICES.add(block, epoch, 1, column);
    }
    fn sum(block: &Block, at: u64) -> Counts {
        let epoch = SLICES.epoch_at(block, Tick(at));
        SLICES.sum(block, epoch, 1).unwrap()
    }

    #[test]
    fn a_slice_leaves_when_the_window_has_passed_it() {
        let block = Block::new(24);
        add(&block, 5, Column::Failures);
        add(&block, 15, Column::Successes);
        assert_eq!(sum(&block, 29), Counts { calls: 2, failures: 1, slow: 0 });
        assert_eq!(sum(&block, 30), Counts { calls: 1, failures: 0, slow: 0 });
        assert_eq!(sum(&block, 1000), Counts::default());
    }

    #[test]
    fn time_does_not_run_back() {
        let block = Block::new(24);
        add(&block, 100, Column::Failures);
        add(&block, 5, Column::Failures);
        assert_eq!(sum(&block, 100).failures, 2);
    }

    #[test]
    fn another_generation_reads_as_empty() {
        let block = Block::new(24);
        add(&block, 5, Column::Failures);
        let epoch = SLICES.epoch_at(&block, Tick(5));
        assert_eq!(SLICES.sum(&block, epoch, 2), Some(Counts::default()));
    }
}
