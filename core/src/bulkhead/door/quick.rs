//! The way of those who find their own place as they left it: no loop, no lock, no call of anything.

use super::{Door, LIMIT, MOST_EVER, State, WORDS};
use crate::cell::{self, LINE, LineWords, ROW};
use crate::segment::{self, Here};
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

/// The same as it is found.
struct Nearest<'a> {
    place: Place<'a>,
    here: Here<'a>,
    /// The line that it is the first of.
    line: LineWords<'a>,
    /// The first of the cell.
    limits: LineWords<'a>,
}

impl Door {
    /// Of the thread that has `slot`, if it has one.
    #[inline(always)]
    fn nearest(&self, slot: Option<usize>) -> Option<Nearest<'_>> {
        let (slot, state) = (slot?, self.state());
        let cell = state.cell.as_ref()?;
        let here = cell.here()?;
        let home = state.homes.of(here.near, slot);
        // The cell's block has no more than its places, so that there is no line without one.
        let line = cell.line(WORDS + home * LINE)?;
        Some(Nearest { place: Place { state, home }, here, line, limits: cell.line(0)? })
    }

    /// Takes the nearest place, if it is free and the limit was never lowered.
    #[inline(always)]
    pub(in crate::bulkhead) fn take_nearest(&self, slot: Option<usize>) -> Quick<'_> {
        let Some(Nearest { place, here, line, limits }) = self.nearest(slot) else { return Quick::Not };
        // The highest limit is sealed as this one is: where they are the same nobody lowered the one or
        // scribbled over either, and every home is within the limit.
        let is_highest = limits[LIMIT].load(Ordering::Acquire) == limits[MOST_EVER].load(Ordering::Acquire);
        if !is_highest || !cell::take_first_of(line, here.me) {
            return Quick::Not;
        }
        segment::point("permit taken");
        if here.lives() { Quick::Done } else { Quick::Late(place) }
    }

    /// Undoes that where the cell's life has ended: then nobody need have seen it.
    pub(in crate::bulkhead) fn undo(&self, Place { state, home }: Place<'_>) {
        self.undo_at(state, home * ROW);
    }

    /// Gives the nearest place back.
    #[inline(always)]
    pub(in crate::bulkhead) fn give_nearest(&self, slot: Option<usize>) -> Quick<'_> {
        let Some(Nearest { place, here, line, .. }) = self.nearest(slot) else { return Quick::Not };
        if self.unplaced() > 0 || !cell::give_back_first_of(line, here.me) {
            return Quick::Not;
        }
        segment::point("permit returned");
        if here.lives() { Quick::Done } else { Quick::Late(place) }
    }

    /// Goes after that where the cell's life has ended.
    pub(in crate::bulkhead) fn given_late(&self, Place { state, home }: Place<'_>) {
        if let Some((_, me)) = state.at() {
            self.follow(me, home * ROW);
        }
    }
}
