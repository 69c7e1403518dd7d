//! The state of a part as lines of atomic words, without pointers.
//!
//! A cell is addressed by word index; every index comes from the part's own settings, never from
//! the cell, and is bounds-checked. So the same code works on the heap and on mapped memory.

mod latest;
mod lines;
mod seats;
mod sums;
mod words;
mod writer;

pub(crate) use lines::Line;
pub(crate) use seats::{Homes, ROW, Seats, carry, carry_rest, give_back_first_of, take_first_of};
pub(crate) use words::Block;
pub(crate) use writer::{
    LENT, Writer, Writers, are_together, forked, is_lent, keep_together, known_slot, lend, slot, slot_below,
};

#[cfg(loom)]
pub(crate) use writer::take_slot;

/// Words on one cache line.
pub(crate) const LINE: usize = 8;

/// The words of one.
#[cfg(not(loom))]
pub(crate) type LineWords<'a> = &'a [crate::sync::AtomicU64; LINE];
#[cfg(loom)]
pub(crate) type LineWords<'a> = [&'a crate::sync::AtomicU64; LINE];
