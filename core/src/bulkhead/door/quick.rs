//! The way of those who find their own place as they left it: no loop, no lock, no call of anything.

use super::{Door, LIMIT, MOST_EVER, State};
use crate::cell::{self, Block, Here, ROW, Seats};
use crate::segment;
use crate::sync::Ordering;

/// How far it led.
pub(in crate::bulkhead) enum Quick<'a> {
    Done,
    /// Done, in a cell whose life has ended meanwhile.
    Late(Place<'a>),
    /// Nothing was done.
    Not,
}

/// A place at which this thread looks before all others.
pub(in crate::bulkhead) struct Place<'a> {
    state: &'a State,
    home: usize,
}

impl Door {
    #[inline(always)]
    fn nearest(&self) -> Option<(&State, &Block, Here<'_>, usize)> {
        // First: in a library it may be found by a call, over which all that is known by then is saved.
        let slot = cell::known_slot()?;
        let state = self.state();
        let cell = state.cell.as_ref()?;
        let here = cell.here()?;
        Some((state, cell, here, Seats::home_of(here.me, slot)))
    }

    /// Takes the nearest place, if it is free and the limit was never lowered.
    #[inline(always)]
    pub(in crate::bulkhead) fn take_nearest(&self) -> Quick<'_> {
        let Some((state, cell, here, home)) = self.nearest() else { return Quick::Not };
        let line = cell.line(0);
        let (limit, most) = (line[LIMIT].load(Ordering::Acquire), line[MOST_EVER].load(Ordering::Acquire));
        let Some(limit) = segment::unsealed(limit) else { return Quick::Not };
        if most > limit as u64 || !state.seats.take_first(cell, here.me, limit as u64, home) {
            return Quick::Not;
        }
        segment::point("permit taken");
        if here.lives() { Quick::Done } else { Quick::Late(Place { state, home }) }
    }

    /// Undoes that where the cell's life has ended: then nobody need have seen it.
    pub(in crate::bulkhead) fn undo(&self, Place { state, home }: Place<'_>) {
        if let Some((cell, me)) = state.at() {
            state.seats.give_back(cell, me, home * ROW);
            self.follow(me, home * ROW);
        }
    }

    /// Gives the nearest place back.
    #[inline(always)]
    pub(in crate::bulkhead) fn give_nearest(&self) -> Quick<'_> {
        let Some((state, cell, here, home)) = self.nearest() else { return Quick::Not };
        if self.unplaced() > 0 || !state.seats.give_back_first(cell, here.me, home) {
            return Quick::Not;
        }
        segment::point("permit returned");
        if here.lives() { Quick::Done } else { Quick::Late(Place { state, home }) }
    }

    /// Goes after that where the cell's life has ended.
    pub(in crate::bulkhead) fn given_late(&self, Place { state, home }: Place<'_>) {
        if let Some((_, me)) = state.at() {
            self.follow(me, home * ROW);
        }
    }
}
