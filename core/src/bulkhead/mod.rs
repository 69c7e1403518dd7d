//! How many may be inside at once, and who is next.
//!
//! The permits are words that nobody locks; the queue is behind a lock. While nobody waits, entering is
//! one compare-and-swap and leaving one addition. A permit that is given back goes to the first in
//! the queue, never to a newcomer: the lowest bit of `LEFT` says that somebody waits, and then both
//! take the queue's lock, which is held for a few instructions and never while anything else runs.
//! Who leaves and who begins to wait change the same word, so one of them sees the other. Where
//! processes share the bulkhead (`door.rs`) the places are the host's, taken and left by one exchange
//! each, these words only say who waits here, and whoever waits also looks by itself, every few
//! milliseconds.

mod door;
mod loan;
mod permits;
mod places;
mod queue;
mod snapshot;

pub use door::Desk;
pub use loan::{Loan, LoanMemory};
pub use snapshot::BulkheadSnapshot;

pub(crate) use door::{SHAPE, carry_rest, close};

use crate::cell::{LINE, Line, Near};
use crate::config::BulkheadConfig;
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::family::Spot;
use crate::permit::Permit;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, in_one_order};
use crate::time::{Span, Tick};
use door::Door;
use permits::Permits;
use queue::Queue;

// Line 0: who is inside. Both counts only rise; in use is what lies between them.
const ENTERED: usize = 0;
/// Twice the number of those that left, and 1 while somebody waits in this process.
const LEFT: usize = 1;
/// In force: the configured limit, or that of a resize since.
const LIMIT: usize = 2;
// Line 1: totals.
const FULL: usize = LINE;
const TIMED_OUT: usize = LINE + 1;
const CANCELLED: usize = LINE + 2;
const STALE: usize = LINE + 3;
/// Calls that were let in by loans that are over.
const FORMER: usize = LINE + 4;
const WAITED_FOR: u64 = 1;
const ONE_LEFT: u64 = 2;

/// Tickets whose holders must be woken; they then ask [`Bulkhead::poll`].
pub type Wakes = Vec<u64>;

/// What a caller got at the door.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    /// Inside: give the permit back when the work ends.
    Admitted(Permit),
    /// In the queue, at most `until`.
    Queued {
        /// Unique in the process; ask [`Bulkhead::poll`] with it.
        ticket: u64,
        /// The end of the wait; `None` without one.
        until: Option<Tick>,
    },
    /// Not let in.
    Refused(Refusal),
}

/// How a ticket stands.
#[derive(Clone, PartialEq, Debug)]
pub enum Poll {
    /// Inside: give the permit back when the work ends.
    Admitted(Permit),
    /// Still in the queue.
    Waiting {
        /// The end of the wait; `None` without one.
        until: Option<Tick>,
    },
    /// The wait was too long, or nobody knows the ticket.
    Refused(Refusal),
}

/// A bulkhead. All methods may be called from any thread; none blocks.
pub struct Bulkhead {
    /// This process's own words.
    own: [Line; 2],
    /// The door of the host, where processes share it.
    host: Option<Box<Door>>,
    /// Where threads look before they ask there.
    near: Option<Arc<Near>>,
    inside: Mutex<Inside>,
}

struct Inside {
    config: Arc<BulkheadConfig>,
    queue: Queue,
    out: Permits,
    loans: Vec<Arc<loan::Lent>>,
}

impl Bulkhead {
    /// A place of the core's own callers, who give it back once: it needs no name.
    pub(crate) const UNNAMED: Permit = Permit(0);

    /// An empty bulkhead that nobody else shares.
    pub fn new(config: &BulkheadConfig) -> Bulkhead {
        Bulkhead::at(&Arc::new(config.clone()), None)
    }

    /// At a spot that processes share; of this process's own where there is none.
    pub(crate) fn at(config: &Arc<BulkheadConfig>, spot: Option<Spot<'_>>) -> Bulkhead {
        let inside =
            Inside { config: config.clone(), queue: Queue::default(), out: Permits::default(), loans: Vec::new() };
        let host = spot.map(|spot| Box::new(Door::at(config, spot)));
        let near = host.as_ref().map(|door| door.near().clone());
        let bulkhead = Bulkhead { own: Default::default(), host, near, inside: Mutex::new(inside) };
        bulkhead.set_own_limit(config.limit);
        bulkhead
    }

    /// The word of that number.
    #[inline(always)]
    fn own(&self, word: usize) -> &AtomicU64 {
        &self.own[word / LINE].0[word % LINE]
    }

    /// One that other processes might share, for the model checker.
    #[cfg(all(test, loom))]
    fn as_if_shared(config: &BulkheadConfig) -> Bulkhead {
        let home = crate::segment::Home::nowhere();
        let config = Arc::new(config.clone());
        let host = Door::over(&config, Spot { home: &home, key: None });
        Bulkhead { near: Some(host.near().clone()), host: Some(Box::new(host)), ..Bulkhead::at(&config, None) }
    }

    /// Whether other processes take permits too, so that a waiter must look by itself.
    pub fn is_shared(&self) -> bool {
        self.host.is_some()
    }

    /// Whether other processes were to share it, and do not.
    pub(crate) fn is_alone(&self) -> bool {
        self.host.as_ref().is_some_and(|door| door.is_alone())
    }

    /// Asks once more for a place in the segment, where it could have none.
    pub(crate) fn try_again(&self) {
        if let Some(door) = &self.host {
            door.try_again();
        }
    }

    /// Asks again for settings that another process's stood before.
    pub(crate) fn look_again(&self) {
        if let Some(door) = &self.host {
            door.look_again();
        }
    }

    /// The settings in force.
    pub fn config(&self) -> BulkheadConfig {
        BulkheadConfig::clone(&self.in_force(&self.inside.lock()))
    }

    fn in_force(&self, inside: &Inside) -> Arc<BulkheadConfig> {
        self.host.as_ref().map_or_else(|| inside.config.clone(), |door| door.config())
    }

    /// Takes new settings up in place: permits that are out stay out, waiters keep their place, and
    /// those for whom there is room now come in.
    pub(crate) fn reconfigure(&self, config: &Arc<BulkheadConfig>, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        inside.config = config.clone();
        inside.queue.expire(now);
        if let Some(door) = &self.host {
            door.reconfigure(config);
        }
        self.set_own_limit(config.limit);
        self.call_in(&inside);
        self.admit_waiters(&mut inside)
    }

    /// A place for a caller of the core, which gives it back once with [`Bulkhead::leave_held`];
    /// `None` where it is full or somebody waits: then ask to enter.
    pub(crate) fn try_enter(&self) -> Option<Permit> {
        self.comes_in().then_some(Bulkhead::UNNAMED)
    }

    /// The same for a caller that needs no permit to know what it holds.
    pub(crate) fn comes_in(&self) -> bool {
        !self.is_waited_for() && self.take()
    }

    /// The same of one that no other process shares.
    #[inline(always)]
    pub(crate) fn comes_in_here(&self) -> bool {
        !self.is_waited_for() && self.take_own()
    }

    #[inline(always)]
    fn is_waited_for(&self) -> bool {
        // Acquire: who was seen to wait comes first.
        self.own(LEFT).load(Ordering::Acquire) & WAITED_FOR != 0
    }

    /// Where threads look before they ask, where processes share it.
    pub(crate) fn near(&self) -> Option<&Arc<Near>> {
        self.near.as_ref()
    }

    /// The place of a call goes back, however it was got.
    pub(crate) fn leave_held(&self, permit: Permit, cx: &mut Cx) -> Wakes {
        if permit != Bulkhead::UNNAMED {
            return self.leave(permit, cx);
        }
        if self.give() { Wakes::new() } else { self.admit_next(cx.now) }
    }

    pub(crate) fn admit_next(&self, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(now);
        self.admit_waiters(&mut inside)
    }

    /// Asks to come in. `max_wait` replaces the configured wait: `Some(None)` waits without limit,
    /// `Some(Some(ZERO))` does not wait.
    pub fn enter(&self, max_wait: Option<Option<Span>>, cx: &mut Cx) -> Entry {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        if inside.queue.is_empty() && (self.take_any(&inside) || self.take_of_the_dead(cx)) {
            self.say_who_waits(&inside);
            return Entry::Admitted(inside.out.issue());
        }
        let config = self.in_force(&inside);
        // Who asks to wait may, where the settings have no queue of their own.
        let queue = if max_wait.is_some() && config.queue == 0 { u32::MAX } else { config.queue };
        let wait = max_wait.unwrap_or(config.max_wait);
        if wait == Some(Span::ZERO) || inside.queue.waiting() >= queue as usize {
            self.say_who_waits(&inside);
            self.count(FULL);
            drop(inside);
            return Entry::Refused(self.refuse(Code::BulkheadFull, self.in_use(), self.limit(), cx));
        }
        let until = wait.map(|span| cx.now.after(span));
        let ticket = inside.queue.join(until, cx.now);
        self.say_who_waits(&inside);
        // Once more now that who leaves sees us: a place may have come free before.
        if let Some(permit) = self.admit_first(&mut inside, ticket, cx) {
            return Entry::Admitted(permit);
        }
        let count = inside.queue.waiting() as u64;
        drop(inside);
        cx.note(Note { count, ..Note::new(EventKind::Queued, PartKind::Bulkhead, cx.now) });
        Entry::Queued { ticket, until }
    }

    /// Looks how a ticket stands.
    pub fn poll(&self, ticket: u64, cx: &mut Cx) -> Poll {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            return Poll::Admitted(permit);
        }
        // Room may have come from elsewhere (another process); the first may take it.
        if let Some(permit) = self.admit_first(&mut inside, ticket, cx) {
            return Poll::Admitted(permit);
        }
        if let Some(until) = inside.queue.until(ticket) {
            return Poll::Waiting { until };
        }
        let late = inside.queue.take_late(ticket);
        self.say_who_waits(&inside);
        drop(inside);
        let Some(since) = late else {
            return Poll::Refused(Refusal::new(Code::StaleHandle));
        };
        self.count(TIMED_OUT);
        Poll::Refused(self.refuse(Code::BulkheadTimeout, self.in_use(), cx.now.since(since).0, cx))
    }

    /// A waiter leaves. A permit that was handed to it in that instant goes to the next.
    pub fn cancel(&self, ticket: u64, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            self.count(CANCELLED);
            inside.out.take_back(permit);
            self.give();
        } else if inside.queue.leave(ticket) {
            self.count(CANCELLED);
        }
        // Who was second may find room that the first had not been offered.
        self.admit_waiters(&mut inside)
    }

    /// A permit comes back. One that is not out changes nothing.
    pub fn leave(&self, permit: Permit, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        if inside.out.take_back(permit) {
            self.give();
        } else {
            self.count(STALE);
        }
        self.admit_waiters(&mut inside)
    }

    /// Changes the limit. Growing admits waiters; shrinking takes permits as they come back.
    pub fn resize(&self, limit: u32, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        self.set_limit(limit);
        self.call_in(&inside);
        self.admit_waiters(&mut inside)
    }

    /// In a forked child: what the parent's callers hold is not ours to give back.
    pub fn forget_callers(&self) {
        let mut inside = self.inside.lock();
        inside.queue = Queue::default();
        inside.out.forget();
        inside.loans.drain(..).for_each(|lent| lent.forget());
        let entered = self.own(ENTERED).load(Ordering::Acquire);
        self.own(LEFT).store(entered * ONE_LEFT, Ordering::Release);
        if let Some(door) = &self.host {
            door.forget_callers();
            door.near().keep_away(false);
        }
    }

    fn admit_waiters(&self, inside: &mut Inside) -> Wakes {
        let mut wakes = Wakes::new();
        while !inside.queue.is_empty() && self.take_any(inside) {
            let permit = inside.out.issue();
            wakes.extend(inside.queue.hand_over(permit));
        }
        self.say_who_waits(inside);
        wakes
    }

    /// Lets `ticket` in if it is the first and there is room.
    fn admit_first(&self, inside: &mut Inside, ticket: u64, cx: &mut Cx) -> Option<Permit> {
        if !inside.queue.is_first(ticket) || !(self.take_any(inside) || self.take_of_the_dead(cx)) {
            return None;
        }
        inside.queue.leave(ticket);
        self.say_who_waits(inside);
        Some(inside.out.issue())
    }

    /// Tells those without the lock whether somebody waits; called with it after each change.
    fn say_who_waits(&self, inside: &Inside) {
        self.recall(inside);
        let (left, waited_for) = (self.own(LEFT), !inside.queue.is_empty());
        if (left.load(Ordering::Relaxed) & WAITED_FOR != 0) == waited_for {
            return;
        }
        // SeqCst: who leaves changes the same word, or a place and then looks at this word. One that came
        // before is seen by the next look for room, one that comes after sees the mark.
        match waited_for {
            true => left.fetch_or(WAITED_FOR, Ordering::SeqCst),
            false => left.fetch_and(!WAITED_FOR, Ordering::SeqCst),
        };
        in_one_order();
        if let Some(near) = &self.near {
            near.keep_away(waited_for);
        }
    }

    fn refuse(&self, code: Code, used: u64, limit: u64, cx: &mut Cx) -> Refusal {
        cx.note(Note {
            reason: code.as_str(),
            count: used,
            ..Note::new(EventKind::Rejected, PartKind::Bulkhead, cx.now)
        });
        Refusal { used, limit, ..Refusal::new(code) }
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;
