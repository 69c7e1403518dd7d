//! The places of a bulkhead in a cell that processes share, each with the process that has it.

use super::BulkheadSnapshot;
use crate::cell::{self, Block, Seats};
use crate::config::BulkheadConfig;
use crate::family::Spot;
use crate::segment::Home;
use crate::sync::{Arc, AtomicU64, Ordering};

/// What is counted, each in a word of its own.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Total {
    Admitted = 1,
    Full = 2,
    TimedOut = 3,
    Cancelled = 4,
    Stale = 5,
}

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

pub(super) struct Door {
    home: Home,
    key: Option<Box<str>>,
    /// What this process asked for; what is in force may be another's.
    wanted: Arc<BulkheadConfig>,
    pub config: Arc<BulkheadConfig>,
    cell: Block,
    seats: Seats,
    swept: u64,
}

fn capacity(config: &BulkheadConfig) -> usize {
    config.limit.saturating_mul(2).clamp(FEWEST, MOST) as usize
}

fn seats(config: &BulkheadConfig) -> Seats {
    Seats { first: WORDS, capacity: capacity(config) }
}

impl Door {
    /// The door of the host; `None` where that is not to be had.
    pub(super) fn at(config: &Arc<BulkheadConfig>, spot: Spot<'_>) -> Option<Door> {
        let (config, cell) = cell_of(spot.home, spot.key, config)?;
        Some(Door {
            home: spot.home.clone(),
            key: spot.key.map(Into::into),
            wanted: config.clone(),
            seats: seats(&config),
            config,
            cell,
            swept: 0,
        })
    }

    /// Looks for the cell in force; `false` if there is none to be had any more.
    fn find(&mut self) -> bool {
        let Some((config, cell)) = cell_of(&self.home, self.key.as_deref(), &self.wanted) else { return false };
        self.seats = seats(&config);
        self.config = config;
        self.cell = cell;
        true
    }

    /// Goes over to the cell in force where another took the place of ours.
    pub(super) fn keep_up(&mut self) -> bool {
        self.cell.is_current() || self.find()
    }

    /// Takes up new settings of this process.
    pub(super) fn reconfigure(&mut self, config: &Arc<BulkheadConfig>) -> bool {
        self.wanted = config.clone();
        self.find()
    }

    pub(super) fn look_again(&mut self) -> bool {
        self.cell.is_as_wanted() || self.find()
    }

    /// A place inside, if there is one.
    pub(super) fn take(&self) -> Option<u32> {
        let most = self.cell.word(MOST_EVER).load(Ordering::Relaxed);
        let seat = self.seats.take(&self.cell, u64::from(self.limit()), most)?;
        self.count(Total::Admitted);
        crate::segment::point("permit taken");
        Some(seat as u32)
    }

    pub(super) fn give_back(&mut self, seat: u32) -> bool {
        self.seats.give_back(&self.cell, seat as usize);
        crate::segment::point("permit returned");
        if self.cell.is_current() {
            return true;
        }
        // Whoever took the place of this cell while we gave back may have carried the permit over.
        let found = self.find();
        if found {
            self.seats.give_back(&self.cell, seat as usize);
        }
        found
    }

    /// Takes back the places of the dead, now and then; how many they are.
    pub(super) fn reclaim(&mut self) -> u64 {
        let now = crate::segment::now();
        if now.saturating_sub(self.swept) < SWEEP {
            return 0;
        }
        self.swept = now;
        self.seats.reclaim(&self.cell)
    }

    pub(super) fn limit(&self) -> u32 {
        self.cell.word(LIMIT).load(Ordering::Acquire).min(u32::MAX.into()) as u32
    }

    /// Sets the limit, of the whole host.
    pub(super) fn resize(&self, limit: u32) {
        let most = self.seats.capacity as u32;
        // Before the new limit: who takes by it knows what may have been taken before.
        self.cell.word(MOST_EVER).fetch_max(self.limit().into(), Ordering::AcqRel);
        self.cell.word(LIMIT).store(limit.min(most).into(), Ordering::Release);
    }

    pub(super) fn in_use(&self) -> u64 {
        self.seats.in_use(&self.cell)
    }

    pub(super) fn count(&self, total: Total) {
        // Relaxed: a total that nothing is decided by.
        self.cell.word(total as usize).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn total(&self, total: Total) -> u64 {
        self.cell.word(total as usize).load(Ordering::Relaxed)
    }
}

/// The cell in force and its settings.
fn cell_of(home: &Home, key: Option<&str>, wanted: &Arc<BulkheadConfig>) -> Option<(Arc<BulkheadConfig>, Block)> {
    let words = WORDS + capacity(wanted);
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
    let (config, found) = home.cell(key, wanted, words, &fill)?;
    (WORDS + capacity(&config) <= found.held.words().len()).then(|| (config, Block::mapped(found.held)))
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
    let word = |word: usize| cell.word(word).load(Ordering::Relaxed);
    let total = |total: Total| word(total as usize);
    Some(BulkheadSnapshot {
        in_use: seats(config).in_use(cell),
        queued: 0,
        limit: word(LIMIT).min(u32::MAX.into()) as u32,
        admitted: total(Total::Admitted),
        rejected_full: total(Total::Full),
        rejected_timeout: total(Total::TimedOut),
        cancelled: total(Total::Cancelled),
        stale: total(Total::Stale),
    })
}
