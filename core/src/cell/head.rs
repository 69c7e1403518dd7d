//! A block that is sure to have its first words, and the lines of those who write alone in it: they are found without
//! a look at how many words there are.

use super::division::Look;
use super::{Block, Division, LINE, Line, Two, Writer, Writers};
use crate::sync::{Arc, AtomicU64};
use std::ops::Deref;
#[cfg(not(loom))]
use std::ptr::NonNull;

/// Writers of this process's own blocks that write alone, but for the first.
const FURTHER: usize = Writers::HEAP.own - 1;

/// The last of its `WORDS` are the first writer's line; the lines of the others who write alone in the block, of which
/// there may be none, follow it.
pub(crate) struct Head<const WORDS: usize> {
    /// In `block`.
    #[cfg(not(loom))]
    words: NonNull<[AtomicU64; WORDS]>,
    /// Of `block`.
    division: Division,
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
        let division = block.division();
        let words = WORDS + (division.own() - 1) * LINE;
        assert!(words <= block.len(), "a cell of {} words has no room for its head", block.len());
        Head {
            #[cfg(not(loom))]
            words: block.base.cast(),
            division,
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

    /// What the calling thread knows of its line, to be read before what it need not wait for.
    #[inline(always)]
    pub(crate) fn known_line(&self) -> KnownLine<'_, WORDS> {
        KnownLine {
            head: self,
            #[cfg(not(loom))]
            words: self.words,
            look: self.division.look(),
        }
    }

    /// The same, found out with more care.
    pub(crate) fn known_line_again(&self) -> KnownLine<'_, WORDS> {
        KnownLine { look: self.division.look_back(), ..self.known_line() }
    }

    /// The first two words of the calling thread's line, where it writes one alone that is not in the block.
    #[inline(always)]
    pub(crate) fn own_two_apart(&self) -> Option<&Two> {
        let further = &self.further()?[..FURTHER];
        further.get(super::slot_or_none().wrapping_sub(1)).map(Line::first_two)
    }

    /// The first two words of a line in the block.
    #[allow(unsafe_code)]
    pub(crate) fn two_of(&self, writer: Writer) -> &Two {
        let line = Self::line_of(writer);
        self.word(line + 1);
        #[cfg(loom)]
        return two_at(self.block.all(), line);
        #[cfg(not(loom))]
        // SAFETY: it has the second.
        unsafe {
            two_at(self.words, line)
        }
    }

    /// The calling thread writes this line, which is in the block; if alone, it finds it at once from now on.
    pub(crate) fn know(&self, writer: Writer) {
        if writer.alone {
            self.division.know(writer.line);
        }
    }

    fn line_of(writer: Writer) -> usize {
        WORDS - LINE + writer.line * LINE
    }
}

/// See [`Head::known_line`].
pub(crate) struct KnownLine<'a, const WORDS: usize> {
    #[cfg_attr(not(loom), expect(dead_code, reason = "kept for the words"))]
    head: &'a Head<WORDS>,
    #[cfg(not(loom))]
    words: NonNull<[AtomicU64; WORDS]>,
    look: Look,
}

impl<'a, const WORDS: usize> KnownLine<'a, WORDS> {
    /// The first two words of it, if it writes one alone that is in the block.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn two(self) -> Option<&'a Two> {
        let line = WORDS - LINE + self.look.line()?;
        #[cfg(loom)]
        return Some(two_at(self.head.block.all(), line));
        #[cfg(not(loom))]
        // SAFETY: `of` has seen to it that the block has the lines of all who write alone in it.
        Some(unsafe { two_at(self.words, line) })
    }
}

/// Two words of a block that begins with these: it must have both, and be there for as long.
#[cfg(not(loom))]
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn two_at<'a, const WORDS: usize>(words: NonNull<[AtomicU64; WORDS]>, first: usize) -> &'a Two {
    // SAFETY: the caller has seen to it, and all of them are side by side.
    unsafe { words.cast::<AtomicU64>().add(first).cast::<Two>().as_ref() }
}

#[cfg(loom)]
fn two_at(words: &[AtomicU64], first: usize) -> &Two {
    words[first..].first_chunk().expect("the caller has seen to it")
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

    fn at(words: Option<&Two>) -> Option<[*const AtomicU64; 2]> {
        words.map(|two| two.each_ref().map(std::ptr::from_ref))
    }

    #[test]
    fn who_writes_alone_finds_his_line() {
        let finds = |slot: usize| {
            super::super::take_slot(slot as u32);
            for (block, own) in [(Block::with_lines(2 * LINE, true), 1), (Block::with_lines(9 * LINE, false), 4)] {
                let head = Head::<{ 2 * LINE }>::of(Arc::new(block));
                let line = (1 + slot) * LINE;
                let expected = (slot < own).then(|| [line, line + 1].map(|index| std::ptr::from_ref(head.word(index))));
                assert_eq!(at(head.known_line_again().two()), expected, "slot {slot}");
                assert_eq!(at(head.known_line().two()), expected, "it is the one of the last look now");
            }
        };
        // Their slots are their own business: they write nothing.
        for slot in [0, 1, 3, 4, 70] {
            std::thread::scope(|scope| scope.spawn(|| finds(slot)).join()).unwrap();
        }
    }

    #[test]
    fn a_line_that_is_known_is_found_and_no_other() {
        let head = Head::<{ 2 * LINE }>::of(Arc::new(Block::with_lines(9 * LINE, false)));
        head.know(Writer { line: 2, alone: true });
        // One that others add to.
        head.know(Writer { line: 1, alone: false });
        let third = [3 * LINE, 3 * LINE + 1].map(|index| std::ptr::from_ref(head.word(index)));
        assert_eq!(at(head.known_line().two()), Some(third));
        let apart = Head::<{ 2 * LINE }>::of(Arc::new(Block::with_lines(2 * LINE, true)));
        apart.know(Writer { line: 0, alone: true });
        assert_eq!(at(head.known_line().two()), None, "it was in another division last");
        assert_eq!(at(head.known_line_again().two()), Some(third));
        assert_eq!((at(head.known_line().two()), at(apart.known_line().two())), (Some(third), None));
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
                    let found = at(head.own_two_apart());
                    let expected = (1..4).contains(&slot).then(|| [0, 1].map(|i| &raw const further[slot - 1].0[i]));
                    assert_eq!((found, head.known_line_again().two().is_some()), (expected, slot == 0), "slot {slot}");
                });
            }
        });
    }
}
