//! Calls under way in each process that shares a budget: one word each, with whose it is, so that those
//! of the dead count no longer.

use crate::cell::Block;
use crate::segment::{Owner, PROCESSES, check_bits};
use crate::sync::Ordering;

/// Words that they need.
pub(super) const WORDS: usize = PROCESSES;
/// Calls of one process. Above them sixteen bits that show whether the word was scribbled over, and a part of
/// the number that tells the process from the one before it in its slot.
const COUNT: u64 = (1 << 24) - 1;

/// More than are ever under way on a host.
pub(super) const MOST: u64 = COUNT * PROCESSES as u64;

/// The word of a process that has so many.
fn word_of(owner: Owner, count: u64) -> u64 {
    let number = owner.random() << 40 | count;
    number | check_bits(number) << 24
}

/// How many a word says, if it is that owner's.
fn count_of(word: u64, owner: Owner) -> Option<u64> {
    let count = word & COUNT;
    (word == word_of(owner, count)).then_some(count)
}

/// One call more, or less, of this process; `false` where no others share the cell.
pub(super) fn change(cell: &Block, first: usize, more: bool) -> bool {
    let Some(held) = cell.held() else { return false };
    let Some(me) = held.segment().owner() else { return true };
    let word = cell.word(first + me.slot());
    // AcqRel: what another left in the slot goes with the first call of ours.
    let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
        let count = count_of(seen, me).unwrap_or(0);
        let next = if more { (count + 1).min(COUNT) } else { count.saturating_sub(1) };
        Some(word_of(me, next))
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
        if seen & COUNT == 0 { 0 } else { living(slot).and_then(|owner| count_of(seen, owner)).unwrap_or(0) }
    };
    (0..PROCESSES).map(count).sum()
}
