//! Where a bulkhead counts who is inside: a word of this process, or places in a cell that processes
//! share.

use super::BulkheadSnapshot;
use crate::cell::{self, Block, Seats};
use crate::config::BulkheadConfig;
use crate::family::Spot;
use crate::segment::Home;
use crate::sync::{Arc, AtomicU64, Ordering};

const IN_USE: usize = 0;
pub(super) const ADMITTED: usize = 1;
pub(super) const FULL: usize = 2;
pub(super) const TIMED_OUT: usize = 3;
pub(super) const CANCELLED: usize = 4;
pub(super) const STALE: usize = 5;
/// The limit in force.
const LIMIT: usize = 6;
/// The highest limit there ever was.
const MOST_EVER: usize = 7;
const WORDS: usize = 8;
/// Places of a shared cell: room for a limit that grows, and no more than a search may take.
const FEWEST: u32 = 64;
const MOST: u32 = 1 << 16;

/// How long one sweep for the places of the dead does, in nanoseconds.
const SWEEP: u64 = 5_000_000;

/// A door of the whole host.
struct Shared {
    home: Home,
    key: Option<Box<str>>,
    seats: Seats,
    swept: u64,
}

pub(super) struct Door {
    /// What this process asked for; what is in force may be another's.
    wanted: Arc<BulkheadConfig>,
    pub config: Arc<BulkheadConfig>,
    cell: Block,
    shared: Option<Box<Shared>>,
}

fn capacity(config: &BulkheadConfig) -> usize {
    config.limit.saturating_mul(2).clamp(FEWEST, MOST) as usize
}

fn seats(config: &BulkheadConfig) -> Seats {
    Seats { first: WORDS, capacity: capacity(config) }
}

impl Door {
    pub(super) fn new(config: &Arc<BulkheadConfig>) -> Door {
        let cell = Block::new(WORDS);
        cell.word(LIMIT).store(config.limit.into(), Ordering::Relaxed);
        Door { wanted: config.clone(), config: config.clone(), cell, shared: None }
    }

    /// The door of the host; one of this process's own where that is not to be had.
    pub(super) fn at(config: &Arc<BulkheadConfig>, spot: Spot<'_>) -> Door {
        let mut door = Door::new(config);
        let key = spot.key.map(Into::into);
        let shared = Shared { home: spot.home.clone(), key, seats: seats(config), swept: 0 };
        door.shared = Some(Box::new(shared));
        door.find(0);
        door
    }

    /// Looks for the cell in force. `out` are the permits that this process has out.
    #[cold]
    #[inline(never)]
    pub(super) fn find(&mut self, out: u64) {
        let Some(shared) = &mut self.shared else { return };
        let wanted = self.wanted.clone();
        let words = WORDS + capacity(&wanted);
        let fill = |new: &[AtomicU64], old: Option<(&BulkheadConfig, &[AtomicU64])>| {
            if let Some((_, old)) = old {
                new[..WORDS]
                    .iter()
                    .zip(old)
                    .for_each(|(new, old)| new.store(old.load(Ordering::Acquire), Ordering::Relaxed));
                cell::carry(old.get(WORDS..).unwrap_or_default(), &new[WORDS..words]);
            }
            // Permits of the old cell may lie above the new limit.
            let before = new[LIMIT].swap(wanted.limit.into(), Ordering::Relaxed);
            new[MOST_EVER].fetch_max(before, Ordering::Relaxed);
        };
        let found = shared.home.cell(shared.key.as_deref(), &wanted, words, &fill);
        let fits = found.filter(|(config, found)| WORDS + capacity(config) <= found.held.words().len());
        match fits {
            Some((config, found)) => {
                shared.seats = seats(&config);
                self.config = config;
                self.cell = Block::mapped(found.held);
            }
            None => {
                *self = Door::new(&wanted);
                self.cell.word(IN_USE).store(out, Ordering::Relaxed);
            }
        }
    }

    /// Whether another cell took the place of ours.
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        self.shared.is_some() && !self.cell.is_current()
    }

    /// Takes up new settings of this process.
    pub(super) fn reconfigure(&mut self, config: &Arc<BulkheadConfig>, out: u64) {
        self.wanted = config.clone();
        match &self.shared {
            Some(_) => self.find(out),
            None => {
                self.config = config.clone();
                self.resize(config.limit);
            }
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    pub(super) fn look_again(&mut self, out: u64) {
        if !self.cell.is_as_wanted() {
            self.find(out);
        }
    }

    /// A place inside, if there is one.
    pub(super) fn take(&self) -> Option<u32> {
        let limit = u64::from(self.limit());
        let taken = match &self.shared {
            Some(shared) => shared.seats.take(&self.cell, limit, self.total(MOST_EVER)).map(|seat| seat as u32),
            None => {
                // AcqRel: a place is taken once.
                let more = |in_use| (in_use < limit).then_some(in_use + 1);
                self.cell.word(IN_USE).fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok().map(|_| 0)
            }
        };
        if taken.is_some() {
            self.count(ADMITTED);
            crate::segment::point("permit taken");
        }
        taken
    }

    pub(super) fn give_back(&mut self, seat: u32, out: impl FnOnce() -> u64) {
        let Some(shared) = &self.shared else {
            let _ = self.cell.word(IN_USE).fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
            return;
        };
        shared.seats.give_back(&self.cell, seat as usize);
        crate::segment::point("permit returned");
        // Whoever took the place of this cell while we gave back may have carried the permit over.
        if !self.cell.is_current() {
            self.find(out());
            if let Some(shared) = &self.shared {
                shared.seats.give_back(&self.cell, seat as usize);
            }
        }
    }

    /// Takes back the places of the dead, now and then; how many they are.
    pub(super) fn reclaim(&mut self) -> u64 {
        let Some(shared) = &mut self.shared else { return 0 };
        let now = crate::segment::now();
        if now.saturating_sub(shared.swept) < SWEEP {
            return 0;
        }
        shared.swept = now;
        shared.seats.reclaim(&self.cell)
    }

    pub(super) fn limit(&self) -> u32 {
        self.cell.word(LIMIT).load(Ordering::Acquire).min(u32::MAX.into()) as u32
    }

    /// Sets the limit, of the whole host where the door is shared.
    pub(super) fn resize(&self, limit: u32) {
        let most = self.shared.as_ref().map_or(u32::MAX, |shared| shared.seats.capacity as u32);
        // Before the new limit: who takes by it knows what may have been taken before.
        self.cell.word(MOST_EVER).fetch_max(self.limit().into(), Ordering::AcqRel);
        self.cell.word(LIMIT).store(limit.min(most).into(), Ordering::Release);
    }

    pub(super) fn in_use(&self) -> u64 {
        match &self.shared {
            Some(shared) => shared.seats.in_use(&self.cell),
            None => self.cell.word(IN_USE).load(Ordering::Acquire),
        }
    }

    /// In a forked child: what the parent's callers hold is theirs, or, where the door is this
    /// process's own, nobody's.
    pub(super) fn forget_callers(&self) {
        if self.shared.is_none() {
            self.cell.word(IN_USE).store(0, Ordering::Release);
        }
    }

    pub(super) fn count(&self, total: usize) {
        // Relaxed: a total that nothing is decided by.
        self.cell.word(total).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn total(&self, total: usize) -> u64 {
        self.cell.word(total).load(Ordering::Relaxed)
    }
}

/// What changed in an old cell until its life ended.
pub(crate) fn carry_rest(old: &[AtomicU64], new: &[AtomicU64]) {
    cell::carry_rest(old.get(WORDS..).unwrap_or_default(), new.get(WORDS..).unwrap_or_default());
}

/// What a shared cell says; `None` if it is too small for its settings.
pub(super) fn peek(cell: &Block, config: &BulkheadConfig) -> Option<BulkheadSnapshot> {
    if cell.len() < WORDS + capacity(config) {
        return None;
    }
    let total = |word: usize| cell.word(word).load(Ordering::Relaxed);
    Some(BulkheadSnapshot {
        in_use: seats(config).in_use(cell),
        queued: 0,
        limit: total(LIMIT).min(u32::MAX.into()) as u32,
        admitted: total(ADMITTED),
        rejected_full: total(FULL),
        rejected_timeout: total(TIMED_OUT),
        cancelled: total(CANCELLED),
        stale: total(STALE),
    })
}
