//! Which lines of a block its writers have, in it or beside it.

use super::words::Home;
use super::{Block, Division, LINE, Writer, Writers};
use crate::segment;
use crate::sync::AtomicU64;

/// A line of words that lies in no block.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub(crate) struct Line(pub [AtomicU64; LINE]);

/// The first two words of a line.
pub(crate) type Two = [AtomicU64; 2];

impl Line {
    #[inline(always)]
    pub(crate) fn first_two(&self) -> &Two {
        self.0.first_chunk().expect("a line has more")
    }
}

/// The lines of all writers but the first.
pub(super) type Further = [Line; Writers::HEAP.lines() - 1];

impl Block {
    /// So many words of this process's own; only the first writer's line is among them, if `apart`.
    pub(crate) fn with_lines(words: usize, apart: bool) -> Block {
        let mut block = Block::new(words);
        block.apart = apart;
        block
    }

    /// Whether the lines of all writers are words of the block, side by side.
    #[inline(always)]
    pub(crate) fn lines_are_together(&self) -> bool {
        !self.apart
    }

    /// The lines of the writers that the block has no words for, if there are any yet: from line 1 on.
    #[inline(always)]
    pub(crate) fn further(&self) -> Option<&[Line]> {
        self.further.get().map(|further| &further[..])
    }

    /// The same, made where they are not there; `fill` gets each of them first.
    #[cold]
    #[inline(never)]
    pub(crate) fn make_further(&self, fill: &dyn Fn(&Line)) -> &[Line] {
        let make = || {
            let further = Box::new(Further::default());
            further.iter().for_each(fill);
            further
        };
        &self.further.get_or_init(make)[..]
    }

    /// How they are divided among the threads of this process.
    pub(super) fn division(&self) -> Division {
        match &self.home {
            Home::Mapped(held) => held.division(),
            Home::Seen(..) => Division::of_table(0, 0),
            Home::Heap(..) if self.apart => Division::APART,
            Home::Heap(..) => Division::TOGETHER,
        }
    }

    /// Whether nobody but the first writer has a line yet.
    #[inline(always)]
    pub(crate) fn has_one_line(&self) -> bool {
        !self.lines_are_together() && self.further().is_none()
    }

    /// How many writers' lines there are now.
    pub(crate) fn lines(&self) -> usize {
        if self.has_one_line() { 1 } else { self.writers().lines() }
    }

    /// How a block of this kind divides its writers' lines.
    pub(crate) fn writers(&self) -> Writers {
        if self.table.is_some() { segment::WRITERS } else { Writers::HEAP }
    }

    /// A line that everybody may add to.
    pub(crate) fn shared_writer(&self, number: usize) -> Writer {
        match &self.home {
            Home::Mapped(held) => held.shared_line(number),
            Home::Heap(..) | Home::Seen(..) => self.writers().shared(number),
        }
    }

    /// The writer's line of the calling thread.
    #[inline]
    pub(crate) fn writer(&self) -> Writer {
        self.writer_of(super::slot())
    }

    /// The same of whoever has `slot`.
    #[inline(always)]
    pub(crate) fn writer_of(&self, slot: usize) -> Writer {
        match self.table {
            None => Writers::HEAP.of_slot(slot),
            Some(table) => match segment::of_slot(table, slot) {
                Some(writer) => writer,
                None => self.claim_line(slot),
            },
        }
    }

    /// The same where nothing need be claimed for it.
    #[inline(always)]
    pub(crate) fn known_writer(&self) -> Option<Writer> {
        let slot = super::known_slot()?;
        self.table.map_or(Some(Writers::HEAP.of_slot(slot)), |table| segment::of_slot(table, slot))
    }

    #[cold]
    #[inline(never)]
    fn claim_line(&self, slot: usize) -> Writer {
        match &self.home {
            Home::Heap(..) => Writers::HEAP.of_slot(slot),
            // Nobody's own: nothing is written there.
            Home::Seen(..) => self.writers().shared(slot),
            Home::Mapped(held) => held.claim_line(slot),
        }
    }

    /// The word of the lines that a sum over them must look at, where not all are in use from the start; see
    /// [`segment::in_use`].
    pub(crate) fn lines_in_use(&self) -> Option<&AtomicU64> {
        self.held().map(|held| held.lines.word())
    }

    /// The same as numbers.
    #[inline(always)]
    pub(super) fn lines_used(&self) -> Option<Writers> {
        self.held().map(|held| held.lines_in_use())
    }
}
