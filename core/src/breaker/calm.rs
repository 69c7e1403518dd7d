//! A success of a calm time window, reported without a verdict.
//!
//! Within a slice nothing leaves the window, and a success makes no rate worse: once a verdict on a
//! slice has said that the window is calm, only a failure, which is judged by itself, or the next
//! slice, whose first ask judges it, can end that. So all that is left to do is to count.

use super::Breaker;
use super::layout::{CALM, EPOCH, OTHER_SUCCESS};
use super::tally::Shard;
use crate::permit::Permit;
use crate::sync::Ordering;
use crate::time::{Span, Tick};
use crate::window::time::{Column, Slice};

impl Breaker {
    /// Counts a success under `permit` and renews its writer's credit. `coarse` is a look at the clock that
    /// is late by no more than the span beside it. `false`: nothing is counted, it is to be recorded.
    pub(crate) fn count_calm(&self, shard: Shard, permit: Permit, coarse: impl FnOnce() -> (Tick, Span)) -> bool {
        // Slow calls are judged though they succeed.
        let Some(slices) = self.slices().filter(|_| self.config.slow_call.is_none()) else { return false };
        let word = self.word();
        if !word.pass() || word.gate() != permit.0 as u32 {
            return false;
        }
        // Acquire: the slice of the verdict has begun, and what its first ask booked is seen.
        let epoch = self.cell.word(EPOCH).load(Ordering::Acquire);
        if self.cell.word(CALM).load(Ordering::Acquire) != self.calm_mark(epoch) {
            return false;
        }
        let (read, late) = coarse();
        if !slices.holds(epoch, self.seen_time(read), self.seen_time(read.after(late))) {
            return false;
        }
        let slice = Slice { epoch, generation: word.generation() };
        let writer = self.writer(shard);
        self.add(writer, OTHER_SUCCESS);
        self.fold_with(writer, slices, slice, Column::Successes, 1);
        self.grant(writer, slice);
        true
    }

    /// A verdict on the slice has found the window calm.
    pub(super) fn mark_calm(&self, slice: Slice) {
        // Release: who sees the mark sees what the verdict was made of.
        self.cell.word(CALM).store(self.calm_mark(slice.epoch), Ordering::Release);
    }

    /// Of a slice, and of the rules by which it is calm: other handles of the cell, a reload, have others.
    /// Never zero, which says that nothing is calm.
    fn calm_mark(&self, epoch: u64) -> u64 {
        epoch.wrapping_add(1) ^ u64::from(self.rules) << 32
    }
}
