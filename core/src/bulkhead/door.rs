//! The places of a bulkhead that processes share: words of a cell, each with the process that has it.

use super::BulkheadSnapshot;
use crate::cell::{self, Block, LINE, Seats};
use crate::config::BulkheadConfig;
use crate::family::Spot;
use crate::segment::Home;
use crate::sync::{Arc, AtomicU64, Ordering, RwLock};

// Line 0.
const ADMITTED: usize = 0;
/// In force: the configured limit, or that of a resize since.
const LIMIT: usize = 1;
/// The highest limit there ever was.
const MOST_EVER: usize = 2;
// Line 1 has the totals, at the same places as in a bulkhead of this process's own.
const WORDS: usize = 2 * LINE;
/// Places of a cell: room for a limit that grows, and no more than a search may take.
const FEWEST: u32 = 64;
const MOST: u32 = 1 << 16;

/// What processes that share a cell must agree on.
pub(crate) const SHAPE: [usize; 6] = [ADMITTED, LIMIT, MOST_EVER, WORDS, FEWEST as usize, MOST as usize];

/// How long one search for the places of the dead does, in nanoseconds.
const SWEEP: u64 = 5_000_000;

/// The door that all processes of the host use.
pub(super) struct Door {
    home: Home,
    key: Option<Box<str>>,
    state: RwLock<State>,
    swept: AtomicU64,
}

struct State {
    /// What this process asked for; what is in force may be another's.
    wanted: Arc<BulkheadConfig>,
    config: Arc<BulkheadConfig>,
    /// None where the segment cannot be used: then this process is by itself.
    cell: Option<Block>,
    /// Callers of this process inside who have no place in the cell: they came in before it was found.
    unplaced: AtomicU64,
}

fn seats(config: &BulkheadConfig) -> Seats {
    Seats { first: WORDS, capacity: config.limit.saturating_mul(2).clamp(FEWEST, MOST) as usize }
}

/// The limit in force: by a resize no higher than there are places.
fn limit_of(cell: &Block, config: &BulkheadConfig) -> u64 {
    let most = u64::from(config.limit).max(seats(config).capacity as u64);
    cell.word(LIMIT).load(Ordering::Acquire).min(most)
}

fn words(config: &BulkheadConfig) -> usize {
    WORDS + seats(config).capacity
}

impl State {
    /// Asks for the cell in force.
    fn find(&mut self, home: &Home, key: Option<&str>) {
        let wanted = self.wanted.clone();
        let fill = |new: &[AtomicU64], old: Option<(&BulkheadConfig, &[AtomicU64])>| {
            let old = old.map_or(&[] as &[AtomicU64], |(_, old)| old);
            // Relaxed: nobody else knows the new cell yet.
            new[..WORDS]
                .iter()
                .zip(old)
                .for_each(|(new, old)| new.store(old.load(Ordering::Acquire), Ordering::Relaxed));
            cell::carry(old.get(WORDS..).unwrap_or_default(), &new[WORDS..words(&wanted)]);
            // Permits of the old cell may lie above the new limit.
            let limit = u64::from(wanted.limit).min(seats(&wanted).capacity as u64);
            let before = new[LIMIT].swap(limit, Ordering::Relaxed);
            new[MOST_EVER].fetch_max(before, Ordering::Relaxed);
        };
        let found = home.cell(key, &wanted, words(&wanted), &fill);
        let fits = found.filter(|(config, found)| words(config) <= found.held.words().len());
        let (before, seats) = (self.cell.take(), self.seats());
        (self.config, self.cell) = match fits {
            Some((config, found)) => (config, Some(Block::mapped(found.held))),
            None => (wanted, None),
        };
        if let Some(before) = before {
            let carried = if self.is_carried_from(&before) { self.seats().capacity } else { 0 };
            self.unplaced.fetch_add(seats.from(carried).give_back_all(&before), Ordering::Relaxed);
        }
        self.place_all();
        let (places, wanted) = (self.seats().capacity, self.config.limit.into());
        if self.cell.is_some() && wanted > places as u64 {
            home.has_fewer(
                places,
                wanted,
                "there are no more in host scope; give processes, or keys, bulkheads of their own",
            );
        }
    }

    /// Whoever made the cell filled its places from those of `before`.
    fn is_carried_from(&self, before: &Block) -> bool {
        let segment = |cell: &Block| cell.held().map(|held| Arc::as_ptr(held.segment()));
        self.cell.as_ref().is_some_and(|cell| segment(cell) == segment(before))
    }

    /// Gives places to those inside who have none, as far as there are any.
    fn place_all(&self) {
        let Some(cell) = &self.cell else { return };
        // Relaxed: nobody else has the state.
        while self.unplaced.load(Ordering::Relaxed) > 0 && self.take(cell) {
            self.unplaced.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn take(&self, cell: &Block) -> bool {
        let (limit, most) = (limit_of(cell, &self.config), cell.word(MOST_EVER).load(Ordering::Acquire));
        self.seats().take(cell, limit, most).is_some()
    }

    /// One of those inside who had no place leaves.
    fn leaves_unplaced(&self) -> bool {
        // Relaxed: a count that goes with no other word.
        let less = |count: u64| count.checked_sub(1);
        self.unplaced.load(Ordering::Relaxed) > 0
            && self.unplaced.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn is_current(&self) -> bool {
        self.cell.as_ref().is_none_or(Block::is_current)
    }

    fn seats(&self) -> Seats {
        seats(&self.config)
    }
}

impl Door {
    pub(super) fn at(config: &Arc<BulkheadConfig>, spot: Spot<'_>) -> Door {
        let mut state =
            State { wanted: config.clone(), config: config.clone(), cell: None, unplaced: AtomicU64::new(0) };
        state.find(spot.home, spot.key);
        let key = spot.key.map(Into::into);
        Door { home: spot.home.clone(), key, state: RwLock::new(state), swept: AtomicU64::new(0) }
    }

    /// Acts on the cell in force; `None` where there is none.
    fn with<R>(&self, act: impl Fn(&State, &Block) -> R) -> Option<R> {
        loop {
            let state = self.state.read();
            if state.is_current() {
                return state.cell.as_ref().map(|cell| act(&state, cell));
            }
            drop(state);
            self.find_again();
        }
    }

    /// Goes over to the cell that took the place of ours.
    fn find_again(&self) {
        let mut state = self.state.write();
        if !state.is_current() {
            state.find(&self.home, self.key.as_deref());
        }
    }

    /// Takes up new settings of this process.
    pub(super) fn reconfigure(&self, config: &Arc<BulkheadConfig>) {
        let mut state = self.state.write();
        state.wanted = config.clone();
        state.find(&self.home, self.key.as_deref());
    }

    /// Asks again for settings that another process's stood before.
    pub(super) fn look_again(&self) {
        let mut state = self.state.write();
        if state.cell.as_ref().is_some_and(|cell| !cell.is_as_wanted()) {
            state.find(&self.home, self.key.as_deref());
        }
    }

    pub(super) fn is_alone(&self) -> bool {
        self.state.read().cell.is_none()
    }

    /// Asks once more for the cell that could not be had.
    pub(super) fn try_again(&self) {
        if !self.is_alone() || !self.home.tries_again() {
            return;
        }
        let mut state = self.state.write();
        state.find(&self.home, self.key.as_deref());
        if state.cell.is_some() {
            self.home.has_place();
        }
    }

    pub(super) fn config(&self) -> Arc<BulkheadConfig> {
        self.state.read().config.clone()
    }

    /// Takes a place, if there is one; `None` where this process is by itself.
    pub(super) fn take(&self) -> Option<bool> {
        let taken = self.with(|state, cell| {
            let taken = state.take(cell);
            if taken {
                cell.word(ADMITTED).fetch_add(1, Ordering::Relaxed);
            }
            taken
        });
        crate::segment::point("permit taken");
        taken
    }

    /// Somebody came in while this process is by itself.
    pub(super) fn came_unplaced(&self) {
        self.state.read().unplaced.fetch_add(1, Ordering::Relaxed);
    }

    /// In a forked child: whoever is inside is the parent's.
    pub(super) fn forget_callers(&self) {
        self.state.read().unplaced.store(0, Ordering::Relaxed);
    }

    /// Gives back a place of this process: they are all alike.
    #[inline(never)]
    pub(super) fn give_back(&self) {
        let state = self.state.read();
        if state.leaves_unplaced() {
            return;
        }
        let Some(cell) = &state.cell else { return };
        let seat = state.seats().give_back_one(cell);
        crate::segment::point("permit returned");
        if state.is_current() {
            return;
        }
        drop(state);
        // Whoever took the place of this cell while we gave back may have carried the permit over.
        self.find_again();
        let state = self.state.read();
        if let (Some(cell), Some(seat)) = (&state.cell, seat) {
            state.seats().give_back_carried(cell, seat);
        }
    }

    /// Takes back the places of the dead, now and then; how many they are.
    pub(super) fn reclaim(&self) -> u64 {
        let (now, swept) = (crate::segment::now(), self.swept.load(Ordering::Relaxed));
        // Relaxed: one of those who come at once looks, whoever that is.
        if now.saturating_sub(swept) < SWEEP {
            return 0;
        }
        self.swept.store(now, Ordering::Relaxed);
        self.with(|state, cell| state.seats().reclaim(cell)).unwrap_or(0)
    }

    pub(super) fn limit(&self) -> Option<u64> {
        self.with(|state, cell| limit_of(cell, &state.config))
    }

    /// Sets the limit of the whole host.
    pub(super) fn resize(&self, limit: u32) {
        self.with(|state, cell| {
            let (places, wanted) = (state.seats().capacity, u64::from(limit));
            let limit = wanted.min(places as u64);
            if limit < wanted {
                let advice =
                    "more come with a `limit` in its settings, and a `revision` that is higher than that of others";
                self.home.has_fewer(places, wanted, advice);
            }
            // Before the new limit: who takes by it knows what may have been taken before.
            cell.word(MOST_EVER).fetch_max(limit_of(cell, &state.config), Ordering::AcqRel);
            cell.word(LIMIT).store(limit, Ordering::Release);
        });
    }

    pub(super) fn in_use(&self) -> Option<u64> {
        self.with(|state, cell| state.seats().in_use(cell))
    }

    pub(super) fn admitted(&self) -> Option<u64> {
        self.total(ADMITTED)
    }

    /// Adds one to a total of line 1; `None` where this process is by itself.
    pub(super) fn count(&self, total: usize) -> Option<()> {
        // Relaxed: a total that nothing is decided by.
        self.with(|_, cell| _ = cell.word(total).fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn total(&self, total: usize) -> Option<u64> {
        self.with(|_, cell| cell.word(total).load(Ordering::Relaxed))
    }
}

/// What changed in an old cell until its life ended.
pub(crate) fn carry_rest(old: &[AtomicU64], new: &[AtomicU64]) {
    cell::carry_rest(old.get(WORDS..).unwrap_or_default(), new.get(WORDS..).unwrap_or_default());
}

/// What a shared cell says; `None` if it is too small for its settings.
pub(super) fn peek(cell: &Block, config: &BulkheadConfig) -> Option<BulkheadSnapshot> {
    if cell.len() < words(config) {
        return None;
    }
    let total = |word: usize| cell.word(word).load(Ordering::Relaxed);
    Some(BulkheadSnapshot {
        in_use: seats(config).in_use(cell),
        queued: 0,
        limit: limit_of(cell, config) as u32,
        admitted: total(ADMITTED),
        rejected_full: total(super::FULL),
        rejected_timeout: total(super::TIMED_OUT),
        cancelled: total(super::CANCELLED),
        stale: total(super::STALE),
    })
}
