//! The state of a part as lines of atomic words, without pointers.
//!
//! A cell is addressed by word index; every index comes from the part's own settings, never from
//! the cell, and is bounds-checked. So the same code works on the heap and on mapped memory.

mod writer;

pub(crate) use writer::{Writer, Writers, forked};

use crate::sync::{AtomicU64, Ordering};

/// Words on one cache line.
pub(crate) const LINE: usize = 8;

#[cfg_attr(not(loom), repr(C, align(64)))]
struct Line([AtomicU64; LINE]);

/// A block of zeroed words, aligned to cache lines.
pub(crate) struct Block {
    lines: Box<[Line]>,
}

impl Block {
    /// At least `words` words, rounded up to whole lines.
    pub(crate) fn new(words: usize) -> Block {
        let lines = (0..words.div_ceil(LINE)).map(|_| Line(std::array::from_fn(|_| AtomicU64::new(0)))).collect();
        Block { lines }
    }

    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        &self.lines[index / LINE].0[index % LINE]
    }

    /// The sum of one word of each of `lines` lines, the first at index `first`.
    pub(crate) fn sum(&self, first: usize, lines: usize) -> u64 {
        let (from, word) = (first / LINE, first % LINE);
        // Acquire: what was done before it was counted is seen.
        self.lines[from..from + lines].iter().map(|line| line.0[word].load(Ordering::Acquire)).sum()
    }

    /// Bytes this block occupies.
    pub(crate) fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>()
    }

    /// How a block of this kind divides its writers' lines.
    pub(crate) fn writers(&self) -> Writers {
        Writers::HEAP
    }

    /// The writer's line of the calling thread.
    pub(crate) fn writer(&self) -> Writer {
        Writers::HEAP.of_slot(writer::slot())
    }
}

#[cfg(loom)]
pub(crate) use writer::take_slot;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn words_are_zero_and_whole_lines_are_aligned() {
        let block = Block::new(9);
        assert_eq!(block.bytes(), 128);
        assert!((0..16).all(|i| block.word(i).load(Ordering::Relaxed) == 0));
        assert_eq!(std::ptr::from_ref(block.word(8)).addr() % 64, 0);
    }

    #[test]
    #[should_panic(expected = "out of bounds")]
    fn an_index_past_the_end_is_caught() {
        Block::new(8).word(8);
    }
}
