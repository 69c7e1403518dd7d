//! The last n calls: only the sequence numbers of failures are kept.
//!
//! Calls are numbered by the sum of all tallies plus the failures so far. A failure writes its
//! number into a ring; the k-th latest failure is inside the window or it is not. Nothing is ever
//! evicted, and a success is one addition to a tally.

use crate::cell::{Block, Head};
use crate::sync::{AtomicU64, Ordering};

/// A log of sequence numbers: a ring and the counter of all entries ever made.
#[derive(Copy, Clone)]
pub(crate) struct Log {
    pub counter: usize,
    pub ring: usize,
    pub length: usize,
    /// A word for how often the ring was filled, if there is one: to divide takes longer than to remember.
    pub rounds: Option<usize>,
}

impl Log {
    /// Enters a call whose number depends on its index, and returns that.
    ///
    /// The entry stands there before it is counted, so that of several that are made at once the last
    /// to be counted sees all of them, and one that is never counted is the next one's place. Two may
    /// write the same place: each number is that of a call no younger than the one that is counted.
    #[inline(always)]
    pub(crate) fn enter<const HEAD: usize>(self, head: &Head<HEAD>, number: impl Fn(u64) -> u64) -> u64 {
        // Found before anything is read: what is found after an atomic access is found anew.
        let (first, block) = (head.first_words(), head.block());
        let (counter, rounds) = (&first[self.counter], self.rounds.map(|word| &first[word]));
        // Acquire, here and below: who sees a count sees the entries below it.
        let mut index = counter.load(Ordering::Acquire);
        loop {
            let place = self.place_of(rounds, index);
            let entry = block.word(self.ring + place);
            let number = number(index);
            // A writer that was stopped must not put an old number over a younger one. Stopped between
            // these two, for as long as it takes to fill the ring, it makes one entry older: it errs
            // towards "no". Relaxed: only the number is compared.
            if entry.load(Ordering::Relaxed) < number {
                // Release: a judge that sees the entry sees the tallies it was computed from, and that
                // the counter has come so far.
                entry.store(number, Ordering::Release);
            }
            // Release: the entry is there for who sees it counted.
            match counter.compare_exchange(index, index.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return index,
                Err(moved) => index = moved,
            }
        }
    }

    /// The place of `index`, which is its remainder by the length.
    #[inline(always)]
    fn place_of(self, rounds: Option<&AtomicU64>, index: u64) -> usize {
        let length = self.length as u64;
        if let Some(word) = rounds {
            // Relaxed: whoever wrote it, a rest below the length is the remainder. Only its low half, so
            // that the product does not overflow.
            let rounds = word.load(Ordering::Relaxed) & 0xffff_ffff;
            let place = index.wrapping_sub(rounds * length);
            if place < length {
                return place as usize;
            }
            word.store(index / length, Ordering::Relaxed);
        }
        (index % length) as usize
    }

    /// Whether the `k`-th latest entry is a call after number `start`.
    ///
    /// `made` is the counter as read before the tallies were summed, so that the judge errs towards
    /// "no". `None`: the ring moved on meanwhile, judge again. There have been no more than `number` calls.
    pub(crate) fn reaches(self, block: &Block, made: u64, k: u64, (start, number): (u64, u64)) -> Option<bool> {
        if k == 0 || made < k || k >= self.length as u64 {
            return Some(false);
        }
        let entry = self.entry(block, made - k)?;
        // A few more may have come meanwhile.
        if entry > number.saturating_add(self.length as u64) {
            self.strike_out(block, made - k, entry);
            return Some(false);
        }
        Some(entry > start)
    }

    /// Ends an entry of a call that there has not been: somebody scribbled it there, and none that is
    /// smaller would take its place.
    #[cold]
    fn strike_out(self, block: &Block, index: u64, entry: u64) {
        let word = block.word(self.ring + (index % self.length as u64) as usize);
        // AcqRel: one that took its place stays.
        let _ = word.compare_exchange(entry, 0, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Whether after `more` entries the `k`-th latest is one of those that are here, or none, and a call no
    /// later than number `start`.
    pub(crate) fn stays_out(self, block: &Block, made: u64, more: u64, k: u64, start: u64) -> bool {
        let latest = made.wrapping_add(more);
        k == 0 || latest < k || (k > more && self.entry(block, latest - k).is_some_and(|entry| entry <= start))
    }

    /// The entry of `index`; `None` if the ring has moved on over it.
    fn entry(self, block: &Block, index: u64) -> Option<u64> {
        let entry = block.word(self.ring + (index % self.length as u64) as usize).load(Ordering::Acquire);
        // One that replaces it would be younger than the one asked for. It is there before it is counted.
        let now = block.word(self.counter).load(Ordering::Acquire);
        (now.wrapping_sub(index) < self.length as u64).then_some(entry)
    }

    /// How many entries are calls after number `start`: at least, if more than the ring holds. Not the
    /// one that may be about to be counted.
    pub(crate) fn since(self, block: &Block, start: u64) -> u64 {
        let made = block.word(self.counter).load(Ordering::Acquire);
        let oldest = made.saturating_sub(self.length as u64 - 1);
        (oldest..made).filter(|&index| self.entry(block, index).is_none_or(|entry| entry > start)).count() as u64
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::cell::LINE;
    use crate::sync::Arc;

    const LOG: Log = Log { counter: 0, ring: 8, length: 4, rounds: Some(1) };

    fn with_entries(numbers: &[u64]) -> Head<LINE> {
        let block = Head::of(Arc::new(Block::with_lines(2 * LINE, true)));
        for &number in numbers {
            LOG.enter(&block, |_| number);
        }
        block
    }

    #[test]
    fn the_kth_latest_decides() {
        let block = with_entries(&[3, 7, 9]);
        assert_eq!(LOG.reaches(&block, 3, 2, (6, 9)), Some(true));
        assert_eq!(LOG.reaches(&block, 3, 3, (6, 9)), Some(false));
        assert_eq!(LOG.since(&block, 6), 2);
    }

    #[test]
    fn who_enters_a_call_and_ends_before_it_is_counted_adds_none() {
        let block = with_entries(&[3, 7]);
        block.word(LOG.ring + 2).store(9, Ordering::Relaxed);
        assert_eq!(LOG.since(&block, 6), 1);
        assert_eq!(LOG.since(&with_entries(&[3, 7, 8, 9, 10, 11]), 6), 3);
    }

    #[test]
    fn a_place_is_the_one_of_its_index_whatever_stands_in_the_word_for_rounds() {
        let block = with_entries(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(block.word(1).load(Ordering::Relaxed), 1);
        // The last is the inverse of five: a product of it that overflows leaves any rest.
        for rounds in [0, 1, 2, 3 << 32, u64::MAX, 0xCCCC_CCCC_CCCC_CCCD] {
            for index in [0, 6, 7, 8, u64::from(u32::MAX) * 5 + 4, u64::from(u32::MAX) * 5 + 5, u64::MAX] {
                for length in [4, 5] {
                    block.word(1).store(rounds, Ordering::Relaxed);
                    let log = Log { length, ..LOG };
                    assert_eq!(
                        log.place_of(Some(block.word(1)), index),
                        (index % length as u64) as usize,
                        "{rounds} {index}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_call_that_there_has_not_been_is_struck_out() {
        let block = with_entries(&[3, 7, 9]);
        block.word(LOG.ring + 1).store(u64::MAX, Ordering::Relaxed);
        assert_eq!(LOG.reaches(&block, 3, 2, (6, 9)), Some(false));
        assert_eq!(block.word(LOG.ring + 1).load(Ordering::Relaxed), 0);
        assert_eq!(LOG.reaches(&block, 3, 1, (6, 9)), Some(true));
    }

    #[test]
    fn an_overtaken_judge_judges_again() {
        let block = with_entries(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(LOG.reaches(&block, 3, 3, (0, 7)), None);
        assert_eq!(LOG.reaches(&block, 7, 3, (4, 7)), Some(true));
        assert_eq!(LOG.reaches(&block, 7, 3, (5, 7)), Some(false));
    }
}
