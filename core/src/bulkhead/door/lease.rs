//! A place that one thread takes and leaves at hand by itself: one exchange each, and nobody is asked.
//!
//! It asks where any of this is not as it was when the place was let: whether this process is who it was
//! (before it takes), whether the limit is as it was (before), whether the cell still lives (after it took,
//! and after it left). Callers of this process without a place come with a change of the cell, or of who
//! this process is.

use super::{Door, LIMIT, MOST_EVER, State};
use crate::cell::Block;
use crate::segment::{Held, Owner, unsealed};
use crate::sync::{Arc, Ordering};

/// Which place that is, and what it was let under.
#[derive(Copy, Clone)]
pub(in crate::bulkhead) struct Lease {
    /// Of the chain of states, which had it.
    link: usize,
    pub seat: usize,
    me: Owner,
    /// As it stands in the cell, sealed; the highest limit that there ever was is the same.
    limit: u64,
    /// The word of the place while it is in use, and while it is at hand.
    words: [u64; 2],
}

/// How far a thread came by itself.
#[cfg(all(test, loom))]
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::bulkhead) enum By {
    Itself,
    /// By itself, in a cell whose life has ended meanwhile.
    Late,
    /// It must ask.
    Asking,
}

/// Where a driver finds the words of a leased place, and what they are.
pub struct Desk {
    /// The address and number of the words of 64 bits that it may look at. The first is as `pulse` says
    /// as long as the cell lives.
    pub words: (usize, usize),
    /// What the first word is.
    pub pulse: u64,
    /// A word that is as said for as long as this process is who it was.
    pub standing: (usize, usize),
    /// Which words are the limit and the highest that there ever was, and what they are.
    pub limits: [(usize, u64); 2],
    /// Which word is the place, what it is while in use, and while it is at hand. The halves of 32 bits
    /// below differ from everybody else's: it is enough to exchange these.
    pub place: (usize, u64, u64),
    /// Which word counts how often the place was taken; who has it adds to that.
    pub count: usize,
    held: Arc<Held>,
}

impl Desk {
    /// What keeps its addresses good.
    pub(in crate::bulkhead) fn held(&self) -> &Arc<Held> {
        &self.held
    }
}

impl Door {
    /// A place of this process that nobody else of it leases, if there is one, and nothing speaks against it.
    pub(in crate::bulkhead) fn lease(&self, is_let: impl Fn(usize) -> bool) -> Option<Lease> {
        let link = self.states.links().count() - 1;
        let (state, cell) = self.at_link(link)?;
        let (me, [limit, most]) = (cell.owner_if_current()?, raw_limits(cell));
        let open = unsealed(limit)?;
        if most != limit || self.unplaced() > 0 {
            return None;
        }
        let mut firsts = state.seats.firsts(open, state.homes.mine(me));
        let seat = firsts.find(|seat| state.seats.is_mine(cell, me, *seat) && !is_let(*seat))?;
        Some(Lease { link, seat, me, limit, words: state.seats.words_of(cell, me) })
    }

    /// Whether a thread would take it by itself if it were free.
    pub(in crate::bulkhead) fn is_let(&self, lease: &Lease) -> bool {
        let stands = |(state, cell): (&State, &Block)| {
            cell.owner_if_current() == Some(lease.me)
                && raw_limits(cell) == [lease.limit; 2]
                && state.seats.words_of(cell, lease.me) == lease.words
        };
        self.at_link(lease.link).is_some_and(stands)
    }

    /// What a driver does that leaves the place; `Late`: see [`Door::left_late`].
    #[cfg(all(test, loom))]
    pub(in crate::bulkhead) fn leave_at_hand(&self, lease: &Lease) -> By {
        let Some((state, cell)) = self.at_link(lease.link) else { return By::Asking };
        by(cell, state.seats.leave_at_hand(cell, lease.words, lease.seat))
    }

    /// Goes after a place that was left in a cell whose life has ended.
    pub(in crate::bulkhead) fn left_late(&self, lease: &Lease) {
        self.follow(lease.me, lease.seat);
    }

    /// Where a driver finds it.
    pub(in crate::bulkhead) fn desk(&self, lease: &Lease) -> Option<Desk> {
        let (state, cell) = self.at_link(lease.link)?;
        let held = cell.held()?;
        let (words, first, pulse) = held.with_pulse();
        let (standing, stands) = held.standing()?;
        let seats = state.seats;
        let last = first + seats.first + seats.words();
        let [taken, at_hand] = lease.words;
        Some(Desk {
            words: (words.get(..last)?.as_ptr().expose_provenance(), last),
            pulse,
            standing: (std::ptr::from_ref(standing).expose_provenance(), stands),
            limits: [LIMIT, MOST_EVER].map(|word| (first + word, lease.limit)),
            place: (first + seats.index_of(lease.seat), taken, at_hand),
            count: first + seats.count_of(lease.seat),
            held: held.clone(),
        })
    }

    fn at_link(&self, link: usize) -> Option<(&State, &Block)> {
        let state = self.states.links().nth(link)?;
        state.cell.as_ref().map(|cell| (state, cell))
    }
}

/// The limit, and the highest that there ever was, as they stand in the cell.
fn raw_limits(cell: &Block) -> [u64; 2] {
    [LIMIT, MOST_EVER].map(|word| cell.word(word).load(Ordering::Acquire))
}

#[cfg(all(test, loom))]
fn by(cell: &Block, done: bool) -> By {
    match done {
        false => By::Asking,
        true if cell.is_current() => By::Itself,
        true => By::Late,
    }
}
