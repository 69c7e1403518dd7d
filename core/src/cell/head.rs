//! A block that is sure to have its first words, and the lines of those who write alone in it: they are found without
//! a look at how many words there are.

use super::{Block, LINE};
use crate::sync::{Arc, AtomicU64};
use std::ops::Deref;

/// The last of its `WORDS` are the first writer's line; the lines of the others who write alone in the block, of which
/// there may be none, follow it.
pub(crate) struct Head<const WORDS: usize> {
    /// In `block`.
    #[cfg(not(loom))]
    words: std::ptr::NonNull<[AtomicU64; WORDS]>,
    /// How many write alone in the block.
    #[cfg(not(loom))]
    near: u32,
    block: Arc<Block>,
}

// SAFETY: `words` points into `block`, which is both and is kept; all access is by atomics.
#[cfg(not(loom))]
#[allow(unsafe_code)]
unsafe impl<const WORDS: usize> Send for Head<WORDS> {}
// SAFETY: as above.
#[cfg(not(loom))]
#[allow(unsafe_code)]
unsafe impl<const WORDS: usize> Sync for Head<WORDS> {}

impl<const WORDS: usize> Head<WORDS> {
    /// Of a block that has all these words and lines.
    pub(crate) fn of(block: Arc<Block>) -> Head<WORDS> {
        let lines = block.own_near.max(1) as usize;
        assert!(WORDS - LINE + lines * LINE <= block.len(), "a cell of {} words has no room for its head", block.len());
        Head {
            #[cfg(not(loom))]
            words: block.base.cast(),
            #[cfg(not(loom))]
            near: block.own_near,
            block,
        }
    }

    pub(crate) fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// A word by its number: one of the first, if that is known beforehand, without a look whether there is one.
    #[inline(always)]
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        if index < WORDS { &self.first_words()[index] } else { self.block.word(index) }
    }

    #[cfg(not(loom))]
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn first_words(&self) -> &[AtomicU64; WORDS] {
        // SAFETY: there are as many, `of` has seen to that, and `block` keeps them where they are.
        unsafe { self.words.as_ref() }
    }

    #[cfg(loom)]
    pub(crate) fn first_words(&self) -> &[AtomicU64; WORDS] {
        self.block.all().first_chunk().expect("`of` has seen to that")
    }

    /// The first two words of the calling thread's line, if it writes that alone and it is in the block.
    #[cfg(not(loom))]
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn own_two(&self) -> Option<(&AtomicU64, &AtomicU64)> {
        let slot = super::slot_below(self.near as usize)?;
        // SAFETY: `of` has seen to it that the block has a line for each slot below that, the first at the head's end.
        unsafe {
            let line = self.words.cast::<AtomicU64>().add(WORDS - LINE + slot * LINE);
            Some((line.as_ref(), line.add(1).as_ref()))
        }
    }

    #[cfg(loom)]
    pub(crate) fn own_two(&self) -> Option<(&AtomicU64, &AtomicU64)> {
        let line = WORDS - LINE + super::slot_below(self.own_near as usize)? * LINE;
        Some((self.word(line), self.word(line + 1)))
    }
}

impl<const WORDS: usize> Deref for Head<WORDS> {
    type Target = Block;

    #[inline(always)]
    fn deref(&self) -> &Block {
        &self.block
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::Ordering;

    #[test]
    fn its_words_are_those_of_the_block() {
        let block = Arc::new(Block::with_lines(3 * LINE, true));
        let head = Head::<{ 2 * LINE }>::of(block.clone());
        for index in 0..3 * LINE {
            head.word(index).store(index as u64 + 1, Ordering::Relaxed);
            assert_eq!(block.word(index).load(Ordering::Relaxed), index as u64 + 1);
        }
        assert!(std::ptr::eq(head.word(0), block.word(0)));
    }

    #[test]
    #[should_panic(expected = "a cell of 15 words has no room for its head")]
    fn a_block_that_is_too_short_is_caught() {
        Head::<{ 2 * LINE }>::of(Arc::new(Block::with_lines(2 * LINE - 1, true)));
    }

    #[test]
    #[should_panic(expected = "word 24 of 24")]
    fn an_index_past_the_end_is_caught() {
        Head::<{ 2 * LINE }>::of(Arc::new(Block::with_lines(3 * LINE, true))).word(3 * LINE);
    }

    #[test]
    fn who_writes_alone_finds_his_line() {
        let slot = super::super::slot();
        for (block, own) in [(Block::with_lines(2 * LINE, true), 1), (Block::with_lines(9 * LINE, false), 4)] {
            let head = Head::<{ 2 * LINE }>::of(Arc::new(block));
            let found = head.own_two().map(|(first, second)| [first, second].map(std::ptr::from_ref));
            let line = (1 + slot) * LINE;
            let expected = (slot < own).then(|| [line, line + 1].map(|index| std::ptr::from_ref(head.word(index))));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn further_threads_find_theirs_beside_the_block() {
        let head = Head::<{ 2 * LINE }>::of(Arc::new(Block::with_lines(2 * LINE, true)));
        assert!(head.own_two_apart().is_none(), "nobody made them");
        let further = head.make_further(&|_| {});
        let here = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    // All of them at once: no two have the same.
                    let slot = super::super::slot();
                    here.fetch_add(1, Ordering::AcqRel);
                    while here.load(Ordering::Acquire) < 6 {
                        std::thread::yield_now();
                    }
                    let found = head.own_two_apart().map(|(first, second)| [first, second].map(std::ptr::from_ref));
                    let expected = (1..4).contains(&slot).then(|| [0, 1].map(|i| &raw const further[slot - 1].0[i]));
                    assert_eq!((found, head.own_two().is_some()), (expected, slot == 0), "slot {slot}");
                });
            }
        });
    }
}
