//! Sums over the lines of all writers.

use super::{Block, LINE, Line, Writers};
use crate::sync::Ordering;

impl Block {
    /// [`Block::sum`] of a block that no other process maps, in line.
    #[inline(always)]
    pub(crate) fn sum_here(&self, first: usize, column: usize) -> u64 {
        if self.lines_are_together() {
            self.sum_of(first + column, Writers::HEAP.lines())
        } else {
            self.sum_apart(first + column, column)
        }
    }

    #[inline(always)]
    pub(super) fn sum_apart(&self, first: usize, column: usize) -> u64 {
        // Acquire: as in `sum_of`. Lines that are not seen yet are those of writers who have done nothing
        // that is seen yet: each makes them before it counts.
        let sum = |further: &[Line]| {
            further.iter().map(|line| line.0[column].load(Ordering::Acquire)).fold(0, u64::wrapping_add)
        };
        let own = self.word(first).load(Ordering::Acquire);
        own.wrapping_add(self.further().map_or(0, sum))
    }

    #[inline(always)]
    pub(super) fn sum_of(&self, first: usize, lines: usize) -> u64 {
        // Acquire: what was done before it was counted is seen.
        self.every(first, LINE, lines).map(|word| word.load(Ordering::Acquire)).fold(0, u64::wrapping_add)
    }
}
