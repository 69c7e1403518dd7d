//! Sums over the lines of all writers.

use super::{Block, LINE, Line, Writers};
use crate::segment;
use crate::sync::Ordering;

/// So many lines of a shared cell are summed without a loop: where no more threads of all its processes write.
const FEW: usize = if segment::WRITERS.own < 4 { segment::WRITERS.own } else { 4 };

impl Block {
    /// The sum of one word of each writer's line; the first line is at index `first`.
    #[inline(never)]
    pub(crate) fn sum(&self, first: usize, column: usize) -> u64 {
        self.sum_here(first, column)
    }

    /// [`Block::sum`] in line.
    #[inline(always)]
    pub(crate) fn sum_here(&self, first: usize, column: usize) -> u64 {
        let first = first + column;
        if !self.lines_are_together() {
            return self.sum_apart(first, column);
        }
        // What is not in use is zero.
        if self.held().is_some_and(|held| held.has_few_lines_in_use(FEW)) {
            return self.sum_of(first, FEW);
        }
        match self.lines_used() {
            // A number that is known beforehand needs no loop.
            None if self.writers() == Writers::HEAP => self.sum_of(first, Writers::HEAP.lines()),
            None => self.sum_all(first),
            Some(used) => {
                let own = self.sum_of(first, used.own);
                if used.shared == 0 { own } else { own.wrapping_add(self.sum_shared(first)) }
            }
        }
    }

    /// Of a file that is only looked at.
    #[cold]
    #[inline(never)]
    fn sum_all(&self, first: usize) -> u64 {
        self.sum_of(first, self.writers().lines())
    }

    /// Of the lines that several writers add to.
    #[cold]
    #[inline(never)]
    fn sum_shared(&self, first: usize) -> u64 {
        let writers = self.writers();
        self.sum_of(first + writers.own * LINE, writers.shared)
    }

    #[inline(always)]
    fn sum_apart(&self, first: usize, column: usize) -> u64 {
        // Acquire: as in `sum_of`. Lines that are not seen yet are those of writers who have done nothing
        // that is seen yet: each makes them before it counts.
        let sum = |further: &[Line]| {
            further.iter().map(|line| line.0[column].load(Ordering::Acquire)).fold(0, u64::wrapping_add)
        };
        let own = self.word(first).load(Ordering::Acquire);
        own.wrapping_add(self.further().map_or(0, sum))
    }

    #[inline(always)]
    fn sum_of(&self, first: usize, lines: usize) -> u64 {
        // Acquire: what was done before it was counted is seen.
        self.every(first, LINE, lines).map(|word| word.load(Ordering::Acquire)).fold(0, u64::wrapping_add)
    }
}
