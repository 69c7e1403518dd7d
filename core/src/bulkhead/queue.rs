//! First come, first served; some of those served have not noticed yet.

use crate::permit::Permit;
use crate::sync::process_unique;
use crate::time::Tick;
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Default)]
pub(super) struct Queue {
    /// Tickets rise, so the map's order is the order of arrival.
    waiting: BTreeMap<u64, Waiter>,
    /// The ends of their waits, the next one first.
    ends: BTreeSet<(Tick, u64)>,
    /// Tickets whose time ended before anybody looked, with the time they joined at.
    late: HashMap<u64, Tick>,
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
        self.ends.extend(until.map(|until| (until, ticket)));
        ticket
    }

    /// Whose time is over leaves the queue: no permit goes to them, and nobody stands behind them.
    pub(super) fn expire(&mut self, now: Tick) {
        while let Some((until, ticket)) = self.ends.first().copied()
            && until <= now
        {
            let waiter = self.remove(ticket);
            self.late.extend(waiter.map(|waiter| (ticket, waiter.since)));
        }
    }

    fn remove(&mut self, ticket: u64) -> Option<Waiter> {
        let waiter = self.waiting.remove(&ticket)?;
        if let Some(until) = waiter.until {
            self.ends.remove(&(until, ticket));
        }
        Some(waiter)
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

    /// Until when a ticket waits, if it does.
    pub(super) fn until(&self, ticket: u64) -> Option<Option<Tick>> {
        self.waiting.get(&ticket).map(|waiter| waiter.until)
    }

    /// Since when a ticket waited whose time is over; the next look finds nothing.
    pub(super) fn take_late(&mut self, ticket: u64) -> Option<Tick> {
        self.late.remove(&ticket)
    }

    pub(super) fn leave(&mut self, ticket: u64) -> bool {
        self.late.remove(&ticket).is_some() || self.remove(ticket).is_some()
    }

    pub(super) fn hand_over(&mut self, permit: Permit) -> Option<u64> {
        let ticket = *self.waiting.first_key_value()?.0;
        self.remove(ticket);
        self.handed.insert(ticket, permit);
        Some(ticket)
    }

    pub(super) fn collect(&mut self, ticket: u64) -> Option<Permit> {
        self.handed.remove(&ticket)
    }
}
