//! One link of a door's chain: a cell that was asked for, or none, and the settings in force.

use super::{ADMITTED, LIMIT, MOST_EVER, WORDS, limit_of, most_of, note_limit, seats, words};
use crate::cell::{self, Block, Homes, Seats};
use crate::config::BulkheadConfig;
use crate::segment::{Home, Owner, sealed, unsealed};
use crate::sync::{Arc, AtomicU64, Ordering};

pub(in crate::bulkhead) struct State {
    /// What this process asked for; what is in force may be another's.
    pub(super) wanted: Arc<BulkheadConfig>,
    pub(super) config: Arc<BulkheadConfig>,
    pub(super) seats: Seats,
    /// Within the settings in force, so that a limit which was never lowered lets take the place at each.
    pub(super) homes: Homes,
    /// None where the segment cannot be used: then this process is by itself.
    pub(super) cell: Option<Block>,
}

impl State {
    /// Asks for the cell in force.
    pub(super) fn find(wanted: &Arc<BulkheadConfig>, home: &Home, key: Option<&str>) -> State {
        let fill = |new: &[AtomicU64], old: Option<(&BulkheadConfig, &[AtomicU64])>| {
            let old = old.map_or(&[] as &[AtomicU64], |(_, old)| old);
            // Relaxed: nobody else knows the new cell yet.
            new[..WORDS]
                .iter()
                .zip(old)
                .for_each(|(new, old)| new.store(old.load(Ordering::Acquire), Ordering::Relaxed));
            let admitted = cell::carry(old.get(WORDS..).unwrap_or_default(), &new[WORDS..words(wanted)]);
            new[ADMITTED].fetch_add(admitted, Ordering::Relaxed);
            // Permits of the old cell may lie above the new limit.
            let limit = u64::from(wanted.limit).min(seats(wanted).capacity as u64);
            let before = unsealed(new[LIMIT].swap(sealed(limit as usize), Ordering::Relaxed));
            if old.is_empty() {
                new[MOST_EVER].store(sealed(0), Ordering::Relaxed);
            }
            let most = note_limit(&new[MOST_EVER], limit.max(before.unwrap_or(0) as u64));
            if limit < most {
                cell::close(&new[WORDS..words(wanted)]);
            }
        };
        let found = home.cell(key, wanted, words(wanted), &fill);
        let fits = found.filter(|(config, found)| words(config) <= found.held.words().len());
        let (config, cell) = match fits {
            Some((config, found)) => {
                let cell = Block::mapped_up_to(words(&config), found.held);
                (config, Some(cell))
            }
            None => (wanted.clone(), None),
        };
        let (seats, homes) = (seats(&config), Homes::within(config.limit));
        let state = State { wanted: wanted.clone(), seats, homes, config, cell };
        let (places, limit) = (state.seats.capacity, state.config.limit.into());
        if state.cell.is_some() && limit > places as u64 {
            let advice = "there are no more in host scope; give processes, or keys, bulkheads of their own";
            home.has_fewer(places, limit, advice);
        }
        state
    }

    /// The limit in force, and the highest that there ever was.
    #[inline(always)]
    pub(super) fn limits(&self, cell: &Block) -> (u64, u64) {
        (limit_of(cell, &self.config, self.seats), most_of(cell, self.seats))
    }

    pub(super) fn take(&self, cell: &Block, me: Owner) -> Option<usize> {
        let home = self.homes.mine(me);
        self.mend_limit(cell);
        let seat = self.seats.take(cell, me, self.limits(cell), home)?;
        if !Seats::has_counted(seat, home) {
            // Relaxed: a total that nothing is decided by.
            cell.word(ADMITTED).fetch_add(1, Ordering::Relaxed);
        }
        Some(seat)
    }

    /// A limit that was scribbled over is the configured one again.
    fn mend_limit(&self, cell: &Block) {
        let seen = cell.word(LIMIT).load(Ordering::Acquire);
        if unsealed(seen).is_none() {
            self.seats.close(cell);
            let limit = sealed(limit_of(cell, &self.config, self.seats) as usize);
            // AcqRel: a resize meanwhile stays.
            let _ = cell.word(LIMIT).compare_exchange(seen, limit, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// The cell, and who this process is there.
    pub(super) fn at(&self) -> Option<(&Block, Owner)> {
        self.cell.as_ref().and_then(|cell| Some((cell, cell.owner()?)))
    }

    /// Whether nothing is new here.
    pub(super) fn is_as(&self, before: &State) -> bool {
        let held = |state: &State| state.cell.as_ref().and_then(Block::held).map(Arc::as_ptr);
        held(self) == held(before) && self.config == before.config && self.wanted == before.wanted
    }

    pub(super) fn is_current(&self) -> bool {
        self.cell.as_ref().is_none_or(Block::is_current)
    }

    /// Whether what is taken here comes along to `next`.
    pub(super) fn is_carried_to(&self, next: &State) -> bool {
        let segment = |state: &State| Some(state.cell.as_ref()?.held().map(|held| Arc::as_ptr(held.segment())));
        segment(self).is_some() && segment(self) == segment(next)
    }
}
