//! A door without a segment, for the model checker.

use super::{Door, LIMIT, MOST_EVER, State, carry_rest, close, seats, words};
use crate::cell::{self, Block, Homes};
use crate::config::BulkheadConfig;
use crate::family::Spot;
use crate::segment::sealed;
use crate::sync::{Arc, Ordering};

impl State {
    fn over(config: &Arc<BulkheadConfig>) -> State {
        let (cell, seats) = (Block::new(words(config)), seats(config));
        for word in [LIMIT, MOST_EVER] {
            cell.word(word).store(sealed(config.limit as usize), Ordering::Relaxed);
        }
        let (wanted, config) = (config.clone(), config.clone());
        let homes = Homes::within(config.limit);
        State { wanted, config, seats, homes, cell: Some(cell) }
    }
}

impl Door {
    /// Over words that everybody takes for a cell in force, for the model checker.
    pub(crate) fn over(config: &Arc<BulkheadConfig>, spot: Spot<'_>) -> Door {
        Door::new(State::over(config), spot)
    }

    /// Another cell takes the place of the one in force, and this process goes over to it.
    pub(in crate::bulkhead) fn replace(&self) {
        let (state, next) = (self.state(), State::over(&self.config()));
        if let (Some(old), Some(new)) = (&state.cell, &next.cell) {
            let _ = cell::carry(&old.all()[super::WORDS..], &new.all()[super::WORDS..]);
            close(old.all());
            carry_rest(old.all(), new.all());
        }
        self.states.go_on(state, || next);
    }

    /// What a thread does that found the first cell before another took its place: it gives a place back there.
    pub(in crate::bulkhead) fn give_back_before(&self) {
        if !self.gives_back_at(self.states.first()) {
            self.give_back();
        }
    }

    /// The same of one that takes a place, which is of no use any more.
    pub(in crate::bulkhead) fn take_before(&self) {
        let state = self.states.first();
        if let Some((cell, me)) = state.at()
            && let Some(seat) = state.take(cell, me)
        {
            self.undo_at(state, seat);
        }
    }

    /// Whether its places are closed.
    pub(in crate::bulkhead) fn is_closed(&self) -> bool {
        let state = self.state();
        state.cell.as_ref().is_some_and(|cell| state.seats.are_closed(cell))
    }

    /// How many places are taken in the first cell.
    pub(in crate::bulkhead) fn in_use_before(&self) -> u64 {
        let state = self.states.first();
        state.cell.as_ref().map_or(0, |cell| state.seats.in_use(cell))
    }
}
