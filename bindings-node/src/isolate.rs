//! What one JavaScript thread holds of the core, and must give back when it ends.

use crate::slab::Slab;
use seawall::bulkhead::Loan;
use seawall::call::Call;
use seawall::permit::Permit;
use seawall::{Admission, Policy};
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

/// What a policy's number stands for.
pub(crate) struct Slot {
    pub holder: Holder,
    /// The number of the loan that its places are of.
    pub loan: Option<u32>,
}

pub(crate) struct Isolate {
    pub policies: Slab<Slot>,
    /// Places of bulkheads that this thread takes and puts back by itself.
    pub loans: Slab<Loan>,
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
            loans: Slab::new(),
            calls: Slab::new(),
            names: Vec::new(),
            wakes: Vec::new(),
            permits: None,
            tickets: None,
        }
    }

    /// The policy of a number.
    pub(crate) fn policy(&self, slot: u32) -> Option<Cow<'_, Policy>> {
        self.policies.get(slot).map(|slot| slot.holder.policy())
    }

    pub(crate) fn add(&mut self, holder: Holder) -> u32 {
        self.policies.add(Slot { holder, loan: None })
    }

    /// The number stands for nothing any more; calls that are under way go on.
    pub(crate) fn remove(&mut self, slot: u32) {
        if let Some(loan) = self.policies.take(slot).and_then(|slot| slot.loan) {
            self.retire(loan);
        }
    }

    /// From here on the number stands for another one.
    pub(crate) fn replace(&mut self, slot: u32, holder: Holder) {
        let Some(slot) = self.policies.get_mut(slot) else { return };
        slot.holder = holder;
        if let Some(loan) = slot.loan.take() {
            self.retire(loan);
        }
    }

    /// The place of an admission is in JavaScript's hands: the number of the loan that it is of.
    pub(crate) fn keep_place(&mut self, slot: u32, admission: Admission) -> Option<u32> {
        let known = self.policies.get(slot)?.loan;
        let fits = known.filter(|known| self.loans.get(*known).is_some_and(|loan| loan.is_for(admission)));
        let number = match fits {
            Some(number) => number,
            None => {
                let loan = self.policy(slot)?.lend(admission)?;
                // Before the number of the one before is free again: JavaScript tells them apart by it.
                let number = self.loans.add(loan);
                if let Some(known) = known {
                    self.retire(known);
                }
                self.policies.get_mut(slot)?.loan = Some(number);
                number
            }
        };
        self.loans.get(number)?.keep();
        Some(number)
    }

    /// The place of a loan goes with a report; an admission without one where there is no such loan.
    pub(crate) fn hand_over(&mut self, number: u32, admission: Admission) -> Admission {
        let Some(loan) = self.loans.get(number) else { return admission };
        let admission = loan.hand_over(admission);
        self.end_if_over(number);
        admission
    }

    /// What lies unused goes back, `more` places with it that could not be put there.
    pub(crate) fn hand_back(&mut self, number: u32, more: u32) {
        let Some(loan) = self.loans.get(number) else { return };
        for _ in 0..more {
            loan.put();
        }
        let wakes = loan.hand_back();
        self.end_if_over(number);
        self.wakes.extend(wakes);
    }

    /// The same where the leased place was left in a cell whose life had ended.
    pub(crate) fn left_late(&mut self, number: u32) {
        if let Some(loan) = self.loans.get(number) {
            loan.left_late();
        }
        self.hand_back(number, 0);
    }

    fn retire(&mut self, number: u32) {
        let Some(loan) = self.loans.get(number) else { return };
        let wakes = loan.retire();
        self.end_if_over(number);
        self.wakes.extend(wakes);
    }

    fn end_if_over(&mut self, number: u32) {
        if self.loans.get(number).is_some_and(Loan::is_over) {
            drop(self.loans.take(number));
        }
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
        drop(self.loans.take_all());
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
