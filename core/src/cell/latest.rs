//! The present of a cell: what bounds the instants that can stand in it.

use super::Block;
use crate::clock::Clock;
use crate::time::Tick;

impl Block {
    /// The latest instant that anybody can have read who wrote into this cell. A later one was scribbled
    /// there. Whoever was stopped comes with an old `now`, so the clock is read again: it is one for all
    /// processes of a host. On the heap nobody writes what he did not read, and nothing is too late.
    #[cold]
    pub(crate) fn latest(&self, now: Tick) -> Tick {
        match self.held() {
            None => Tick::NEVER,
            // A test's clock may be ahead of the machine's.
            Some(_) => now.max(Clock::monotonic().now()),
        }
    }
}
