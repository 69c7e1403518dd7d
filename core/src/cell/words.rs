//! A block of words, on the heap of this process or in a segment that many map.

use super::LINE;
use super::lines::Further;
use crate::segment::{self, Held, Owner};
use crate::sync::{Arc, AtomicU64, OnceLock};

/// A block of words, aligned to cache lines; zeroed where it is new.
pub(crate) struct Block {
    /// The first of them.
    #[cfg(not(loom))]
    pub(super) base: std::ptr::NonNull<AtomicU64>,
    #[cfg(not(loom))]
    words: u32,
    /// Which lines this process's threads write, where that is not fixed.
    pub(super) table: Option<&'static segment::Table>,
    /// Only the first writer's line is in the block: most circuits are a single thread's.
    pub(super) apart: bool,
    /// What the others need then, made with the first of them. Once made it stays.
    pub(super) further: OnceLock<Box<Further>>,
    pub(super) home: Home,
}

pub(super) enum Home {
    /// The block's own memory.
    Heap(#[cfg(loom)] Box<[AtomicU64]>),
    Mapped(Arc<Held>),
    /// Words of a file that is only looked at.
    Seen(
        #[cfg_attr(not(loom), expect(dead_code, reason = "kept for the words that `base` points to"))]
        Arc<segment::File>,
        #[cfg(loom)] std::ops::Range<usize>,
    ),
}

// SAFETY: `base` points into `home`, which is `Send` and `Sync` and is never changed; all access is
// by atomics.
#[cfg(not(loom))]
#[allow(unsafe_code)]
unsafe impl Send for Block {}
// SAFETY: as above.
#[cfg(not(loom))]
#[allow(unsafe_code)]
unsafe impl Sync for Block {}

impl Block {
    /// So many words of this process's own.
    #[cfg(not(loom))]
    pub(crate) fn new(words: usize) -> Block {
        let (base, home) = (heap::zeroed(words), Home::Heap());
        let words = u32::try_from(words).expect("no cell is larger than memory");
        Block { base, words, table: None, further: OnceLock::new(), apart: false, home }
    }

    #[cfg(loom)]
    pub(crate) fn new(words: usize) -> Block {
        let home = Home::Heap((0..words).map(|_| AtomicU64::new(0)).collect());
        Block { table: None, apart: false, further: OnceLock::new(), home }
    }

    /// The words of a cell that many processes map.
    pub(crate) fn mapped(held: Arc<Held>) -> Block {
        Block::mapped_up_to(usize::MAX, held)
    }

    /// The same, no more than so many.
    pub(crate) fn mapped_up_to(#[cfg_attr(loom, expect(unused))] most: usize, held: Arc<Held>) -> Block {
        Block {
            #[cfg(not(loom))]
            base: first_of(held.words()),
            #[cfg(not(loom))]
            words: held.words().len().min(most).try_into().unwrap_or(u32::MAX),
            table: Some(held.table()),
            further: OnceLock::new(),
            apart: false,
            home: Home::Mapped(held),
        }
    }

    /// Words of a file that is mapped read-only: nothing may be stored in them.
    pub(crate) fn seen(file: Arc<segment::File>, words: std::ops::Range<usize>) -> Block {
        Block {
            #[cfg(not(loom))]
            base: first_of(&file.map.words()[words.clone()]),
            #[cfg(not(loom))]
            words: words.len().try_into().unwrap_or(u32::MAX),
            table: Some(segment::nobodys_table()),
            further: OnceLock::new(),
            apart: false,
            home: Home::Seen(
                file,
                #[cfg(loom)]
                words,
            ),
        }
    }

    #[cfg(not(loom))]
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        if index >= self.words as usize {
            out_of_bounds(index, self.words);
        }
        // SAFETY: `base` is the first of `words` words, which `home` keeps where they are.
        unsafe { self.base.add(index).as_ref() }
    }

    /// Where the words of a line begin; `None` where the block ends before its last.
    #[cfg(not(loom))]
    #[allow(unsafe_code)]
    pub(super) fn line_at(&self, first: usize) -> Option<std::ptr::NonNull<AtomicU64>> {
        let is_within = first.checked_add(LINE).is_some_and(|end| end <= self.words as usize);
        // SAFETY: as in `word`.
        is_within.then(|| unsafe { self.base.add(first) })
    }

    #[cfg(loom)]
    pub(super) fn line_at(&self, first: usize) -> Option<std::ptr::NonNull<AtomicU64>> {
        self.all().get(first..first + LINE).map(|line| std::ptr::NonNull::from(line).cast())
    }

    #[cfg(loom)]
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        &self.all()[index]
    }

    #[cfg(loom)]
    pub(crate) fn all(&self) -> &[AtomicU64] {
        match &self.home {
            Home::Heap(words) => words,
            Home::Mapped(held) => held.words(),
            Home::Seen(file, words) => &file.map.words()[words.clone()],
        }
    }

    /// `count` words from `first` on, each `stride` after the one before.
    #[inline(always)]
    #[cfg_attr(not(loom), allow(unsafe_code))]
    pub(crate) fn every(&self, first: usize, stride: usize, count: usize) -> impl Iterator<Item = &AtomicU64> {
        #[cfg(not(loom))]
        if count > 0 {
            self.word(first + stride * (count - 1));
        }
        // By value: an atomic reading in between would have it read anew.
        #[cfg(not(loom))]
        let base = self.base;
        (0..count).map(move |number| {
            #[cfg(loom)]
            return self.word(first + stride * number);
            #[cfg(not(loom))]
            // SAFETY: the last of them is in bounds, and no other comes after it.
            unsafe {
                base.add(first + stride * number).as_ref()
            }
        })
    }

    /// How many words there are.
    pub(crate) fn len(&self) -> usize {
        #[cfg(not(loom))]
        return self.words as usize;
        #[cfg(loom)]
        self.all().len()
    }

    /// Bytes this block occupies.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * size_of::<AtomicU64>()
    }

    /// The hold on a mapped cell.
    #[inline(always)]
    pub(crate) fn held(&self) -> Option<&Arc<Held>> {
        match &self.home {
            Home::Heap(..) | Home::Seen(..) => None,
            Home::Mapped(held) => Some(held),
        }
    }

    /// Who this process is, to others that map the cell.
    pub(crate) fn owner(&self) -> Option<Owner> {
        match &self.home {
            Home::Mapped(held) => held.segment().owner(),
            #[cfg(all(test, loom))]
            Home::Heap(_) => Some(Owner::new(1, 7)),
            _ => None,
        }
    }

    /// The same where this is still the cell of its name, for this process as it is now.
    #[inline(always)]
    pub(crate) fn owner_if_current(&self) -> Option<Owner> {
        match &self.home {
            Home::Mapped(held) => held.owner_if_current(),
            #[cfg(all(test, loom))]
            Home::Heap(_) => Some(Owner::new(1, 7)),
            _ => None,
        }
    }

    /// Whether this is still the cell of its name; on the heap it always is.
    pub(crate) fn is_current(&self) -> bool {
        self.held().is_none_or(|held| held.is_current())
    }

    /// Whether it has the settings that this process asked for.
    pub(crate) fn is_as_wanted(&self) -> bool {
        self.held().is_none_or(|held| held.is_as_wanted())
    }
}

#[cfg(not(loom))]
impl Drop for Block {
    fn drop(&mut self) {
        if let Home::Heap() = self.home {
            heap::free(self.base, self.words as usize);
        }
    }
}

/// Memory of whole lines' alignment and of no more words than are asked for.
#[cfg(not(loom))]
#[allow(unsafe_code)]
mod heap {
    use super::{AtomicU64, LINE};
    use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
    use std::ptr::NonNull;

    fn layout(words: usize) -> Layout {
        let layout = Layout::array::<AtomicU64>(words.max(1));
        let aligned = layout.and_then(|layout| layout.align_to(LINE * size_of::<AtomicU64>()));
        aligned.expect("no cell is larger than memory")
    }

    pub(super) fn zeroed(words: usize) -> NonNull<AtomicU64> {
        let layout = layout(words);
        // SAFETY: its size is not zero. All bytes zero are words of the value zero.
        let memory = unsafe { alloc_zeroed(layout) };
        NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Gives back what `zeroed` gave for as many words.
    pub(super) fn free(memory: NonNull<AtomicU64>, words: usize) {
        // SAFETY: from `zeroed` with the same layout; the block that had it goes, and nobody else knows it.
        unsafe { dealloc(memory.as_ptr().cast(), layout(words)) }
    }
}

#[cfg(not(loom))]
fn first_of(words: &[AtomicU64]) -> std::ptr::NonNull<AtomicU64> {
    std::ptr::NonNull::from(words).cast()
}

#[cfg(not(loom))]
#[cold]
#[inline(never)]
fn out_of_bounds(index: usize, words: u32) -> ! {
    panic!("word {index} of {words}")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::Ordering;

    #[test]
    fn words_are_zero_and_lines_are_aligned() {
        let block = Block::new(9);
        assert_eq!(block.bytes(), 72);
        assert!((0..9).all(|i| block.word(i).load(Ordering::Relaxed) == 0));
        assert_eq!(std::ptr::from_ref(block.word(8)).addr() % 64, 0);
    }

    #[test]
    #[should_panic(expected = "word 8 of 8")]
    fn an_index_past_the_end_is_caught() {
        Block::new(8).word(8);
    }
}
