//! Room in the arena: blocks of whole lines, each with one line of header.
//!
//! The arena is a row of blocks that only grows; a block keeps its place and size for ever, so that
//! a stale number of a line is never worse than the number of another block. One that is given back
//! is used again for what fits. Every step is one compare-and-swap, and what a dead process had
//! begun is either nothing yet or a block that the next search gives back.
//!
//! Who uses a block sets his bit and then looks whether it still lives; who wants it gone marks it
//! and then looks for bits. So one of the two sees the other.

use super::error::{SegmentError, SegmentFault as Fault};
use super::layout::{PROCESS_BITS, PROCESSES, Regions, header};
use super::process::Owner;
use super::seal::{sealed, unsealed};
use crate::cell::LINE;
use crate::sync::{AtomicU64, Ordering, in_one_order};

/// Lines of a block's header.
pub(crate) const HEADER: usize = 1;
// Words of the header.
/// Lines of the block with its header, sealed; never changes. Zero where no block has begun.
const SIZE: usize = 0;
/// In preparation by its owner, or free, live, marked or dead with a number that never repeats.
const STATE: usize = 1;
/// One bit for each process that uses the block.
const HOLDERS: usize = 2;
/// How often the block changed hands.
const TURNS: usize = 6;
/// Second chance: set by use, cleared by a search for somebody to evict.
const USED: usize = 7;

const FREE: u64 = 0b000;
const LIVE: u64 = 0b001;
const DEAD: u64 = 0b011;
/// Somebody wants it gone and looks whether it is used.
const MARKED: u64 = 0b101;
const KINDS: u64 = 0b111;

/// The arena of one segment.
#[derive(Copy, Clone)]
pub(crate) struct Arena<'a> {
    words: &'a [AtomicU64],
    regions: Regions,
}

/// A block by its first line.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Block {
    pub line: usize,
    /// With the header.
    pub lines: usize,
}

/// What a block is, and its life: each has a number of its own.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Free,
    Preparing(Owner),
    Live(Life),
    /// Dead, but perhaps still in use or in a chain.
    Dead,
}

/// What the word of a block is as long as it is in this life; what it says at the end of it has its bits too.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Life(u64);
const _: () = assert!(MARKED & LIVE == LIVE && DEAD & LIVE == LIVE);

impl Life {
    /// Whether a block is in the life that it was found in; nobody wants it gone.
    #[inline(always)]
    pub(crate) fn is_in(self, pulse: &AtomicU64) -> bool {
        pulse.load(Ordering::SeqCst) == self.pulse()
    }

    /// What the word of the block is as long as that is so.
    #[inline(always)]
    pub(crate) fn pulse(self) -> u64 {
        self.0
    }
}

impl<'a> Arena<'a> {
    pub(crate) fn new(words: &'a [AtomicU64], regions: Regions) -> Arena<'a> {
        Arena { words, regions }
    }

    /// The block that begins at `line`, if that can be one.
    pub(crate) fn at(self, line: usize) -> Option<Block> {
        if line < self.regions.arena || line >= self.regions.end {
            return None;
        }
        let lines = unsealed(self.words[line * LINE + SIZE].load(Ordering::Acquire))?;
        (lines > HEADER && lines <= self.regions.end - line).then_some(Block { line, lines })
    }

    /// The words of a block behind its header.
    pub(crate) fn body(self, block: Block) -> &'a [AtomicU64] {
        &self.words[(block.line + HEADER) * LINE..(block.line + block.lines) * LINE]
    }

    fn word(self, block: Block, word: usize) -> &'a AtomicU64 {
        &self.words[block.line * LINE + word]
    }

    /// A block for `words` words, all zero, that nobody but `me` knows.
    pub(crate) fn take(self, words: usize, me: Owner) -> Result<Block, SegmentError> {
        let lines = words.div_ceil(LINE).max(1) + HEADER;
        // Few sizes, so that what is given back fits others.
        let lines = lines.next_multiple_of((lines.next_power_of_two() / 8).max(1));
        // A little room may stay unused, so that blocks fit more than their first kind; and more than a
        // little before there is none.
        let block = match self.take_free(lines..=lines + lines / 4 + 1, me) {
            Some(block) => block,
            None => match self.take_new(lines, me) {
                Err(full) if full.fault == Fault::Full => self.take_free(lines..=usize::MAX, me).ok_or(full)?,
                result => result?,
            },
        };
        super::crash::point("block taken");
        // Relaxed: published with the block.
        self.body(block).iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.word(block, USED).store(1, Ordering::Relaxed);
        Ok(block)
    }

    fn take_free(self, lines: std::ops::RangeInclusive<usize>, me: Owner) -> Option<Block> {
        if self.words[header::FREED].load(Ordering::Acquire) == 0 {
            return None;
        }
        let found = self.all().filter(|block| lines.contains(&block.lines)).find(|block| self.claim(*block, me))?;
        let _ =
            self.words[header::FREED].fetch_update(Ordering::AcqRel, Ordering::Acquire, |freed| freed.checked_sub(1));
        Some(found)
    }

    fn take_new(self, lines: usize, me: Owner) -> Result<Block, SegmentError> {
        let next = &self.words[header::NEXT];
        loop {
            let seen = next.load(Ordering::Acquire);
            let line = unsealed(seen).unwrap_or(usize::MAX);
            if line < self.regions.arena || line > self.regions.end {
                return Err(SegmentError::damaged("the arena ends outside the file"));
            }
            if lines > self.regions.end - line {
                return Err(SegmentError::new(Fault::Full, "", format!("{} bytes wanted", lines * LINE * 8)));
            }
            // AcqRel: whoever says the size first begins the block; the end moves on behind it.
            let size = &self.words[line * LINE + SIZE];
            let _ = size.compare_exchange(0, sealed(lines), Ordering::AcqRel, Ordering::Acquire);
            super::crash::point("block sized");
            let Some(block) = self.at(line) else { return Err(SegmentError::damaged("a block without a size")) };
            let after = sealed(line + block.lines);
            let _ = next.compare_exchange(seen, after, Ordering::AcqRel, Ordering::Acquire);
            if block.lines == lines && self.claim(block, me) {
                return Ok(block);
            }
        }
    }

    fn claim(self, block: Block, me: Owner) -> bool {
        let state = self.word(block, STATE);
        let seen = state.load(Ordering::Acquire);
        // AcqRel: one owner, who sees all that the last one left.
        is(seen, FREE) && state.compare_exchange(seen, me.word(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Says that a block of ours is in use; from now on it is judged by what refers to it.
    pub(crate) fn publish(self, block: Block) -> Life {
        let life = Life(self.turn(block) << 3 | LIVE);
        // SeqCst: who finds the block live sees what it holds, and the bit of who made it.
        self.word(block, STATE).store(life.pulse(), Ordering::SeqCst);
        life
    }

    /// Gives back a block of ours that was never published.
    #[cfg(test)]
    pub(crate) fn give_up(self, block: Block, me: Owner) {
        self.free(block, me.word());
    }

    /// Gives back a block that was published but found by nobody.
    pub(crate) fn withdraw(self, block: Block, life: Life) {
        self.free(block, life.pulse());
    }

    fn free(self, block: Block, seen: u64) -> bool {
        let next = self.turn(block) << 3 | FREE;
        // AcqRel: freed once, after everything that was done to it.
        let freed = self.word(block, STATE).compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if freed {
            self.words[header::FREED].fetch_add(1, Ordering::AcqRel);
        }
        freed
    }

    fn turn(self, block: Block) -> u64 {
        self.word(block, TURNS).fetch_add(1, Ordering::AcqRel).wrapping_add(1) & (u64::MAX >> 3)
    }

    pub(crate) fn state(self, block: Block) -> State {
        let word = self.word(block, STATE).load(Ordering::SeqCst);
        match word & KINDS {
            FREE => State::Free,
            LIVE | MARKED => State::Live(Life(word & !KINDS | LIVE)),
            DEAD => State::Dead,
            _ => Owner::from_word(word).map_or(State::Dead, State::Preparing),
        }
    }

    /// The word that says of a block whether it lives; see [`Life::is_in`].
    pub(crate) fn pulse(self, block: Block) -> &'a AtomicU64 {
        self.word(block, STATE)
    }

    /// The words of a block from its pulse on.
    pub(crate) fn with_pulse(self, block: Block) -> &'a [AtomicU64] {
        &self.words[block.line * LINE + STATE..(block.line + block.lines) * LINE]
    }

    /// The same for who has set his bit: takes away the mark of one who wants it gone.
    pub(crate) fn keep(self, block: Block, life: Life) -> bool {
        let state = self.word(block, STATE);
        // SeqCst throughout: ordered with the bit that was set before.
        let marked = (life.0 | MARKED, life.pulse());
        let _ = state.compare_exchange(marked.0, marked.1, Ordering::SeqCst, Ordering::SeqCst);
        life.is_in(state)
    }

    /// Ends a life, whoever uses the block: something has taken its place.
    pub(crate) fn end(self, block: Block, life: Life) {
        let state = self.word(block, STATE);
        for kind in [LIVE, MARKED] {
            let _ = state.compare_exchange(life.0 | kind, life.0 | DEAD, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Ends the life of a block that nobody uses; `false` if somebody does.
    pub(crate) fn end_unused(self, block: Block, is_used: impl Fn(Block) -> bool) -> bool {
        let state = self.word(block, STATE);
        let seen = state.load(Ordering::SeqCst);
        if !(is(seen, LIVE) || is(seen, MARKED)) || is_used(block) {
            return false;
        }
        let (life, marked) = (seen & !KINDS, seen & !KINDS | MARKED);
        // SeqCst throughout: the mark is ordered with the look at the bits that follows.
        if seen != marked && state.compare_exchange(seen, marked, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return false;
        }
        in_one_order();
        super::crash::point("block marked");
        let to = if is_used(block) { LIVE } else { DEAD };
        state.compare_exchange(marked, life | to, Ordering::SeqCst, Ordering::SeqCst).is_ok() && to == DEAD
    }

    /// Writes the size of a block in use again where something else stands.
    pub(crate) fn insist(self, block: Block) {
        let (size, lines) = (self.word(block, SIZE), sealed(block.lines));
        if size.load(Ordering::Relaxed) != lines {
            size.store(lines, Ordering::Release);
        }
    }

    /// The line after the last that a block has.
    pub(crate) fn taken(self) -> usize {
        let next = unsealed(self.words[header::NEXT].load(Ordering::Acquire));
        next.unwrap_or(self.regions.end).min(self.regions.end)
    }

    /// Every block, in the order of the arena.
    pub(crate) fn all(self) -> impl Iterator<Item = Block> + 'a {
        let end = self.taken();
        let mut line = self.regions.arena;
        std::iter::from_fn(move || {
            let block = (line < end).then(|| self.at(line)).flatten()?;
            line += block.lines;
            Some(block)
        })
    }

    /// Gives back what nobody uses and nothing refers to any more. In this order: who publishes a
    /// block sets his bit before and refers to it before he takes the bit away.
    pub(crate) fn collect(
        self,
        is_used: impl Fn(Block) -> bool,
        refers: impl Fn(Block) -> bool,
        alive: impl Fn(Owner) -> bool,
    ) -> usize {
        let is_garbage = |block: Block, seen: u64| match Owner::from_word(seen) {
            Some(owner) => !alive(owner),
            None => !is_used(block) && !refers(block),
        };
        let try_one = |block: &Block| {
            let seen = self.word(*block, STATE).load(Ordering::SeqCst);
            !is(seen, FREE) && is_garbage(*block, seen) && self.free(*block, seen)
        };
        self.all().filter(try_one).count()
    }

    // ---- who uses it ----

    /// SeqCst: whoever sets the bit and then finds the block still referred to keeps it; whoever
    /// takes the reference away and then finds no bit may have it.
    pub(crate) fn hold(self, block: Block, slot: usize) {
        let (word, bit) = holder(slot);
        self.word(block, word).fetch_or(bit, Ordering::SeqCst);
        in_one_order();
    }

    pub(crate) fn let_go(self, block: Block, slot: usize) {
        let (word, bit) = holder(slot);
        self.word(block, word).fetch_and(!bit, Ordering::SeqCst);
    }

    /// The slots that say they use it.
    pub(crate) fn holders(self, block: Block) -> impl Iterator<Item = usize> + 'a {
        bits(std::array::from_fn(|word| self.word(block, HOLDERS + word).load(Ordering::SeqCst)))
    }

    pub(crate) fn mark_used(self, block: Block) {
        let used = self.word(block, USED);
        // Relaxed throughout: an estimate of who was used last.
        if used.load(Ordering::Relaxed) == 0 {
            used.store(1, Ordering::Relaxed);
        }
    }

    /// Whether it was used since the last search for somebody to evict.
    pub(crate) fn take_used(self, block: Block) -> bool {
        let used = self.word(block, USED);
        used.load(Ordering::Relaxed) != 0 && {
            used.store(0, Ordering::Relaxed);
            true
        }
    }
}

fn is(word: u64, kind: u64) -> bool {
    word & KINDS == kind
}

fn holder(slot: usize) -> (usize, u64) {
    (HOLDERS + slot / 64, 1 << (slot % 64))
}

/// The numbers of the bits that are set.
pub(crate) fn bits(words: [u64; PROCESS_BITS]) -> impl Iterator<Item = usize> {
    (0..PROCESSES).filter(move |slot| words[slot / 64] >> (slot % 64) & 1 == 1)
}

#[cfg(all(test, not(loom)))]
mod tests;
