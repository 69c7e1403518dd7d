//! Looking at a bulkhead without touching it.

use super::{Bulkhead, CANCELLED, ENTERED, FULL, STALE, TIMED_OUT, door};
use crate::cell::Block;
use crate::config::BulkheadConfig;
use crate::sync::Ordering;

/// A bulkhead at one instant.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BulkheadSnapshot {
    /// Permits that are out.
    pub in_use: u64,
    /// Callers that wait.
    pub queued: u64,
    /// Permits there are: the configured number, or that of a resize since.
    pub limit: u32,
    /// Callers let in, ever; those included that found the circuit open after, and went back.
    pub admitted: u64,
    /// Callers rejected because the queue was full, ever.
    pub rejected_full: u64,
    /// Callers that waited too long, ever.
    pub rejected_timeout: u64,
    /// Waiters that left by themselves.
    pub cancelled: u64,
    /// Permits that were given back twice, or are none of ours.
    pub stale: u64,
}

impl Bulkhead {
    /// Looks at a shared cell and changes nothing; `None` if it is too small.
    pub(crate) fn peek(cell: &Block, config: &BulkheadConfig) -> Option<BulkheadSnapshot> {
        door::peek(cell, config)
    }

    /// What there is now; changes nothing.
    pub fn look(&self) -> BulkheadSnapshot {
        let inside = self.inside.lock();
        let host = self.host.as_ref();
        let own = |word| self.own(word).load(Ordering::Relaxed);
        let total = |word| host.and_then(|door| door.total(word)).unwrap_or_else(|| own(word));
        BulkheadSnapshot {
            in_use: self.in_use().saturating_sub(Bulkhead::unused(&inside)),
            queued: inside.queue.waiting() as u64,
            limit: self.limit() as u32,
            admitted: host.and_then(|door| door.admitted()).unwrap_or_else(|| own(ENTERED)) + self.called(&inside),
            rejected_full: total(FULL),
            rejected_timeout: total(TIMED_OUT),
            cancelled: total(CANCELLED),
            stale: total(STALE),
        }
    }

    /// Nobody inside and nobody waiting.
    pub fn is_empty(&self) -> bool {
        let inside = self.inside.lock();
        self.in_use() == Bulkhead::unused(&inside) && inside.queue.is_empty()
    }
}
