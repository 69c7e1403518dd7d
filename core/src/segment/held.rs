//! A cell in use by this process, and who this process is there.

use super::blocks::{Block, Life};
use super::map::Pinned;
use super::process::Owner;
use super::{Segment, Table, WRITERS, record, writers};
use crate::cell::{Division, Writer, Writers};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Ordering};

/// Who this process is, and the count of forks that it was said at.
pub(super) struct Myself {
    owner: AtomicU64,
    forks: AtomicUsize,
}

impl Myself {
    pub(super) fn unknown() -> Myself {
        Myself { owner: AtomicU64::new(0), forks: AtomicUsize::new(usize::MAX) }
    }

    #[inline(always)]
    pub(super) fn now(&self) -> Option<Owner> {
        // SeqCst: ordered with what is brought near, and taken away where this changes.
        let same = self.forks.load(Ordering::SeqCst) == crate::fork::count();
        same.then(|| Owner::of_ours(self.owner.load(Ordering::Acquire)))
    }

    pub(super) fn tell(&self, owner: Owner) {
        self.owner.store(owner.word(), Ordering::Release);
        // After the number that it goes with.
        self.forks.store(crate::fork::count(), Ordering::SeqCst);
    }

    pub(super) fn forget(&self) {
        self.forks.store(usize::MAX, Ordering::SeqCst);
    }
}

/// A cell in use: it is neither taken away nor used for something else as long as this lives.
pub(crate) struct Held {
    /// The segment, and its word that says whether the block lives.
    pub(super) segment: Pinned<Segment>,
    pub(super) life: Life,
    /// The segment's word of the writers' lines that are in use.
    pub(crate) lines: Pinned<Segment>,
    /// Nobody where another file has the path of the segment.
    pub(super) me: Myself,
    pub(super) block: Block,
    /// First word of the cell in the block's body.
    pub(super) cell: usize,
    pub(super) wanted: bool,
}

impl Held {
    /// The words of the cell.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        &self.segment().arena().body(self.block)[self.cell..]
    }

    /// Whether this is still the cell of its name, for this process as it is now.
    #[inline(always)]
    pub(crate) fn is_current(&self) -> bool {
        self.owner_if_current().is_some()
    }

    /// Who this process is, where this is still the cell of its name.
    #[inline(always)]
    pub(crate) fn owner_if_current(&self) -> Option<Owner> {
        self.lives().then(|| self.me.now()).flatten()
    }

    /// Whether this is still the cell of its name.
    #[inline(always)]
    fn lives(&self) -> bool {
        self.life.is_in(self.segment.word())
    }

    /// The words from the pulse of the cell to its last; where among them the cell begins, and what the
    /// pulse is as long as this is the cell of its name.
    pub(crate) fn with_pulse(&self) -> (&[AtomicU64], usize, u64) {
        let words = self.segment().arena().with_pulse(self.block);
        (words, words.len() - self.words().len(), self.life.pulse())
    }

    /// The word that changes when this process is nobody here any more, and what it is until then.
    pub(crate) fn standing(&self) -> Option<(&AtomicUsize, usize)> {
        self.me.now()?;
        Some((&self.me.forks, crate::fork::count()))
    }

    /// Whether the settings in force are those that this process asked for.
    pub(crate) fn is_as_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn segment(&self) -> &Arc<Segment> {
        self.segment.keeper()
    }

    pub(crate) fn table(&self) -> &'static Table {
        writers::table(self.segment().table)
    }

    /// How this process's threads divide the lines among themselves.
    pub(crate) fn division(&self) -> Division {
        let table = self.segment().table;
        Division::of_table(table, writers::use_of(table))
    }

    /// A line for the slot of a thread that has none yet.
    #[cold]
    pub(crate) fn claim_line(&self, slot: usize) -> Writer {
        let segment = self.segment();
        match segment.owner() {
            Some(me) => writers::claim(segment.words(), segment.table, slot, me, |owner| segment.is_alive(owner)),
            None => self.shared_line(slot),
        }
    }

    /// A line that everybody may add to.
    pub(crate) fn shared_line(&self, number: usize) -> Writer {
        let writer = WRITERS.shared(number);
        writers::will_use(self.lines.word(), writer);
        writer
    }

    /// Whether a sum need look at no more than so many, each with one writer.
    #[inline(always)]
    pub(crate) fn has_few_lines_in_use(&self, few: usize) -> bool {
        writers::are_few(self.lines.word(), few)
    }

    /// The lines that a sum must look at.
    #[inline(always)]
    pub(crate) fn lines_in_use(&self) -> Writers {
        writers::in_use(self.lines.word())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let segment = self.segment();
        let mut held = segment.held.lock();
        let mine = held.get(&self.block.line).is_some_and(|known| std::ptr::eq(known.as_ptr(), self));
        if !mine {
            return;
        }
        held.remove(&self.block.line);
        if let Some(owner) = segment.owner_now() {
            record::want(segment.arena().body(self.block), owner.slot(), false);
            segment.arena().let_go(self.block, owner.slot());
        }
    }
}
