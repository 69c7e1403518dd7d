//! The places of a bulkhead that processes share: words of a cell, each with the process that has it.

use super::BulkheadSnapshot;
use crate::cell::{self, Block, LINE, Near, ROW, Seats};
use crate::config::BulkheadConfig;
use crate::family::Spot;
use crate::segment::{Home, Owner};
use crate::sync::{Arc, AtomicU64, Chain, Mutex, Ordering};

// Line 0.
/// Those let in that no place counts, and under cells that this one took the place of.
const ADMITTED: usize = 0;
/// In force: the configured limit, or that of a resize since; sealed.
const LIMIT: usize = 1;
/// The highest limit there ever was, that in force included; sealed.
const MOST_EVER: usize = 2;
// Line 1 has the totals, at the same places as in a bulkhead of this process's own.
const WORDS: usize = 2 * LINE;
/// Places of a cell: room for a limit that grows, and no more than a search may take.
const FEWEST: u32 = 64;
const MOST: u32 = 1 << 16;

/// What processes that share a cell must agree on.
pub(crate) const SHAPE: [usize; 7] = [ADMITTED, LIMIT, MOST_EVER, WORDS, FEWEST as usize, MOST as usize, ROW];

/// How long one search for the places of the dead does, in nanoseconds.
const SWEEP: u64 = 5_000_000;

/// The door that all processes of the host use.
pub(super) struct Door {
    home: Home,
    key: Option<Box<str>>,
    /// Who comes and goes reads the last one and takes no lock.
    states: Chain<State>,
    /// Where threads look first; nothing where all are to ask.
    near: Arc<Near>,
    /// Held by who adds a link, or brings something near.
    changing: Mutex<()>,
    /// Callers of this process inside who have no place in the cell in force: they came in before it was
    /// found, or while there was none.
    unplaced: AtomicU64,
    swept: AtomicU64,
}

fn seats(config: &BulkheadConfig) -> Seats {
    Seats { first: WORDS, capacity: config.limit.saturating_mul(2).clamp(FEWEST, MOST) as usize }
}

fn words(config: &BulkheadConfig) -> usize {
    WORDS + seats(config).words()
}

impl Door {
    pub(super) fn at(config: &Arc<BulkheadConfig>, spot: Spot<'_>) -> Door {
        Door::new(State::find(config, spot.home, spot.key), spot)
    }

    fn new(first: State, spot: Spot<'_>) -> Door {
        Door {
            home: spot.home.clone(),
            key: spot.key.map(Into::into),
            states: Chain::new(first),
            near: Near::new(),
            changing: Mutex::new(()),
            unplaced: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn state(&self) -> &State {
        self.states.last()
    }

    /// Where threads look first.
    pub(super) fn near(&self) -> &Arc<Near> {
        &self.near
    }

    /// Has them find their places by themselves, as long as nothing speaks against it.
    #[cold]
    fn bring_near(&self) {
        let _changing = self.changing.lock();
        self.near.take_away();
        let state = self.state();
        // Callers without a place are to leave before those who have one.
        let stands = || state.cell.as_ref().filter(|_| self.unplaced() == 0)?.owner_if_current();
        if let (Some(cell), Some(me)) = (&state.cell, stands())
            && !state.seats.are_closed(cell)
        {
            self.near.bring(cell, me, state.seats, state.homes, || stands() == Some(me));
        }
    }

    /// Acts on the cell in force; `None` where there is none.
    fn with<R>(&self, act: impl Fn(&State, &Block) -> R) -> Option<R> {
        loop {
            let state = self.state();
            if state.is_current() {
                return state.cell.as_ref().map(|cell| act(state, cell));
            }
            self.find_again();
        }
    }

    /// Goes over to the cell that took the place of ours.
    #[cold]
    fn find_again(&self) {
        self.change(|state| (!state.is_current()).then(|| state.wanted.clone()));
    }

    /// Asks again, for what `wanted` says of the present state, if anything.
    fn change(&self, wanted: impl FnOnce(&State) -> Option<Arc<BulkheadConfig>>) {
        let _changing = self.changing.lock();
        let state = self.state();
        let Some(wanted) = wanted(state) else { return };
        let next = State::find(&wanted, &self.home, self.key.as_deref());
        if next.is_as(state) {
            return;
        }
        self.near.take_away();
        let carried = if state.is_carried_to(&next) { next.seats.capacity } else { 0 };
        let left_behind = self.carried_to(state).map(|taken| self.give_back_all(taken, state, carried)).sum();
        self.unplaced.fetch_add(left_behind, Ordering::AcqRel);
        self.place_all(&next);
        self.states.go_on(state, || next);
    }

    /// Gives back the places that were taken in one state and, in the last, are none of the first `kept`.
    fn give_back_all(&self, taken: &State, last: &State, kept: usize) -> u64 {
        let Some((cell, me)) = taken.at() else { return 0 };
        let free = |seat: &usize| taken.seats.give_back(cell, me, *seat);
        let forget = |seat| {
            if let Some((cell, me)) = last.at() {
                last.seats.give_back_carried(cell, me, seat);
            }
        };
        (kept..taken.seats.capacity).filter(free).map(forget).count() as u64
    }

    /// Gives places of a cell that nobody here knows yet to those inside who have none, as far as there
    /// are any.
    fn place_all(&self, next: &State) {
        let Some((cell, me)) = next.at() else { return };
        while self.unplaced() > 0
            && let Some(seat) = next.take(cell, me)
        {
            // Who left meanwhile needs none.
            if !self.leaves_unplaced() {
                next.seats.give_back(cell, me, seat);
            }
        }
    }

    /// Takes up new settings of this process.
    pub(super) fn reconfigure(&self, config: &Arc<BulkheadConfig>) {
        self.change(|_| Some(config.clone()));
    }

    /// Asks again for settings that another process's stood before, and for a cell that has ended.
    pub(super) fn look_again(&self) {
        // A cell that was scribbled over may have ended without a word to those who take places by themselves.
        let is_off = |state: &State| state.cell.as_ref().is_some_and(|cell| !cell.is_as_wanted() || !cell.is_current());
        self.change(|state| is_off(state).then(|| state.wanted.clone()));
    }

    pub(super) fn is_alone(&self) -> bool {
        self.state().cell.is_none()
    }

    /// Asks once more for the cell that could not be had.
    pub(super) fn try_again(&self) {
        if !self.is_alone() || !self.home.tries_again() {
            return;
        }
        self.change(|state| Some(state.wanted.clone()));
        if !self.is_alone() {
            self.home.has_place();
        }
    }

    pub(super) fn config(&self) -> Arc<BulkheadConfig> {
        self.state().config.clone()
    }

    /// Takes a place, if there is one; `None` where this process is by itself.
    pub(super) fn take(&self) -> Option<bool> {
        loop {
            let state = self.state();
            let cell = state.cell.as_ref()?;
            let Some(me) = cell.owner_if_current() else {
                self.find_again();
                continue;
            };
            let taken = state.take(cell, me);
            crate::segment::point("permit taken");
            match taken {
                // The cell's life may have ended meanwhile: then nobody need have seen this.
                Some(seat) if !cell.is_current() => self.undo_at(state, seat),
                taken => {
                    if !self.near.is_right(!state.seats.are_closed(cell) && self.unplaced() == 0) {
                        self.bring_near();
                    }
                    return Some(taken.is_some());
                }
            }
        }
    }

    /// Undoes that a place was taken.
    fn undo_at(&self, state: &State, seat: usize) {
        let Some((cell, me)) = state.at() else { return };
        match state.seats.give_back(cell, me, seat) {
            true => self.follow(me, seat),
            // Another of ours gave it back for his own, which is left to us.
            false => self.give_back(),
        }
    }

    /// Gives back a place of this process: they are all alike.
    pub(super) fn give_back(&self) {
        loop {
            let state = self.state();
            if self.unplaced() > 0 && self.leaves_unplaced() {
                return;
            }
            // Whose a place is that was carried over is decided in the cell where it was taken.
            if self.gives_back_at(state) || self.carried_to(state).any(|former| self.gives_back_at(former)) {
                return;
            }
            if self.is_settled(state) {
                return;
            }
        }
    }

    /// All states, this one included, whose places came along to it.
    fn carried_to<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a State> {
        self.states.links().filter(|former| std::ptr::eq(*former, state) || former.is_carried_to(state))
    }

    /// Gives back a place that was taken there, if there is one.
    fn gives_back_at(&self, state: &State) -> bool {
        let Some((cell, me)) = state.at() else { return false };
        let Some(seat) = state.seats.give_back_one(cell, me, state.homes.mine(me)) else { return false };
        crate::segment::point("permit returned");
        if !cell.is_current() || !std::ptr::eq(state, self.state()) {
            self.follow(me, seat);
        }
        true
    }

    /// Nothing of ours, unless somebody takes it away to count it elsewhere.
    #[cold]
    fn is_settled(&self, state: &State) -> bool {
        let _changing = self.changing.lock();
        std::ptr::eq(self.state(), state) && self.unplaced() == 0
    }

    /// Whoever took the place of the cell while we gave back there may have carried the permit over.
    #[cold]
    fn follow(&self, me: Owner, seat: usize) {
        loop {
            self.find_again();
            let state = self.state();
            // The oldest first: who carries on from one to the next looks once more whether it is still taken there.
            for known in self.carried_to(state) {
                if let Some(cell) = &known.cell {
                    known.seats.give_back_carried(cell, me, seat);
                }
            }
            // Else that one's place was taken meanwhile, and the permit carried on before this was seen.
            if state.is_current() {
                return;
            }
        }
    }

    #[inline(always)]
    fn unplaced(&self) -> u64 {
        // SeqCst here and below: ordered with the look, by who leaves, whether somebody waits.
        self.unplaced.load(Ordering::SeqCst)
    }

    /// Somebody comes in while this process is by itself, if fewer than `limit` are inside.
    pub(super) fn come_unplaced(&self, limit: u64) -> bool {
        let more = |count: u64| (count < limit).then_some(count + 1);
        let comes = self.unplaced.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok();
        self.near.take_away();
        comes
    }

    /// One of those inside who have no place leaves, or gets one; `false` if there is none.
    #[cold]
    fn leaves_unplaced(&self) -> bool {
        let less = |count: u64| count.checked_sub(1);
        self.unplaced.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }

    /// In a forked child: whoever is inside is the parent's.
    pub(super) fn forget_callers(&self) {
        self.unplaced.store(0, Ordering::Relaxed);
    }

    /// Takes back the places of the dead, now and then; how many they are.
    pub(super) fn reclaim(&self) -> u64 {
        let (now, swept) = (crate::segment::now(), self.swept.load(Ordering::Relaxed));
        // Relaxed: one of those who come at once looks, whoever that is.
        if now.saturating_sub(swept) < SWEEP {
            return 0;
        }
        self.swept.store(now, Ordering::Relaxed);
        self.with(|state, cell| state.seats.reclaim(cell)).unwrap_or(0)
    }

    pub(super) fn in_use(&self) -> u64 {
        self.with(|state, cell| state.seats.in_use(cell)).unwrap_or_else(|| self.unplaced())
    }

    pub(super) fn admitted(&self) -> Option<u64> {
        self.with(|state, cell| admitted(cell, state.seats))
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

mod lease;
mod limit;
#[cfg(all(test, loom))]
mod modelled;
mod state;

#[cfg(all(test, loom))]
pub(super) use lease::By;
pub use lease::Desk;
pub(super) use lease::Lease;
use limit::{limit_of, most_of, note_limit};
use state::State;

impl Drop for Door {
    fn drop(&mut self) {
        self.near.end();
    }
}

/// How many were ever let in: those of this cell, and before it.
fn admitted(cell: &Block, seats: Seats) -> u64 {
    cell.word(ADMITTED).load(Ordering::Relaxed).wrapping_add(seats.ever_taken(cell))
}

/// Has everybody look first who takes a place of a cell or gives one back: its life is about to end.
pub(crate) fn close(cell: &[AtomicU64]) {
    cell::close(cell.get(WORDS..).unwrap_or_default());
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
        limit: limit_of(cell, config, seats(config)) as u32,
        admitted: admitted(cell, seats(config)),
        rejected_full: total(super::FULL),
        rejected_timeout: total(super::TIMED_OUT),
        cancelled: total(super::CANCELLED),
        stale: total(super::STALE),
    })
}
