//! What one JavaScript thread holds of the core, and must give back when it ends.

use crate::slab::Slab;
use seawall::Policy;
use seawall::call::Call;
use seawall::permit::Permit;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A policy, or the view of it for one key, which can be parked.
#[derive(Clone)]
pub(crate) enum Holder {
    Held(Policy),
    /// Room is needed for other keys: the cells of this one are nobody's until it is called again.
    Parked {
        whole: Policy,
        key: Box<str>,
    },
}

impl Holder {
    pub(crate) fn policy(&self) -> Cow<'_, Policy> {
        match self {
            Holder::Held(policy) => Cow::Borrowed(policy),
            Holder::Parked { whole, key } => Cow::Owned(whole.at(key)),
        }
    }
}

pub(crate) struct Isolate {
    pub policies: Slab<Holder>,
    pub calls: Slab<Box<Call>>,
    /// Classes of errors, by the numbers that reports name them by.
    pub names: Vec<Box<str>>,
    /// Tickets of other callers that are to be woken.
    pub wakes: Vec<u64>,
    /// Bulkhead permits taken by hand, by their bulkhead and number, and places in a queue.
    permits: Option<HashMap<(usize, u64), Policy>>,
    tickets: Option<HashMap<u64, Policy>>,
}

thread_local! {
    static ISOLATE: RefCell<Isolate> =
        const { RefCell::new(Isolate::new()) };
}

/// Works on what the calling thread holds; `None` while the thread is being taken down.
pub(crate) fn isolate<R>(work: impl FnOnce(&mut Isolate) -> R) -> Option<R> {
    ISOLATE.try_with(|isolate| isolate.try_borrow_mut().ok().map(|mut isolate| work(&mut isolate))).ok().flatten()
}

impl Isolate {
    const fn new() -> Isolate {
        Isolate {
            policies: Slab::new(),
            calls: Slab::new(),
            names: Vec::new(),
            wakes: Vec::new(),
            permits: None,
            tickets: None,
        }
    }

    /// The policy of a number.
    pub(crate) fn policy(&self, slot: u32) -> Option<Cow<'_, Policy>> {
        self.policies.get(slot).map(Holder::policy)
    }

    /// Keeps tickets for JavaScript to fetch; 1 if there are any.
    pub(crate) fn keep_wakes(&mut self, tickets: Vec<u64>) -> u32 {
        self.wakes.extend(tickets);
        u32::from(!self.wakes.is_empty())
    }

    pub(crate) fn holds_permit(&mut self, policy: &Policy, permit: u64) {
        self.permits.get_or_insert_default().insert((bulkhead(policy), permit), policy.clone());
    }
    pub(crate) fn gave_permit(&mut self, policy: &Policy, permit: u64) {
        self.permits.get_or_insert_default().remove(&(bulkhead(policy), permit));
    }
    pub(crate) fn holds_ticket(&mut self, policy: &Policy, ticket: u64) {
        self.tickets.get_or_insert_default().insert(ticket, policy.clone());
    }
    pub(crate) fn gave_ticket(&mut self, ticket: u64) {
        self.tickets.get_or_insert_default().remove(&ticket);
    }

    /// The thread ends, in the middle of whatever it did: its callers are gone.
    pub(crate) fn end(&mut self) {
        drop(self.calls.take_all());
        for (ticket, policy) in self.tickets.take().unwrap_or_default() {
            policy.registry().strand(policy.abandon(ticket));
        }
        for ((_, permit), policy) in self.permits.take().unwrap_or_default() {
            policy.registry().strand(policy.leave(Permit(permit)));
        }
    }
}

/// Policies that share a bulkhead share its permits' numbers.
fn bulkhead(policy: &Policy) -> usize {
    policy.bulkhead().map_or(0, |bulkhead| Arc::as_ptr(bulkhead).addr())
}
