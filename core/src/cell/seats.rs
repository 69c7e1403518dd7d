//! Places in a shared cell, each a word with the process that has it. What the dead had is taken back
//! by whoever finds no place free.
//!
//! A thread that does not cross into the core for a place leaves it at hand: to all others it is free,
//! and whoever of them takes it first has it. By then the thread finds another's number, and asks.

use super::{Block, LINE};
use crate::segment::Owner;
use crate::sync::{AtomicU64, Ordering, in_one_order};

/// Says of a place that it came from a cell that this one took the place of. No process's number has
/// this bit, so what is taken here is told from what was taken there.
pub(crate) const CARRIED: u64 = 1;

/// Says of a place that it is not to be taken or given back without a look at the cell: its life ends, or its limit
/// was lowered. Every place of a cell has it before either is so, and none loses it. No process's number has it.
const CLOSED: u64 = 0b100;

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
    pub(crate) const MOST: usize = HOMES;

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
            let is_free = seen & !CLOSED == 0;
            if !is_free && Owner::is_nobody(seen) {
                at_hand = at_hand.min(*seat);
            }
            is_free && take_seen(self.word(cell, *seat), seen, me)
        };
        (0..open).find(is_free).or_else(|| (at_hand..open).find(|seat| take_one(self.word(cell, *seat), me)))
    }

    /// Takes the place that the calling thread left at hand; `false` if it is not there any more. As who
    /// crosses for no place does it, on the half of the word that has the mark.
    #[cfg(all(test, loom))]
    pub(crate) fn take_at_hand(self, cell: &Block, [taken, at_hand]: [u64; 2], seat: usize) -> bool {
        // SeqCst: as in `take_one`.
        let word = self.word(cell, seat);
        let taken = word.compare_exchange(at_hand, taken, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        in_one_order();
        if taken {
            count(cell.word(self.count_of(seat)));
        }
        taken
    }

    /// Leaves a place of this process at hand; `false` if it is not its any more. The same way.
    #[cfg(all(test, loom))]
    pub(crate) fn leave_at_hand(self, cell: &Block, [taken, at_hand]: [u64; 2], seat: usize) -> bool {
        let word = self.word(cell, seat);
        // SeqCst: as in `give_back`.
        let left = word.compare_exchange(taken, at_hand, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        in_one_order();
        left
    }

    /// What the word of a place is while this process has it, and while it left it at hand: as long as nobody
    /// closes it who has not yet.
    pub(crate) fn words_of(self, cell: &Block, me: Owner) -> [u64; 2] {
        // Looked at once: else a close in between would be lost.
        let mark = if self.are_closed(cell) { CLOSED } else { 0 };
        [me.word() | mark, me.at_hand() | mark]
    }

    /// Has everybody look at the cell who takes one of its places or gives one back.
    pub(crate) fn close(self, cell: &Block) {
        (0..self.capacity).for_each(|seat| close_one(self.word(cell, seat)));
        in_one_order();
    }

    /// Whether they are to.
    pub(crate) fn are_closed(self, cell: &Block) -> bool {
        // Acquire: as in `is_mine`.
        self.word(cell, 0).load(Ordering::Acquire) & CLOSED != 0
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
    pub(crate) fn take_first(self, cell: &Block, me: Owner, open: u64, home: usize) -> bool {
        let seat = home * ROW;
        let is_open = seat < self.capacity && (seat as u64) < open;
        let taken = is_open && take_one(self.word(cell, seat), me);
        if taken {
            count(cell.word(self.count_of(seat)));
        }
        taken
    }

    /// Whether taking that place from that home was counted here.
    pub(crate) fn has_counted(seat: usize, home: usize) -> bool {
        seat == home * ROW
    }

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
    pub(crate) fn give_back(self, cell: &Block, me: Owner, seat: usize) -> bool {
        seat < self.capacity && free(self.word(cell, seat), me.word())
    }

    /// Gives back any place that this process took here, that at `home` first, and says which; `None` if it has none.
    pub(crate) fn give_back_one(self, cell: &Block, me: Owner, home: usize) -> Option<usize> {
        std::iter::once(home * ROW).chain(0..self.capacity).find(|seat| self.give_back(cell, me, *seat))
    }

    /// Whether this process took a place here.
    pub(crate) fn is_mine(self, cell: &Block, me: Owner, seat: usize) -> bool {
        // Acquire: who finds that another of ours gave his place back finds the other's.
        seat < self.capacity && self.word(cell, seat).load(Ordering::Acquire) & !CLOSED == me.word()
    }

    /// Gives a place back that was given back in the cell that this one took the place of, and came
    /// over nevertheless.
    pub(crate) fn give_back_carried(self, cell: &Block, me: Owner, seat: usize) {
        if seat < self.capacity {
            free(self.word(cell, seat), me.word() | CARRIED);
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
            let owner = seen & !(CARRIED | CLOSED);
            let dead = match known.iter().find(|(other, _)| *other == owner) {
                Some((_, dead)) => *dead,
                None => {
                    // A word that names nobody is nobody's.
                    let dead = Owner::from_word(owner).is_none_or(&is_dead);
                    known.push((owner, dead));
                    dead
                }
            };
            // Taken back once. Who is dead takes no place again, so the word is still his.
            if dead && free(word, seen & !CLOSED) {
                freed += 1;
            }
        }
        freed
    }
}

/// One more was let in by the first place of a line.
#[inline(always)]
pub(super) fn count(count: &AtomicU64) {
    // Relaxed: a total that nothing is decided by, and one writer at a time.
    count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

fn take_one(place: &AtomicU64, me: Owner) -> bool {
    // SeqCst: a place is one caller's, who sees what the one before him left; and ordered with the
    // looks, by who takes it, whether the cell still lives, and by who waits, whether one came free.
    let seen = place.load(Ordering::SeqCst);
    Owner::is_nobody(seen) && take_seen(place, seen, me)
}

/// Takes a place that was seen to be nobody's, closed meanwhile or not.
fn take_seen(place: &AtomicU64, seen: u64, me: Owner) -> bool {
    // SeqCst: as in `take_one`.
    let take = |seen| place.compare_exchange(seen, me.word() | seen & CLOSED, Ordering::SeqCst, Ordering::SeqCst);
    let taken = match take(seen) {
        Err(now) if now == seen | CLOSED => take(now).is_ok(),
        taken => taken.is_ok(),
    };
    in_one_order();
    taken
}

/// Makes a place free that is as said, closed or not; `false` if it is not.
fn free(place: &AtomicU64, word: u64) -> bool {
    let mut seen = place.load(Ordering::Acquire);
    while seen & !CLOSED == word {
        // SeqCst: freed once, and the next sees what the one before did; ordered with the looks, by who gives back,
        // whether the cell still lives and whether somebody waits.
        match place.compare_exchange(seen, seen & CLOSED, Ordering::SeqCst, Ordering::Acquire) {
            Ok(_) => {
                in_one_order();
                return true;
            }
            Err(now) => seen = now,
        }
    }
    in_one_order();
    false
}

fn close_one(place: &AtomicU64) {
    // SeqCst: before what is to be found in the cell.
    place.fetch_or(CLOSED, Ordering::SeqCst);
}

/// [`Seats::close`] of all places of a row.
pub(crate) fn close(places: &[AtomicU64]) {
    places.iter().enumerate().filter(|(word, _)| word % LINE != ROW).for_each(|(_, place)| close_one(place));
    in_one_order();
}

/// The words of places, without the counts between them.
fn places<'a>(old: &'a [AtomicU64], new: &'a [AtomicU64]) -> impl Iterator<Item = (&'a AtomicU64, &'a AtomicU64)> {
    old.iter().zip(new).enumerate().filter(|(word, _)| word % LINE != ROW).map(|(_, pair)| pair)
}

/// What a place of the old cell is in the new one.
fn carried(old: u64) -> u64 {
    if Owner::is_nobody(old) { 0 } else { old & !CLOSED | CARRIED }
}

/// Fills the places of a new cell from the one it takes the place of, before anybody finds it; and how
/// often those were taken.
pub(crate) fn carry(old: &[AtomicU64], new: &[AtomicU64]) -> u64 {
    for (old, new) in places(old, new) {
        let seen = old.load(Ordering::Acquire);
        // Relaxed: published with the cell.
        new.store(carried(seen), Ordering::Relaxed);
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
            let there = new.load(Ordering::SeqCst);
            let wanted = carried(seen) | there & CLOSED;
            // What was taken in the new cell stays, and so does what says the same.
            let is_own = !Owner::is_nobody(there) && there & CARRIED == 0;
            if is_own || there == wanted || Owner::is_nobody(there) && Owner::is_nobody(wanted) {
                break;
            }
            let _ = new.compare_exchange(there, wanted, Ordering::SeqCst, Ordering::Relaxed);
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
