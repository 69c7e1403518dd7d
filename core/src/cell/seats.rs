//! Places in a shared cell, each a word with the process that has it. What the dead had is taken back
//! by whoever finds no place free.
//!
//! A thread that does not cross into the core for a place leaves it at hand: to all others it is free,
//! and whoever of them takes it first has it. By then the thread finds another's number, and asks.

use super::{Block, LINE, LineWords};
use crate::segment::Owner;
use crate::sync::{AtomicU64, Ordering, in_one_order};

/// Says of a place that it came from a cell that this one took the place of. No process's number has
/// this bit, so what is taken here is told from what was taken there.
pub(crate) const CARRIED: u64 = 1;

/// Places on one line, each a word that says who has it. Behind them is a word that only who has the
/// first of them writes: how often that was taken by those who look at it before all others.
pub(crate) const ROW: usize = LINE - 1;
/// At most so many lines are somebody's home: the one where a thread looks before all others.
const HOMES: usize = 16;

/// The lines that are homes where so many places may be taken: a number that has all bits below them. Each
/// begins with a place that may be taken, so that nobody looks at home for nothing.
#[derive(Copy, Clone)]
pub(crate) struct Homes(u8);

impl Homes {
    pub(crate) fn within(limit: u32) -> Homes {
        let lines = (limit as usize).div_ceil(ROW).clamp(1, HOMES);
        Homes((1 << lines.ilog2()) - 1)
    }

    /// Where those of a process begin: other than its neighbours', however few there are.
    pub(crate) fn near(me: Owner) -> usize {
        me.slot() * 5
    }

    /// That of the thread that has `slot`, in a process that looks `near` there: another for each of its threads
    /// while there are as many.
    #[inline(always)]
    pub(crate) fn of(self, near: usize, slot: usize) -> usize {
        (near + slot) & usize::from(self.0)
    }

    /// That of the calling thread of a process.
    pub(crate) fn mine(self, me: Owner) -> usize {
        self.of(Homes::near(me), super::slot())
    }
}

/// A row of places.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Seats {
    /// The first word.
    pub first: usize,
    pub capacity: usize,
}

impl Seats {
    pub(crate) const fn words(self) -> usize {
        self.capacity.div_ceil(ROW) * LINE
    }

    /// Takes a place where fewer than `limit` are taken; `most` is the highest limit there ever was. The
    /// search begins at `home`, which is of no meaning but that what is given back there is found there.
    pub(crate) fn take(self, cell: &Block, me: Owner, (limit, most): (u64, u64), home: usize) -> Option<usize> {
        let within = |limit: u64| limit.min(self.capacity as u64) as usize;
        let open = if most <= limit { within(limit) } else { self.open(cell, within(limit), within(most)) };
        if self.take_first(cell, me, open as u64, home) {
            return Some(home * ROW);
        }
        // What another thread left at hand only where there is nothing else.
        let mut at_hand = open;
        let is_free = |seat: &usize| {
            // SeqCst: as in `take_seen`, for who waits and finds none.
            let seen = self.word(cell, *seat).load(Ordering::SeqCst);
            if seen != 0 && Owner::is_nobody(seen) {
                at_hand = at_hand.min(*seat);
            }
            seen == 0 && take_seen(self.word(cell, *seat), seen, me)
        };
        (0..open).find(is_free).or_else(|| (at_hand..open).find(|seat| take_one(self.word(cell, *seat), me)))
    }

    /// Takes the place that the calling thread left at hand; `false` if it is not there any more. As who
    /// crosses for no place does it, on the half of the word that has the mark.
    #[cfg(all(test, loom))]
    pub(crate) fn take_at_hand(self, cell: &Block, me: Owner, seat: usize) -> bool {
        // SeqCst: as in `take_first`.
        let taken = take_seen(self.word(cell, seat), me.at_hand(), me);
        in_one_order();
        if taken {
            // Relaxed: as in `take_first`.
            let count = cell.word(self.count_of(seat));
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
        taken
    }

    /// Leaves a place of this process at hand; `false` if it is not its any more. The same way.
    #[cfg(all(test, loom))]
    pub(crate) fn leave_at_hand(self, cell: &Block, me: Owner, seat: usize) -> bool {
        let word = self.word(cell, seat);
        // SeqCst: as in `give_back`.
        let left = word.compare_exchange(me.word(), me.at_hand(), Ordering::SeqCst, Ordering::Relaxed).is_ok();
        in_one_order();
        left
    }

    /// The places among the first `open` that begin a line, those at `home` first.
    pub(crate) fn firsts(self, open: usize, home: usize) -> impl Iterator<Item = usize> {
        let lines = open.min(self.capacity).div_ceil(ROW);
        let home = if home < lines { home } else { 0 };
        let swapped = move |line| {
            if line == 0 {
                home
            } else if line == home {
                0
            } else {
                line
            }
        };
        (0..lines).map(swapped).map(|line| line * ROW)
    }

    /// Takes the first place of the line `home`, if it is free and among the first `open`.
    #[inline(always)]
    pub(crate) fn take_first(self, cell: &Block, me: Owner, open: u64, home: usize) -> bool {
        let seat = home * ROW;
        if seat >= self.capacity || seat as u64 >= open {
            return false;
        }
        cell.line(self.first + home * LINE).is_some_and(|line| take_first_of(line, me))
    }

    /// Whether taking that place from that home was counted here.
    pub(crate) fn has_counted(seat: usize, home: usize) -> bool {
        seat == home * ROW
    }

    #[inline(always)]
    fn word(self, cell: &Block, seat: usize) -> &AtomicU64 {
        cell.word(self.index_of(seat))
    }

    /// Which word of the cell a place is.
    pub(crate) fn index_of(self, seat: usize) -> usize {
        self.first + seat / ROW * LINE + seat % ROW
    }

    /// Which one is the count of the line that a place begins.
    pub(crate) fn count_of(self, seat: usize) -> usize {
        self.first + seat / ROW * LINE + ROW
    }

    /// How often places were taken by those who looked there first.
    pub(crate) fn ever_taken(self, cell: &Block) -> u64 {
        let counts = (self.first..self.first + self.words()).skip(ROW).step_by(LINE);
        counts.map(|count| cell.word(count).load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }

    /// How many of the first places may be taken. All up to the limit, unless it was higher once: then
    /// each that is taken above closes one below.
    fn open(self, cell: &Block, limit: usize, most: usize) -> usize {
        let is_taken = |seat: &usize| self.is_taken(cell, *seat);
        let mut above = (limit..most).filter(is_taken).count();
        let mut open = limit;
        while open > 0 && open + above > limit {
            open -= 1;
            above += usize::from(is_taken(&open));
        }
        open
    }

    /// Gives back a place that this process took here; `false` if it is not, or was carried over: then it is
    /// to be given back where it was taken, by which of those that might is decided.
    #[inline(always)]
    pub(crate) fn give_back(self, cell: &Block, me: Owner, seat: usize) -> bool {
        // SeqCst: the next sees what this one did; and ordered with the looks, by who gives back, whether
        // the cell still lives and whether somebody waits.
        let free = || self.word(cell, seat).compare_exchange(me.word(), 0, Ordering::SeqCst, Ordering::Acquire);
        let given = self.is_mine(cell, me, seat) && free().is_ok();
        in_one_order();
        given
    }

    /// Gives back any place that this process took here, and says which; `None` if it has none.
    pub(crate) fn give_back_one(self, cell: &Block, me: Owner, home: usize) -> Option<usize> {
        if self.give_back_first(cell, me, home) {
            return Some(home * ROW);
        }
        (0..self.capacity).find(|seat| self.give_back(cell, me, *seat))
    }

    /// [`Seats::give_back`] of the first place of the line `home`.
    #[inline(always)]
    pub(crate) fn give_back_first(self, cell: &Block, me: Owner, home: usize) -> bool {
        home * ROW < self.capacity
            && cell.line(self.first + home * LINE).is_some_and(|line| give_back_first_of(line, me))
    }

    /// Whether this process took a place here.
    pub(crate) fn is_mine(self, cell: &Block, me: Owner, seat: usize) -> bool {
        // Acquire: who finds that another of ours gave his place back finds the other's.
        seat < self.capacity && self.word(cell, seat).load(Ordering::Acquire) == me.word()
    }

    /// Gives a place back that was given back in the cell that this one took the place of, and came
    /// over nevertheless.
    pub(crate) fn give_back_carried(self, cell: &Block, me: Owner, seat: usize) {
        if seat < self.capacity {
            let carried = me.word() | CARRIED;
            // SeqCst: ordered with the look, by who clears it, whether the cell still lives.
            let _ = self.word(cell, seat).compare_exchange(carried, 0, Ordering::SeqCst, Ordering::SeqCst);
            in_one_order();
        }
    }

    pub(crate) fn in_use(self, cell: &Block) -> u64 {
        (0..self.capacity).filter(|seat| self.is_taken(cell, *seat)).count() as u64
    }

    fn is_taken(self, cell: &Block, seat: usize) -> bool {
        !Owner::is_nobody(self.word(cell, seat).load(Ordering::Acquire))
    }

    /// Takes back what the dead had; how many places that are.
    pub(crate) fn reclaim(self, cell: &Block) -> u64 {
        let segment = cell.held().map(|held| held.segment());
        segment.map_or(0, |segment| self.reclaim_where(cell, |owner| !segment.is_alive(owner)))
    }

    pub(crate) fn reclaim_where(self, cell: &Block, is_dead: impl Fn(Owner) -> bool) -> u64 {
        let mut known: Vec<(u64, bool)> = Vec::new();
        let mut freed = 0;
        for seat in 0..self.capacity {
            let word = self.word(cell, seat);
            let seen = word.load(Ordering::Acquire);
            if Owner::is_nobody(seen) {
                continue;
            }
            let dead = match known.iter().find(|(other, _)| *other == seen) {
                Some((_, dead)) => *dead,
                None => {
                    // A word that names nobody is nobody's.
                    let dead = Owner::from_word(seen & !CARRIED).is_none_or(&is_dead);
                    known.push((seen, dead));
                    dead
                }
            };
            // AcqRel: taken back once. Who is dead takes no place again, so the word is still his.
            if dead && word.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                freed += 1;
            }
        }
        freed
    }
}

/// Takes the first place of a line, if it is free.
#[inline(always)]
pub(crate) fn take_first_of(line: LineWords<'_>, me: Owner) -> bool {
    // SeqCst: as in `take_one`. Not looked at before: it is most often free, and whoever waits for
    // what it says can as well wait for the exchange.
    let taken = match line[0].compare_exchange(0, me.word(), Ordering::SeqCst, Ordering::Relaxed) {
        Ok(_) => true,
        Err(seen) => Owner::is_nobody(seen) && take_seen(&line[0], seen, me),
    };
    in_one_order();
    if taken {
        let count = &line[ROW];
        // Relaxed: a total that nothing is decided by, and one writer at a time.
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    taken
}

/// Gives the first place of a line back; `false` if it is not this process's, or was carried over.
#[inline(always)]
pub(crate) fn give_back_first_of(line: LineWords<'_>, me: Owner) -> bool {
    // SeqCst: as in `give_back`.
    let given = line[0].compare_exchange(me.word(), 0, Ordering::SeqCst, Ordering::Relaxed).is_ok();
    in_one_order();
    given
}

#[inline(always)]
fn take_one(place: &AtomicU64, me: Owner) -> bool {
    // SeqCst: a place is one caller's, who sees what the one before him left; and ordered with the
    // looks, by who takes it, whether the cell still lives, and by who waits, whether one came free.
    let seen = place.load(Ordering::SeqCst);
    Owner::is_nobody(seen) && take_seen(place, seen, me)
}

/// Takes a place that was seen to be nobody's.
fn take_seen(place: &AtomicU64, seen: u64, me: Owner) -> bool {
    // SeqCst: as in `take_one`.
    place.compare_exchange(seen, me.word(), Ordering::SeqCst, Ordering::Relaxed).is_ok()
}

/// The words of places, without the counts between them.
fn places<'a>(old: &'a [AtomicU64], new: &'a [AtomicU64]) -> impl Iterator<Item = (&'a AtomicU64, &'a AtomicU64)> {
    old.iter().zip(new).enumerate().filter(|(word, _)| word % LINE != ROW).map(|(_, pair)| pair)
}

/// Fills the places of a new cell from the one it takes the place of, before anybody finds it; and how
/// often those were taken.
pub(crate) fn carry(old: &[AtomicU64], new: &[AtomicU64]) -> u64 {
    for (old, new) in places(old, new) {
        let seen = old.load(Ordering::Acquire);
        // Relaxed: published with the cell.
        new.store(if Owner::is_nobody(seen) { 0 } else { seen | CARRIED }, Ordering::Relaxed);
    }
    old.iter().skip(ROW).step_by(LINE).map(|count| count.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
}

/// What changed in the old cell until its life ended: from then on whoever gives back there does so
/// in the new one too.
pub(crate) fn carry_rest(old: &[AtomicU64], new: &[AtomicU64]) {
    in_one_order();
    for (old, new) in places(old, new) {
        let mut seen = old.load(Ordering::SeqCst);
        loop {
            let carried = new.load(Ordering::SeqCst);
            let wanted = if Owner::is_nobody(seen) { 0 } else { seen | CARRIED };
            // What was taken in the new cell stays, and so does what says the same.
            let is_own = !Owner::is_nobody(carried) && carried & CARRIED == 0;
            if is_own || carried == wanted || Owner::is_nobody(carried) && wanted == 0 {
                break;
            }
            let _ = new.compare_exchange(carried, wanted, Ordering::SeqCst, Ordering::Relaxed);
            in_one_order();
            // Given back meanwhile, here too, or by one and taken by another: then it is to say that.
            seen = old.load(Ordering::SeqCst);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn whoever_looks_at_home_may_take_the_place_there() {
        for limit in 1..300 {
            let homes = Homes::within(limit);
            let found: Vec<usize> = (0..64).map(|thread| homes.of(Homes::near(Owner::new(3, 7)), thread)).collect();
            assert!(found.iter().all(|home| home * ROW < limit as usize), "limit {limit}: {found:?}");
            assert!(
                (limit as usize).div_ceil(ROW).min(HOMES) < 2 * (1 + found.iter().max().unwrap()),
                "half of them at least"
            );
        }
        let neighbours = |limit| (1..=4).map(move |slot| Homes::within(limit).of(Homes::near(Owner::new(slot, 7)), 0));
        assert_eq!(neighbours(64).collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
