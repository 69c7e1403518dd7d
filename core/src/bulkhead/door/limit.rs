//! How many may be inside on the whole host: in force, and highest ever.

use super::{Door, LIMIT, MOST, MOST_EVER};
use crate::cell::{Block, Seats};
use crate::config::BulkheadConfig;
use crate::segment::{sealed, unsealed};
use crate::sync::{AtomicU64, Ordering};

/// The limit in force: by a resize no higher than there are places. Where somebody scribbled over it, the
/// configured one.
pub(super) fn limit_of(cell: &Block, config: &BulkheadConfig, seats: Seats) -> u64 {
    let most = u64::from(config.limit).max(seats.capacity as u64);
    let limit = unsealed(cell.word(LIMIT).load(Ordering::Acquire));
    limit.map_or(u64::from(config.limit), |limit| limit as u64).min(most)
}

/// The highest limit there ever was. Where somebody scribbled over it, as many as there are places.
pub(super) fn most_of(cell: &Block, seats: Seats) -> u64 {
    unsealed(cell.word(MOST_EVER).load(Ordering::Acquire)).unwrap_or(seats.capacity) as u64
}

/// Notes that there was a limit; the highest there ever was.
pub(super) fn note_limit(most: &AtomicU64, limit: u64) -> u64 {
    let higher = |most: u64| unsealed(most).unwrap_or(MOST as usize).max(limit as usize);
    // AcqRel: who takes by a limit knows what may have been taken before.
    let before = most.fetch_update(Ordering::AcqRel, Ordering::Acquire, |most| Some(sealed(higher(most))));
    before.map_or(limit, |most| higher(most) as u64)
}

impl Door {
    pub(in crate::bulkhead) fn limit(&self) -> Option<u64> {
        self.with(|state, cell| limit_of(cell, &state.config, state.seats))
    }

    /// Sets the limit of the whole host.
    pub(in crate::bulkhead) fn resize(&self, limit: u32) {
        self.with(|state, cell| {
            let (places, wanted) = (state.seats.capacity, u64::from(limit));
            let limit = wanted.min(places as u64);
            if limit < wanted {
                let advice =
                    "more come with a `limit` in its settings, and a `revision` that is higher than that of others";
                self.home.has_fewer(places, wanted, advice);
            }
            // Before the new limit: who takes by it knows what may have been taken before.
            let most = note_limit(cell.word(MOST_EVER), limit_of(cell, &state.config, state.seats).max(limit));
            if limit < most {
                state.seats.close(cell);
            }
            // AcqRel: whoever set it last before us said before that how high it was.
            cell.word(LIMIT).swap(sealed(limit as usize), Ordering::AcqRel);
            // Once more, where that one made it higher meanwhile.
            if limit < most_of(cell, state.seats) {
                state.seats.close(cell);
            }
        });
    }
}
