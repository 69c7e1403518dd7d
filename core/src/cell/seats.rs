//! Places in a shared cell, each a word with the process that has it. What the dead had is taken back
//! by whoever finds no place free.

use super::Block;
use crate::segment::Owner;
use crate::sync::{AtomicU64, Ordering, in_one_order};

/// Says of a place that it came from a cell that this one took the place of. No process's number has
/// this bit, so what is taken here is told from what was taken there.
pub(crate) const CARRIED: u64 = 1;

/// A row of places.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Seats {
    /// The first word.
    pub first: usize,
    pub capacity: usize,
}

impl Seats {
    /// Takes a place where fewer than `limit` are taken; `most` is the highest limit there ever was.
    pub(crate) fn take(self, cell: &Block, limit: u64, most: u64) -> Option<usize> {
        self.take_for(cell, cell.held()?.segment().owner()?, limit, most)
    }

    pub(crate) fn take_for(self, cell: &Block, me: Owner, limit: u64, most: u64) -> Option<usize> {
        let me = me.word();
        let within = |limit: u64| limit.min(self.capacity as u64) as usize;
        let open = self.open(cell, within(limit), within(most));
        (0..open).find(|seat| {
            let word = cell.word(self.first + seat);
            // AcqRel: a place is one caller's, who sees what the one before him left.
            word.load(Ordering::Relaxed) == 0
                && word.compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// How many of the first places may be taken. All up to the limit, unless it was higher once: then
    /// each that is taken above closes one below.
    fn open(self, cell: &Block, limit: usize, most: usize) -> usize {
        let is_taken = |seat: &usize| cell.word(self.first + seat).load(Ordering::Acquire) != 0;
        let mut above = (limit..most).filter(is_taken).count();
        let mut open = limit;
        while open > 0 && open + above > limit {
            open -= 1;
            above += usize::from(is_taken(&open));
        }
        open
    }

    /// Gives back a place of this process; `false` if it is not.
    pub(crate) fn give_back_for(self, cell: &Block, me: Owner, seat: usize) -> bool {
        // SeqCst: the next sees what this one did; and ordered with the look, by who gives back, whether
        // the cell still lives.
        let free = |from| cell.word(self.first + seat).compare_exchange(from, 0, Ordering::SeqCst, Ordering::Relaxed);
        let given = seat < self.capacity && (free(me.word()).is_ok() || free(me.word() | CARRIED).is_ok());
        in_one_order();
        given
    }

    /// Gives back any place of this process, and says which; `None` if it has none.
    pub(crate) fn give_back_one(self, cell: &Block) -> Option<usize> {
        let me = cell.held()?.segment().owner()?;
        let is_mine = |seat: usize| cell.word(self.first + seat).load(Ordering::Relaxed) & !CARRIED == me.word();
        (0..self.capacity).find(|seat| is_mine(*seat) && self.give_back_for(cell, me, *seat))
    }

    /// Without the first places.
    pub(crate) fn from(self, places: usize) -> Seats {
        let places = places.min(self.capacity);
        Seats { first: self.first + places, capacity: self.capacity - places }
    }

    /// Gives back every place of this process; how many they were.
    pub(crate) fn give_back_all(self, cell: &Block) -> u64 {
        std::iter::from_fn(|| self.give_back_one(cell)).take(self.capacity).count() as u64
    }

    /// Gives a place back that was given back in the cell that this one took the place of, and came
    /// over nevertheless.
    pub(crate) fn give_back_carried(self, cell: &Block, seat: usize) {
        if let Some(me) = cell.held().and_then(|held| held.segment().owner())
            && seat < self.capacity
        {
            let carried = me.word() | CARRIED;
            let _ = cell.word(self.first + seat).compare_exchange(carried, 0, Ordering::SeqCst, Ordering::Relaxed);
        }
    }

    pub(crate) fn in_use(self, cell: &Block) -> u64 {
        (0..self.capacity).filter(|seat| cell.word(self.first + seat).load(Ordering::Acquire) != 0).count() as u64
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
            let word = cell.word(self.first + seat);
            let seen = word.load(Ordering::Acquire);
            if seen == 0 {
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

/// Fills the places of a new cell from the one it takes the place of, before anybody finds it.
pub(crate) fn carry(old: &[AtomicU64], new: &[AtomicU64]) {
    for (old, new) in old.iter().zip(new) {
        let seen = old.load(Ordering::Acquire);
        // Relaxed: published with the cell.
        new.store(if seen == 0 { 0 } else { seen | CARRIED }, Ordering::Relaxed);
    }
}

/// What changed in the old cell until its life ended: from then on whoever gives back there does so
/// in the new one too.
pub(crate) fn carry_rest(old: &[AtomicU64], new: &[AtomicU64]) {
    in_one_order();
    for (old, new) in old.iter().zip(new) {
        let (seen, carried) = (old.load(Ordering::SeqCst), new.load(Ordering::SeqCst));
        if seen == 0 && carried & CARRIED != 0 {
            let _ = new.compare_exchange(carried, 0, Ordering::SeqCst, Ordering::Relaxed);
        } else if seen != 0 && carried == 0 {
            let taken = new.compare_exchange(0, seen | CARRIED, Ordering::SeqCst, Ordering::Relaxed).is_ok();
            in_one_order();
            // Given back meanwhile, here too: then what we just wrote is nobody's.
            if taken && old.load(Ordering::SeqCst) == 0 {
                let _ = new.compare_exchange(seen | CARRIED, 0, Ordering::SeqCst, Ordering::Relaxed);
            }
        }
    }
}
