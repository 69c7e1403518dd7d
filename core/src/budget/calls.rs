//! Calls under way in each process that shares a budget: one word each, with whose it is, so that those
//! of the dead count no longer.

use crate::cell::Block;
use crate::segment::{Owner, PROCESSES};
use crate::sync::Ordering;

/// Words that they need.
pub(super) const WORDS: usize = PROCESSES;
/// Calls of one process, below a part of the number that tells it from the one before it in its slot.
const COUNT: u64 = (1 << 24) - 1;

/// More than are ever under way on a host.
pub(super) const MOST: u64 = COUNT * PROCESSES as u64;

fn tag(owner: Owner) -> u64 {
    // Above the mark of an owner's word, below its slot.
    owner.word() << 6 & !COUNT
}

/// One call more, or less, of this process; `false` where no others share the cell.
pub(super) fn change(cell: &Block, first: usize, more: bool) -> bool {
    let Some(held) = cell.held() else { return false };
    let Some(me) = held.segment().owner() else { return true };
    let word = cell.word(first + me.slot());
    // AcqRel: what another left in the slot goes with the first call of ours.
    let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
        let count = if seen & !COUNT == tag(me) { seen & COUNT } else { 0 };
        let next = if more { (count + 1).min(COUNT) } else { count.saturating_sub(1) };
        Some(tag(me) | next)
    });
    true
}

/// All calls under way; `None` where no others share the cell.
pub(super) fn sum(cell: &Block, first: usize) -> Option<u64> {
    let segment = cell.held()?.segment();
    Some(sum_of(cell, first, &|slot| segment.in_slot(slot)))
}

/// Those of the processes that live.
pub(super) fn sum_of(cell: &Block, first: usize, living: &dyn Fn(usize) -> Option<Owner>) -> u64 {
    let count = |slot: usize| {
        let seen = cell.word(first + slot).load(Ordering::Acquire);
        let alive = seen & COUNT != 0 && living(slot).is_some_and(|owner| tag(owner) == seen & !COUNT);
        if alive { seen & COUNT } else { 0 }
    };
    (0..PROCESSES).map(count).sum()
}
