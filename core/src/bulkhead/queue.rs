//! First come, first served; some of those served have not noticed yet.

use crate::permit::Permit;
use crate::sync::process_unique;
use crate::time::Tick;
use std::collections::{BTreeMap, HashMap};

#[derive(Default)]
pub(super) struct Queue {
    /// Tickets rise, so the map's order is the order of arrival.
    waiting: BTreeMap<u64, Waiter>,
    /// Permits handed to tickets that have not collected them.
    handed: HashMap<u64, Permit>,
}

struct Waiter {
    until: Option<Tick>,
    since: Tick,
}

impl Queue {
    pub(super) fn join(&mut self, until: Option<Tick>, since: Tick) -> u64 {
        // Unique in the whole process, so that a language can keep one table of waiters.
        let ticket = process_unique();
        self.waiting.insert(ticket, Waiter { until, since });
        ticket
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_first(&self, ticket: u64) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first == ticket)
    }

    /// Until when a ticket waits, and since when.
    pub(super) fn until(&self, ticket: u64) -> Option<(Option<Tick>, Tick)> {
        self.waiting.get(&ticket).map(|waiter| (waiter.until, waiter.since))
    }

    pub(super) fn leave(&mut self, ticket: u64) -> bool {
        self.waiting.remove(&ticket).is_some()
    }

    pub(super) fn hand_over(&mut self, permit: Permit) -> Option<u64> {
        let (ticket, _) = self.waiting.pop_first()?;
        self.handed.insert(ticket, permit);
        Some(ticket)
    }

    pub(super) fn collect(&mut self, ticket: u64) -> Option<Permit> {
        self.handed.remove(&ticket)
    }
}
