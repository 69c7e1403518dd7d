//! The state of a part as lines of atomic words, without pointers.
//!
//! A cell is addressed by word index; every index comes from the part's own settings, never from
//! the cell, and is bounds-checked: at each look, or for the first words of all once (`head.rs`). So the same code works
//! on the heap and on mapped memory.

mod division;
mod head;
mod latest;
mod lines;
#[cfg(all(test, loom))]
mod loom_tests;
mod near;
mod seats;
mod sums;
mod words;
mod writer;

pub(crate) use division::Division;
pub(crate) use head::Head;
pub(crate) use lines::{Line, Two};
pub(crate) use near::{Near, take_all_away};
pub(crate) use seats::{Homes, ROW, Seats, carry, carry_rest, close};
pub(crate) use words::Block;
pub(crate) use writer::{
    LENT, Writer, Writers, are_together, is_lent, keep_together, known_slot, lend, slot, slot_below, slot_or_none,
};

#[cfg(test)]
pub(crate) use writer::take_slot;

/// In a forked child, before anything else.
pub(crate) fn forked() {
    writer::forked();
    near::forked();
}

/// Words on one cache line.
pub(crate) const LINE: usize = 8;
