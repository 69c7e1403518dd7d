//! Places that one writer takes and puts back by itself.
//!
//! A call that ends may leave its place in the loan of its writer, whose next call takes it from
//! there: one exchange each, and nobody is asked. To the bulkhead such a place is taken; whoever finds
//! no room calls in, with the lock, what lies unused in loans. While somebody waits, or more places are
//! out than there are, loans are recalled: then each place is handed back as its call ends. Who puts
//! back and who waits change their own word before they look at the other's, so one sees the other.
//!
//! Of a bulkhead that processes share nothing lies unused in a loan: others could not call it in. There
//! a loan may have the lease of one place (`door/lease.rs`), which its writer leaves at hand. One that
//! has none is recalled for good.

#[cfg(all(test, loom))]
use super::door::By;
use super::door::{Desk, Lease};
use super::{Bulkhead, FORMER, Inside, Wakes};
use crate::admission::Admission;
use crate::cell::{Block, LINE};
use crate::policy::Policy;
use crate::segment::Held;
use crate::sync::{Arc, Ordering};
use crate::time::Tick;

/// Places that no call uses.
const UNUSED: usize = 0;
/// Calls that took one of them, as the bits of an `f64`: a language without whole numbers counts here.
const CALLED: usize = 1;
const RECALLED: usize = 2;
/// Places in all, used and unused. Only the core writes it, and the writer of a leased place, as it
/// takes and leaves that.
const LENT: usize = 3;

/// In `RECALLED`: somebody needs places now; no call will take from this loan again.
const NOW: u64 = 1;
const FOR_GOOD: u64 = 2;
/// It has a lease: who does not use that hands every place back.
const LEASED: u64 = 4;

/// The words of a loan, and its lease.
pub(crate) struct Lent(Block, Option<Lease>);

/// Keeps the words of a loan, or those around its leased place, and nothing else.
pub struct LoanMemory {
    _lent: Arc<Lent>,
    _held: Option<Arc<Held>>,
}

/// The places that one writer has of a bulkhead. Dropped, they all go back: the writer is gone.
pub struct Loan {
    policy: Policy,
    epoch: u64,
    bulkhead: Arc<Bulkhead>,
    lent: Arc<Lent>,
}

impl Policy {
    /// A loan for the places of admissions like this one; `None` if it has none.
    pub fn lend(&self, admission: Admission) -> Option<Loan> {
        let bulkhead = self.live_at(admission).parts.bulkhead.clone().filter(|_| admission.placed)?;
        let lent = bulkhead.lend();
        Some(Loan { policy: self.clone(), epoch: admission.epoch, bulkhead, lent })
    }
}

impl Loan {
    /// Whether the place of an admission of its policy can be of this loan.
    pub fn is_for(&self, admission: Admission) -> bool {
        let is_good = admission.placed && admission.epoch == self.epoch && self.lent.recalled() & FOR_GOOD == 0;
        is_good && self.bulkhead.lends_as(&self.lent)
    }

    /// The place of an admission is the writer's, who puts it back, or hands it over with a report.
    pub fn keep(&self) {
        self.lent.0.word(LENT).fetch_add(1, Ordering::Relaxed);
    }

    /// A place in use is handed over: `admission` holds it.
    pub fn hand_over(&self, admission: Admission) -> Admission {
        self.lent.0.word(LENT).fetch_sub(1, Ordering::Relaxed);
        Admission { epoch: self.epoch, placed: true, ..admission }
    }

    /// A place for a call, if one lies unused.
    pub fn take(&self) -> bool {
        self.lent.take()
    }

    /// Puts a place back. `true`: the loan is recalled, see [`Loan::hand_back`].
    pub fn put(&self) -> bool {
        self.lent.put()
    }

    /// What lies unused goes back. Tickets that got in are to be woken.
    pub fn hand_back(&self) -> Wakes {
        let registry = self.policy.registry();
        let mut wakes = self.bulkhead.hand_back(&self.lent, registry.clock().now());
        wakes.extend(registry.take_stranded());
        wakes
    }

    /// No call will take from it any more: what is in use is handed back as its call ends. Tickets
    /// that got in are to be woken.
    pub fn retire(&self) -> Wakes {
        self.lent.0.word(RECALLED).fetch_or(FOR_GOOD, Ordering::SeqCst);
        self.hand_back()
    }

    /// It is retired, and nothing of it is out: it may be dropped.
    pub fn is_over(&self) -> bool {
        self.lent.recalled() & FOR_GOOD != 0 && self.lent.0.word(LENT).load(Ordering::Relaxed) == 0
    }

    /// Where a driver finds its words of 64 bits, to take and put by itself: places unused (32 bits, by atomic
    /// exchange), calls that took one (an `f64` that it alone adds to), and whether it is recalled.
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self.lent.0.word(UNUSED)).expose_provenance()
    }

    /// What keeps [`Loan::address`] good.
    pub fn memory(&self) -> LoanMemory {
        LoanMemory { _lent: self.lent.clone(), _held: None }
    }

    /// Where a driver finds the leased place; what keeps that good.
    pub fn desk(&self) -> Option<(Desk, LoanMemory)> {
        let desk = self.bulkhead.host.as_ref()?.desk(self.lent.1.as_ref()?)?;
        let memory = LoanMemory { _lent: self.lent.clone(), _held: Some(desk.held().clone()) };
        Some((desk, memory))
    }

    /// The writer left its leased place at hand where the life of the cell had ended.
    pub fn left_late(&self) {
        self.bulkhead.left_late(&self.lent);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let registry = self.policy.registry();
        registry.strand(self.bulkhead.end_loan(&self.lent, registry.clock().now()));
    }
}

impl Lent {
    fn take(&self) -> bool {
        let unused = self.0.word(UNUSED);
        // Acquire: what the last call inside did is seen.
        let one_less = |unused: u64| unused.checked_sub(1);
        let taken = unused.fetch_update(Ordering::SeqCst, Ordering::Acquire, one_less).is_ok();
        if taken {
            let called = self.0.word(CALLED);
            let count = f64::from_bits(called.load(Ordering::Relaxed)) + 1.0;
            called.store(count.to_bits(), Ordering::Relaxed);
        }
        taken
    }

    pub(crate) fn put(&self) -> bool {
        // SeqCst, as the look after it: who waits does the same the other way round.
        self.0.word(UNUSED).fetch_add(1, Ordering::SeqCst);
        self.recalled() != 0
    }

    fn recalled(&self) -> u64 {
        self.0.word(RECALLED).load(Ordering::SeqCst)
    }

    /// What is out is nobody's.
    pub(super) fn forget(&self) {
        self.0.word(RECALLED).fetch_or(FOR_GOOD, Ordering::SeqCst);
        self.0.word(UNUSED).store(0, Ordering::Relaxed);
        self.0.word(LENT).store(0, Ordering::Relaxed);
    }
    fn unused(&self) -> u64 {
        self.0.word(UNUSED).load(Ordering::Acquire)
    }
    fn called(&self) -> u64 {
        f64::from_bits(self.0.word(CALLED).load(Ordering::Relaxed)) as u64
    }
}

impl Bulkhead {
    pub(crate) fn lend(&self) -> Arc<Lent> {
        let mut inside = self.inside.lock();
        let lent = Lent(Block::new(LINE), self.lease(&inside));
        // Relaxed: nobody else knows the loan yet.
        lent.0.word(RECALLED).store(if lent.1.is_some() { LEASED } else { 0 }, Ordering::Relaxed);
        let lent = Arc::new(lent);
        inside.loans.push(lent.clone());
        self.recall(&inside);
        lent
    }

    /// A place for a loan, if this is shared and there is one that no other loan has.
    fn lease(&self, inside: &Inside) -> Option<Lease> {
        let door = self.host.as_ref()?;
        let others =
            || inside.loans.iter().filter(|lent| lent.recalled() & FOR_GOOD == 0).filter_map(|lent| lent.1.as_ref());
        door.lease(|seat| others().any(|lease| lease.seat == seat && door.is_let(lease)))
    }

    /// Whether a loan made now would be no better.
    fn lends_as(&self, lent: &Lent) -> bool {
        let Some(door) = &self.host else { return true };
        match &lent.1 {
            Some(lease) => door.is_let(lease),
            None => self.lease(&self.inside.lock()).is_none(),
        }
    }

    /// What a driver does that leaves the leased place; and whether the loan is recalled.
    #[cfg(all(test, loom))]
    pub(super) fn leave_by_itself(&self, lent: &Lent) -> (By, bool) {
        let left =
            self.host.as_ref().zip(lent.1.as_ref()).map_or(By::Asking, |(door, lease)| door.leave_at_hand(lease));
        (left, lent.recalled() != LEASED)
    }

    pub(crate) fn left_late(&self, lent: &Lent) {
        if let Some((door, lease)) = self.host.as_ref().zip(lent.1.as_ref()) {
            door.left_late(lease);
        }
    }

    pub(crate) fn hand_back(&self, lent: &Lent, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(now);
        self.call_in_one(lent);
        self.admit_waiters(&mut inside)
    }

    fn end_loan(&self, lent: &Arc<Lent>, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(now);
        inside.loans.retain(|other| !Arc::ptr_eq(other, lent));
        lent.0.word(RECALLED).fetch_or(FOR_GOOD, Ordering::SeqCst);
        self.own(FORMER).fetch_add(lent.called(), Ordering::Relaxed);
        self.give_some(lent.0.word(LENT).swap(0, Ordering::AcqRel));
        self.admit_waiters(&mut inside)
    }

    /// One more inside: who has the lock calls in what lies unused.
    pub(super) fn take_any(&self, inside: &Inside) -> bool {
        self.take() || (self.call_in(inside) && self.take())
    }

    /// Whether there was anything.
    pub(super) fn call_in(&self, inside: &Inside) -> bool {
        let mut any = false;
        for lent in &inside.loans {
            any |= self.call_in_one(lent);
        }
        any
    }

    fn call_in_one(&self, lent: &Lent) -> bool {
        // SeqCst: see `put`. Of this loan only the holder of the lock takes several.
        let unused = lent.0.word(UNUSED).swap(0, Ordering::SeqCst);
        lent.0.word(LENT).fetch_sub(unused, Ordering::Relaxed);
        self.give_some(unused);
        unused > 0
    }

    /// Tells writers whether places are to be handed back; called with the lock after each change.
    pub(super) fn recall(&self, inside: &Inside) {
        if inside.loans.is_empty() {
            return;
        }
        let wanted = !inside.queue.is_empty() || (!self.is_shared() && self.is_over_full());
        for lent in &inside.loans {
            let wanted = wanted || (self.is_shared() && lent.1.is_none());
            let recalled = lent.0.word(RECALLED);
            match wanted {
                true => recalled.fetch_or(NOW, Ordering::SeqCst),
                false => recalled.fetch_and(!NOW, Ordering::SeqCst),
            };
        }
    }

    /// Places that are taken and lie unused.
    pub(super) fn unused(inside: &Inside) -> u64 {
        inside.loans.iter().map(|lent| lent.unused()).sum()
    }

    /// Calls that were let in by loans.
    pub(super) fn called(&self, inside: &Inside) -> u64 {
        let now: u64 = inside.loans.iter().map(|lent| lent.called()).sum();
        now + self.own(FORMER).load(Ordering::Relaxed)
    }
}
