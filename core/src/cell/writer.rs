//! Which line of a cell a thread writes.
//!
//! A thread takes a slot when it first counts something and hands it on when it ends. The owner of
//! a low slot is the only writer of its line and adds by a plain load and store; all others share
//! the remaining lines and add atomically. Sums rise for ever: who takes a slot over goes on from
//! the value that it finds. The line that a thread writes alone, and where it knows that from, are in `division`.

use super::division::{self, Division};
#[cfg(not(loom))]
use crate::sync::AtomicBool;
use crate::sync::{AtomicU64, Ordering};
use std::cell::Cell;

/// Slots that have one owner each; threads beyond them only ever share lines.
const SLOTS: u32 = 64;
/// No slot is a number as high as this: those of threads that only ever share lines follow the others.
const EVER: u32 = 2 * SLOTS;
const NONE: u32 = u32::MAX;

/// A line of a cell, counted from its first writer's line, and whether the caller alone writes it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Writer {
    pub line: usize,
    pub alone: bool,
}

impl Writer {
    /// Adds one to a word of its line.
    #[inline(always)]
    pub(crate) fn add_one(self, word: &AtomicU64, order: Ordering) {
        if self.alone {
            // Relaxed: nobody else writes it.
            word.store(word.load(Ordering::Relaxed).wrapping_add(1), order);
        } else {
            word.fetch_add(1, order);
        }
    }
}

/// Slots that a driver may ask for: its own scheduler then says who writes their lines. It may have fewer
/// writers; what is left of the slots then lies idle, for sums are to look at few lines.
pub(crate) const LENT: usize = 4;

/// How many lines of a cell have one writer, and how many are shared.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Writers {
    pub own: usize,
    pub shared: usize,
}

impl Writers {
    pub(crate) const HEAP: Writers = Writers { own: 4, shared: 4 };

    pub(crate) const fn lines(self) -> usize {
        self.own + self.shared
    }

    /// The line of the thread that has `slot`.
    pub(crate) fn of_slot(self, slot: usize) -> Writer {
        if slot < self.own { Writer { line: slot, alone: true } } else { self.shared(slot) }
    }

    /// A line that everybody may add to.
    pub(crate) fn shared(self, number: usize) -> Writer {
        Writer { line: self.own + number % self.shared, alone: false }
    }
}

#[cfg(not(loom))]
thread_local! {
    // No destructor, so that reading it is one load and works while the thread ends.
    static SLOT: Cell<u32> = const { Cell::new(NONE) };
}

#[cfg(loom)]
loom::thread_local! {
    static SLOT: Cell<u32> = Cell::new(NONE);
}

/// The slot of the calling thread.
pub(crate) fn slot() -> usize {
    match SLOT.with(Cell::get) {
        NONE => claim(),
        slot => slot as usize,
    }
}

/// The calling thread has this slot from now on, and no line yet but those that come with it.
fn set_slot(slot: u32) {
    SLOT.with(|own| own.set(slot));
    division::forget();
    for division in [Division::TOGETHER, Division::APART] {
        if (slot as usize) < division.own() {
            division.know(slot as usize);
        }
    }
}

/// The same where the thread has one.
#[inline(always)]
pub(crate) fn known_slot() -> Option<usize> {
    slot_below(EVER as usize)
}

/// The same, and a number above all where it has none.
#[inline(always)]
pub(crate) fn slot_or_none() -> usize {
    SLOT.with(Cell::get) as usize
}

/// The same where it is less than so many.
#[inline(always)]
pub(crate) fn slot_below(most: usize) -> Option<usize> {
    let slot = slot_or_none();
    (slot < most).then_some(slot)
}

#[cfg(not(loom))]
use owned::claim;

#[cfg(not(loom))]
pub(crate) use owned::{are_together, is_lent, keep_together, lend};

#[cfg(loom)]
pub(crate) fn is_lent(_: usize) -> bool {
    false
}

#[cfg(loom)]
pub(crate) fn lend(_: usize) -> bool {
    false
}

/// The model checker does not see the one-time cell that lines apart are made in.
#[cfg(loom)]
pub(crate) fn are_together() -> bool {
    true
}

#[cfg(loom)]
pub(crate) fn keep_together() {}

/// Under the model checker a thread writes alone only where the test says so.
#[cfg(loom)]
fn claim() -> usize {
    SLOTS as usize
}

/// The calling thread has this slot, whoever else has it.
#[cfg(test)]
pub(crate) fn take_slot(slot: u32) {
    set_slot(slot);
}

#[cfg(not(loom))]
mod owned {
    use super::*;

    /// One bit for each slot that is owned. A word rather than a list, so that a fork finds no lock.
    static TAKEN: AtomicU64 = AtomicU64::new(0);

    /// All slots that a driver may ask for.
    const FIRST: u64 = (1 << LENT) - 1;

    /// Those that a driver's writers have, for as long as the process lives.
    static AWAY: AtomicU64 = AtomicU64::new(0);

    /// Whether cells that are made from now on have all their writers' lines side by side.
    static TOGETHER: AtomicBool = AtomicBool::new(false);

    pub(crate) fn keep_together() {
        // Relaxed: no more is promised of cells than that those made later by the same thread are so.
        TOGETHER.store(true, Ordering::Relaxed);
    }

    pub(crate) fn are_together() -> bool {
        TOGETHER.load(Ordering::Relaxed) || is_lent(0)
    }

    /// Takes the first slots out of the threads' hands for so many writers, where no thread has one yet.
    pub(crate) fn lend(writers: usize) -> bool {
        // Acquire: as for a thread. Relaxed: who reads the mark has no more to learn from it.
        let lent = writers > 0 && TAKEN.compare_exchange(0, FIRST, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if lent {
            AWAY.store((1 << writers.min(LENT)) - 1, Ordering::Relaxed);
        }
        lent
    }

    /// Whether the slot is one of a driver's writer.
    pub(crate) fn is_lent(slot: usize) -> bool {
        slot < LENT && AWAY.load(Ordering::Relaxed) & 1 << slot != 0
    }

    /// Hands the slot on when the thread ends.
    struct Hold;

    thread_local! {
        static HOLD: Hold = const { Hold };
    }

    impl Drop for Hold {
        fn drop(&mut self) {
            // What the thread still counts while it ends goes to a shared line.
            let slot = SLOT.get();
            set_slot(SLOTS);
            give_back(slot);
        }
    }

    #[cold]
    pub(super) fn claim() -> usize {
        let slot = free_slot();
        if HOLD.try_with(|_| ()).is_err() {
            give_back(slot);
            return SLOTS as usize;
        }
        set_slot(slot);
        slot as usize
    }

    fn free_slot() -> u32 {
        let mut taken = TAKEN.load(Ordering::Relaxed);
        loop {
            let slot = taken.trailing_ones();
            if slot >= SLOTS {
                return SLOTS + crate::sync::process_unique() as u32 % (EVER - SLOTS);
            }
            // Acquire: the sums that the slot's last owner left are seen before they are added to.
            match TAKEN.compare_exchange_weak(taken, taken | 1 << slot, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return slot,
                Err(seen) => taken = seen,
            }
        }
    }

    fn give_back(slot: u32) {
        if slot < SLOTS {
            // Release: the next owner sees what this one counted.
            TAKEN.fetch_and(!(1 << slot), Ordering::Release);
        }
    }

    /// In a forked child only the calling thread lives on.
    pub(crate) fn forked() {
        let own = SLOT.get();
        let own = if own < SLOTS { 1 << own } else { 0 };
        TAKEN.store(own | if is_lent(0) { FIRST } else { 0 }, Ordering::Relaxed);
        division::forked();
    }
}

#[cfg(not(loom))]
pub(crate) use owned::forked;

#[cfg(loom)]
pub(crate) fn forked() {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::{Arc, Mutex};

    #[test]
    fn a_slot_is_owned_by_one_thread_and_handed_on() {
        // More threads than slots, one after another: each ends before the next begins.
        let slots: Vec<usize> = (0..200).map(|_| std::thread::spawn(slot).join().unwrap()).collect();
        assert!(slots.iter().all(|slot| *slot < SLOTS as usize), "{slots:?}");
        let mine = slot();
        assert_eq!(mine, slot());
        let other = std::thread::spawn(slot).join().unwrap();
        assert_ne!(mine, other);
    }

    #[test]
    fn who_ends_knows_no_line_any_more() {
        /// Tells, as its thread ends, whether that still has a slot of its own, and whether it knows a line.
        struct Last(Arc<Mutex<Option<(bool, bool)>>>);
        impl Drop for Last {
            fn drop(&mut self) {
                let known = [Division::TOGETHER, Division::APART, Division::of_table(2, 5)];
                let knows = known.iter().any(|division| division.look_back().line().is_some());
                *self.0.lock() = Some((slot() < SLOTS as usize, knows));
            }
        }
        thread_local! {
            static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
        }
        // One is dropped before the slot is handed on, the other after it.
        let mut told = [true, false].map(|slot_first| {
            let told = Arc::new(Mutex::new(None));
            let tell = told.clone();
            let ending = std::thread::spawn(move || {
                let keep = || LAST.with(|last| *last.borrow_mut() = Some(Last(tell)));
                if slot_first {
                    slot();
                    keep();
                } else {
                    keep();
                    slot();
                }
                Division::of_table(2, 5).know(3);
            });
            ending.join().unwrap();
            *told.lock()
        });
        told.sort_unstable();
        assert_eq!(told, [Some((false, false)), Some((true, true))], "has a slot, knows a line");
    }

    #[test]
    fn few_lines_have_one_writer() {
        let writers = Writers { own: 2, shared: 3 };
        assert_eq!(writers.of_slot(1), Writer { line: 1, alone: true });
        assert_eq!(writers.of_slot(2), Writer { line: 4, alone: false });
        assert_eq!(writers.of_slot(64), Writer { line: 3, alone: false });
    }
}
