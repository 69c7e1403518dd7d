//! The last n calls: only the sequence numbers of failures are kept.
//!
//! Calls are numbered by the sum of all tallies plus the failures so far. A failure writes its
//! number into a ring; the k-th latest failure is inside the window or it is not. Nothing is ever
//! evicted, and a success is one addition to a tally.

use crate::cell::Block;
use crate::sync::Ordering;

/// A log of sequence numbers: a ring and the counter of all entries ever made.
#[derive(Copy, Clone)]
pub(crate) struct Log {
    pub counter: usize,
    pub ring: usize,
    pub length: usize,
}

impl Log {
    /// Enters the number of a call. `fetch_max`: a writer that was stopped must not put an old
    /// number over a younger one.
    pub(crate) fn enter(self, block: &Block, index: u64, number: u64) {
        // Release: a judge that sees the entry sees the tallies it was computed from.
        block.word(self.ring + (index % self.length as u64) as usize).fetch_max(number, Ordering::AcqRel);
    }

    /// Whether the `k`-th latest entry is a call after number `start`.
    ///
    /// `made` is the counter as read before the tallies were summed, so that the judge errs towards
    /// "no". `None`: the ring moved on meanwhile, judge again.
    pub(crate) fn reaches(self, block: &Block, made: u64, k: u64, start: u64) -> Option<bool> {
        if k == 0 || made < k || k > self.length as u64 {
            return Some(false);
        }
        let entry = block.word(self.ring + ((made - k) % self.length as u64) as usize).load(Ordering::Acquire);
        // An entry that a later failure has replaced would be younger than the one asked for.
        let now = block.word(self.counter).load(Ordering::Acquire);
        (now.wrapping_sub(made) <= self.length as u64 - k).then_some(entry > start)
    }

    /// How many entries are calls after number `start`: at least, if more than the ring holds.
    pub(crate) fn since(self, block: &Block, start: u64) -> u64 {
        (0..self.length).filter(|&i| block.word(self.ring + i).load(Ordering::Acquire) > start).count() as u64
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const LOG: Log = Log { counter: 0, ring: 8, length: 4 };

    fn with_entries(numbers: &[u64]) -> Block {
        let block = Block::new(16);
        for &number in numbers {
            let index = block.word(0).fetch_add(1, Ordering::AcqRel);
            LOG.enter(&block, index, number);
        }
        block
    }

    #[test]
    fn the_kth_latest_decides() {
        let block = with_entries(&[3, 7, 9]);
        assert_eq!(LOG.reaches(&block, 3, 2, 6), Some(true));
        assert_eq!(LOG.reaches(&block, 3, 3, 6), Some(false));
        assert_eq!(LOG.since(&block, 6), 2);
    }

    #[test]
    fn an_overtaken_judge_judges_again() {
        let block = with_entries(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(LOG.reaches(&block, 3, 3, 0), None);
        assert_eq!(LOG.reaches(&block, 7, 4, 3), Some(true));
    }
}
