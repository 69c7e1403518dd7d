//! Which lines of a segment's cells this process writes alone.
//!
//! The segment has one word for each line, claimed by a process; within the process a thread's slot
//! chooses among its lines. A line of the dead is taken over as it is: its sums only ever rise. Who
//! gets none, and every thread beyond the first few, adds atomically to a shared line.

use super::layout::{Regions, WRITERS, header};
use super::process::Owner;
use crate::cell::{Division, Writer, Writers};
use crate::sync::{AtomicU64, Ordering, fixed};

/// Threads of one process that may have a line of their own.
const OWN: usize = 4;
/// Entries of a table: one for each slot of a thread, and the last for threads without one.
const ENTRIES: usize = 65;
/// Segments that one process may have lines of its own in.
pub(crate) const TABLES: usize = 16;

const ALONE: u8 = 0x80;
const SHARED: u8 = 0x40;

/// By slot of the calling thread: 0, or a line and whether it is the process's own.
pub(crate) type Table = [fixed::AtomicU8; ENTRIES];

static LINES: [Table; TABLES] = [const { [const { fixed::AtomicU8::new(0) }; ENTRIES] }; TABLES];
/// One bit for each table in use; the first is everybody's who gets none, and never has an own line.
static TAKEN: fixed::AtomicU64 = fixed::AtomicU64::new(1);

/// Which use of a table, of all that there were of any, each is in.
static USES: [fixed::AtomicU32; TABLES] = [const { fixed::AtomicU32::new(0) }; TABLES];

/// A table of this process, from now on another's.
pub(crate) fn take_table() -> usize {
    static USED: fixed::AtomicU32 = fixed::AtomicU32::new(1);
    // Relaxed: each gets a number of its own, and there is no more to it.
    let next = |used: u32| (used < Division::USES).then_some(used + 1);
    let Ok(number) = USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) else { return 0 };
    let mut taken = TAKEN.load(Ordering::Relaxed);
    loop {
        let table = taken.trailing_ones() as usize;
        if table >= TABLES {
            return 0;
        }
        // Acquire: the table was emptied before it was given back.
        match TAKEN.compare_exchange(taken, taken | 1 << table, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                // Relaxed: read by who was told of the table.
                USES[table].store(number, Ordering::Relaxed);
                return table;
            }
            Err(seen) => taken = seen,
        }
    }
}

/// A number that no other table has, and this one as long as it is the same segment's. Of everybody's, in which nobody
/// has a line of his own, it is zero.
pub(crate) fn use_of(table: usize) -> u32 {
    USES[table].load(Ordering::Relaxed)
}

pub(crate) fn give_back(table: usize) {
    if table > 0 {
        LINES[table].iter().for_each(|entry| entry.store(0, Ordering::Relaxed));
        TAKEN.fetch_and(!(1 << table), Ordering::Release);
    }
}

pub(crate) fn table(number: usize) -> &'static Table {
    &LINES[number.min(TABLES - 1)]
}

/// The table of those who never write.
pub(crate) fn nobodys_table() -> &'static Table {
    table(0)
}

/// In a forked child: the lines are the parent's.
pub(crate) fn forget_own() {
    LINES.iter().flatten().for_each(|entry| entry.store(0, Ordering::Relaxed));
}

/// In the word of the lines in use: that shared ones are.
const SHARED_LINES: u64 = 1 << 32;

/// The lines that a sum must look at: so many of those with one writer, and the shared ones or none.
/// Whoever sees what was counted on a line sees it among them.
#[inline(always)]
pub(crate) fn in_use(word: &AtomicU64) -> Writers {
    // Relaxed: a count that happened before this look was released after its line was said to be in use.
    let used = word.load(Ordering::Relaxed);
    // More than there are, where it was scribbled over.
    let own = (used as u32 as usize).min(WRITERS.own);
    Writers { own, shared: if used < SHARED_LINES { 0 } else { WRITERS.shared } }
}

/// Whether those are at most so many, none of them shared.
#[inline(always)]
pub(crate) fn are_few(word: &AtomicU64, few: usize) -> bool {
    // Relaxed: as above. Above the own ones it says that there are shared ones.
    word.load(Ordering::Relaxed) <= few as u64
}

/// That a line is in use from now on: to be said before anything is counted on it.
pub(super) fn will_use(lines: &AtomicU64, writer: Writer) {
    let told = |used: u64| match writer.alone {
        true => used & SHARED_LINES | u64::from((used as u32).max(writer.line as u32 + 1)),
        false => used | SHARED_LINES,
    };
    // Relaxed: what is counted on the line is released after it.
    let _ = lines.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (told(used) != used).then(|| told(used)));
}

/// The line of a thread's slot; `None` if it has not asked for one yet.
#[inline]
pub(crate) fn of_slot(table: &Table, slot: usize) -> Option<Writer> {
    // Acquire: that the line is in use was said before it was entered here.
    match table[slot.min(ENTRIES - 1)].load(Ordering::Acquire) {
        0 => None,
        entry => Some(Writer { line: usize::from(entry & 0x3f), alone: entry & ALONE != 0 }),
    }
}

/// Finds a line for the slot of a thread, for good.
#[cold]
pub(crate) fn claim(
    words: &[AtomicU64],
    number: usize,
    slot: usize,
    me: Owner,
    is_alive: impl Fn(Owner) -> bool,
) -> Writer {
    let own = (number > 0 && slot < OWN).then(|| free_line(words, me, is_alive)).flatten();
    let writer = match own {
        Some(line) => Writer { line, alone: true },
        // Spread by process and thread.
        None => WRITERS.shared(me.slot().wrapping_mul(3) + slot),
    };
    will_use(&words[header::LINES], writer);
    let entry = writer.line as u8 & 0x3f | if writer.alone { ALONE } else { SHARED };
    table(number)[slot.min(ENTRIES - 1)].store(entry, Ordering::Release);
    writer
}

pub(super) fn free_line(words: &[AtomicU64], me: Owner, is_alive: impl Fn(Owner) -> bool) -> Option<usize> {
    (0..WRITERS.own).find(|line| {
        let word = &words[Regions::writer(*line)];
        let seen = word.load(Ordering::Acquire);
        let free = Owner::from_word(seen).is_none_or(|owner| owner != me && !is_alive(owner));
        // AcqRel: one owner, who sees what the one before it counted.
        let claimed = free && word.compare_exchange(seen, me.word(), Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if claimed {
            super::crash::point("writer claimed");
        }
        claimed
    })
}

/// Hands the lines of a process on.
pub(crate) fn release(words: &[AtomicU64], me: Owner) {
    for line in 0..WRITERS.own {
        // Release: the next owner sees what this one counted.
        let _ = words[Regions::writer(line)].compare_exchange(me.word(), 0, Ordering::Release, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_taken_again_is_known_from_the_one_before() {
        let numbers = [(); 3].map(|()| {
            let table = take_table();
            assert!(table > 0, "there is one left");
            let number = use_of(table);
            give_back(table);
            number
        });
        assert!(numbers[0] > 0 && numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    }
}
