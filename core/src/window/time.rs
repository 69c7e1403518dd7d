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
    /// Successes that were counted on the pass path before this slice began.
    Maybe = 3,
}

/// One slice of one generation of a window.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Slice {
    pub epoch: u64,
    pub generation: u32,
}

impl Slices {
    /// The epoch of `now`, never older than one already seen: time does not run back in a window.
    pub(crate) fn epoch_at(self, block: &Block, now: Tick) -> u64 {
        // Acquire: who sees the epoch sees what was counted in it so far.
        self.epoch_of(now).max(block.word(self.epoch).load(Ordering::Acquire))
    }

    /// The same, and everybody else's from now on; and how that of `now` stands to the one already seen:
    /// `Greater` for the one caller that begins it.
    pub(crate) fn roll(self, block: &Block, now: Tick) -> (u64, std::cmp::Ordering) {
        let mine = self.epoch_of(now);
        let mut seen = block.word(self.epoch).load(Ordering::Acquire);
        if mine > seen {
            seen = block.word(self.epoch).fetch_max(mine, Ordering::AcqRel);
        }
        (mine.max(seen), mine.cmp(&seen))
    }

    /// Puts an epoch that is ahead of `latest`, which nobody is ahead of, back to the present, and empties
    /// the window; `false` where it is not ahead, or by no more than a window: then its time comes soon.
    pub(crate) fn put_back(self, block: &Block, latest: Tick) -> bool {
        let (word, present) = (block.word(self.epoch), self.epoch_of(latest));
        let seen = word.load(Ordering::Acquire);
        if seen <= present.saturating_add(self.count) {
            return false;
        }
        // Release, and before the epoch: what was counted in one to come would be met there again.
        let columns =
            |slice: u64| (0..self.stride).map(move |column| self.first + slice as usize * self.stride + column);
        (0..self.count).flat_map(columns).for_each(|word| block.word(word).store(0, Ordering::Release));
        // AcqRel: one of all who see it puts it back; who comes too late finds the present.
        let _ = word.compare_exchange(seen, present, Ordering::AcqRel, Ordering::Acquire);
        true
    }

    /// Whether the epoch holds every instant from one to the other: without the division.
    pub(crate) fn holds(self, epoch: u64, first: Tick, last: Tick) -> bool {
        let length = self.length.0.max(1);
        let begins = epoch.saturating_mul(length);
        first.0 >= begins && last.0 < begins.saturating_add(length)
    }

    fn epoch_of(self, now: Tick) -> u64 {
        now.0 / self.length.0.max(1)
    }

    /// Adds `n` calls, unless the slice has left the window. How many it holds then; 0 of one that has left.
    pub(crate) fn add(self, block: &Block, slice: Slice, column: Column, n: u64) -> u64 {
        let word = block.word(self.index(slice.epoch, column));
        let tag = slice.tag();
        let mut seen = word.load(Ordering::Acquire);
        loop {
            let own = (seen >> 32) as u32 == tag;
            let count = if own { seen & 0xffff_ffff } else { 0 };
            let count = count.saturating_add(n).min(0xffff_ffff);
            // A slice that now belongs to a younger epoch is not taken back.
            if !own && block.word(self.epoch).load(Ordering::Acquire) >= slice.epoch.saturating_add(self.count) {
                return 0;
            }
            let next = u64::from(tag) << 32 | count;
            // AcqRel: a judge that sees the count sees what was counted before it.
            match word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return count,
                Err(other) => seen = other,
            }
        }
    }

    /// How many calls the slice holds.
    pub(crate) fn count(self, block: &Block, slice: Slice, column: Column) -> u64 {
        let word = block.word(self.index(slice.epoch, column)).load(Ordering::Acquire);
        if (word >> 32) as u32 == slice.tag() { word & 0xffff_ffff } else { 0 }
    }

    /// Takes back what [`Slices::add`] put there.
    pub(crate) fn take(self, block: &Block, slice: Slice, column: Column, n: u64) {
        let _ = block.word(self.index(slice.epoch, column)).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            ((seen >> 32) as u32 == slice.tag()).then(|| seen - (seen & 0xffff_ffff).min(n))
        });
    }

    /// Sums the window that ends with `slice`: failures first, then successes, so that what comes in
    /// between makes the rate too low and never too high. `None`: the window rolled meanwhile.
    pub(crate) fn sum(self, block: &Block, slice: Slice) -> Option<Counts> {
        let oldest = slice.epoch.saturating_add(1).saturating_sub(self.count);
        let first = oldest % self.count.max(1);
        let end = first + (slice.epoch - oldest) + 1;
        // One division for all: a division each would take longer than all the rest.
        let both = |one: Column, other: Column| {
            let add = |sums: (u64, u64), place: u64, epoch: u64| {
                let (at, tag) = (self.first + place as usize * self.stride, Slice { epoch, ..slice }.tag());
                let count = |column: Column| {
                    let word = block.word(at + column as usize).load(Ordering::Acquire);
                    if (word >> 32) as u32 == tag { word & 0xffff_ffff } else { 0 }
                };
                (sums.0 + count(one), sums.1 + count(other))
            };
            let sums =
                (first..end.min(self.count)).fold((0, 0), |sums, place| add(sums, place, oldest + (place - first)));
            (0..end.saturating_sub(self.count))
                .fold(sums, |sums, place| add(sums, place, oldest + (self.count - first) + place))
        };
        let (failures, slow) = both(Column::Failures, Column::Slow);
        let (successes, maybe) = both(Column::Successes, Column::Maybe);
        let calls = failures + successes;
        let rolled = block.word(self.epoch).load(Ordering::Acquire) > slice.epoch;
        (!rolled).then_some(Counts { calls, failures, slow, maybe })
    }

    fn index(self, epoch: u64, column: Column) -> usize {
        self.first + (epoch % self.count.max(1)) as usize * self.stride + column as usize
    }
}

impl Slice {
    /// Never zero, the tag of a word that was never written.
    pub(crate) fn tag(self) -> u32 {
        // The golden ratio spreads generations far apart, so that a tag is not met again by chance soon.
        (self.epoch as u32).wrapping_add(self.generation.wrapping_mul(0x9E37_79B1)).max(1)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    const SLICES: Slices = Slices { first: 8, stride: 4, count: 3, length: Span(10), epoch: 0 };

    fn add(block: &Block, at: u64, column: Column) {
        let (epoch, _) = SLICES.roll(block, Tick(at));
        SLICES.add(block, Slice { epoch, generation: 1 }, column, 1);
    }
    fn sum(block: &Block, at: u64) -> Counts {
        let (epoch, _) = SLICES.roll(block, Tick(at));
        SLICES.sum(block, Slice { epoch, generation: 1 }).unwrap()
    }

    #[test]
    fn a_slice_leaves_when_the_window_has_passed_it() {
        let block = Block::new(24);
        add(&block, 5, Column::Failures);
        add(&block, 15, Column::Successes);
        assert_eq!(sum(&block, 29), Counts { calls: 2, failures: 1, ..Counts::default() });
        assert_eq!(sum(&block, 30), Counts { calls: 1, failures: 0, ..Counts::default() });
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
    fn a_slice_that_nobody_can_have_begun_is_put_back_and_what_it_left_is_gone() {
        let block = Block::new(24);
        add(&block, 100, Column::Failures);
        add(&block, 1000, Column::Failures);
        assert_eq!(SLICES.roll(&block, Tick(105)), (100, Less));
        assert!(!SLICES.put_back(&block, Tick(979)), "its time comes soon");
        assert!(SLICES.put_back(&block, Tick(105)) && !SLICES.put_back(&block, Tick(105)));
        assert_eq!(SLICES.roll(&block, Tick(105)), (10, Equal));
        assert_eq!((sum(&block, 105), sum(&block, 1000)), (Counts::default(), Counts::default()));
    }

    #[test]
    fn another_generation_reads_as_empty() {
        let block = Block::new(24);
        add(&block, 5, Column::Failures);
        let epoch = SLICES.epoch_at(&block, Tick(5));
        assert_eq!(SLICES.sum(&block, Slice { epoch, generation: 2 }), Some(Counts::default()));
    }

    #[test]
    fn one_caller_begins_a_slice_and_what_was_added_can_be_taken_back() {
        let block = Block::new(24);
        assert_eq!(SLICES.roll(&block, Tick(25)), (2, Greater));
        assert_eq!(SLICES.roll(&block, Tick(25)), (2, Equal));
        let slice = Slice { epoch: 2, generation: 1 };
        SLICES.add(&block, slice, Column::Maybe, 5);
        SLICES.take(&block, slice, Column::Maybe, 3);
        SLICES.take(&block, Slice { epoch: 2, generation: 9 }, Column::Maybe, 2);
        assert_eq!(sum(&block, 25), Counts { maybe: 2, ..Counts::default() });
    }
}
