//! How many may be inside at once, and who is next.
//!
//! The permits in use are one word of a cell; the queue is this process's own. A permit that is
//! given back goes to the first in the queue, never to a newcomer: both happen under the queue's
//! lock, which is held for a few instructions and never while anything else runs.

mod queue;

use crate::cell::Block;
use crate::config::BulkheadConfig;
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::permit::Permit;
use crate::sync::{Mutex, Ordering};
use crate::time::{Span, Tick};
use queue::Queue;

const IN_USE: usize = 0;
const ADMITTED: usize = 1;
const FULL: usize = 2;
const TIMED_OUT: usize = 3;
const CANCELLED: usize = 4;
const STALE: usize = 5;

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

/// A bulkhead at one instant.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BulkheadSnapshot {
    /// Permits that are out.
    pub in_use: u64,
    /// Callers that wait.
    pub queued: u64,
    /// Permits there are: the configured number, or that of a resize since.
    pub limit: u32,
    /// Callers let in, ever.
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

/// A bulkhead. All methods may be called from any thread; none blocks.
pub struct Bulkhead {
    cell: Block,
    inside: Mutex<Inside>,
}

struct Inside {
    config: BulkheadConfig,
    /// In force: the configured one, or that of a resize since.
    limit: u32,
    queue: Queue,
    out: Permits,
}

/// Permits that are out, so that one given back twice frees one slot.
#[derive(Default)]
struct Permits {
    /// The serial number of each place's permit while it is out, else 0.
    places: Vec<u32>,
    free: Vec<u32>,
    serial: u32,
}

impl Permits {
    fn issue(&mut self) -> Permit {
        self.serial = self.serial.wrapping_add(1).max(1);
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(0);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = self.serial;
        Permit(u64::from(self.serial) << 32 | u64::from(place))
    }

    /// `false` if it is not out.
    fn take_back(&mut self, permit: Permit) -> bool {
        let (serial, place) = ((permit.0 >> 32) as u32, permit.0 as u32);
        match self.places.get_mut(place as usize) {
            Some(out) if *out == serial && serial != 0 => {
                *out = 0;
                self.free.push(place);
                true
            }
            _ => false,
        }
    }
}

impl Bulkhead {
    /// An empty bulkhead that nobody else shares.
    pub fn new(config: &BulkheadConfig) -> Bulkhead {
        let inside =
            Inside { config: config.clone(), limit: config.limit, queue: Queue::default(), out: Permits::default() };
        Bulkhead { cell: Block::new(8), inside: Mutex::new(inside) }
    }

    /// The settings in force.
    pub fn config(&self) -> BulkheadConfig {
        self.inside.lock().config.clone()
    }

    /// Takes new settings up in place: permits that are out stay out, waiters keep their place, and
    /// those for whom there is room now come in.
    pub(crate) fn reconfigure(&self, config: &BulkheadConfig, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        inside.config = config.clone();
        inside.queue.expire(now);
        inside.limit = config.limit;
        self.admit_waiters(&mut inside)
    }

    /// Asks to come in. `max_wait` replaces the configured wait: `Some(None)` waits without limit,
    /// `Some(Some(ZERO))` does not wait.
    pub fn enter(&self, max_wait: Option<Option<Span>>, cx: &mut Cx) -> Entry {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        if inside.queue.is_empty()
            && let Some(permit) = self.take(&mut inside)
        {
            return Entry::Admitted(permit);
        }
        // Who asks to wait may, where the settings have no queue of their own.
        let queue = if max_wait.is_some() && inside.config.queue == 0 { u32::MAX } else { inside.config.queue };
        let wait = max_wait.unwrap_or(inside.config.max_wait);
        if wait == Some(Span::ZERO) || inside.queue.waiting() >= queue as usize {
            self.count(FULL);
            let limit = inside.limit;
            drop(inside);
            return Entry::Refused(self.refuse(Code::BulkheadFull, self.in_use(), u64::from(limit), cx));
        }
        let until = wait.map(|span| cx.now.after(span));
        let ticket = inside.queue.join(until, cx.now);
        let count = inside.queue.waiting() as u64;
        drop(inside);
        cx.note(Note { count, ..Note::new(EventKind::Queued, PartKind::Bulkhead, cx.now) });
        Entry::Queued { ticket, until }
    }

    /// Comes in where there is room and nobody waits for it; else nothing has happened.
    pub(crate) fn walk_in(&self) -> Option<Permit> {
        let mut inside = self.inside.lock();
        if inside.queue.is_empty() { self.take(&mut inside) } else { None }
    }

    /// Looks how a ticket stands.
    pub fn poll(&self, ticket: u64, cx: &mut Cx) -> Poll {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            return Poll::Admitted(permit);
        }
        // Room may have come from elsewhere (a resize, another process); the first may take it.
        if inside.queue.is_first(ticket)
            && let Some(permit) = self.take(&mut inside)
        {
            inside.queue.leave(ticket);
            return Poll::Admitted(permit);
        }
        if let Some(until) = inside.queue.until(ticket) {
            return Poll::Waiting { until };
        }
        let Some(since) = inside.queue.take_late(ticket) else {
            return Poll::Refused(Refusal::new(Code::StaleHandle));
        };
        drop(inside);
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
            return self.free_slot(&mut inside);
        }
        if inside.queue.leave(ticket) {
            self.count(CANCELLED);
        }
        Wakes::new()
    }

    /// A permit comes back. One that is not out changes nothing.
    pub fn leave(&self, permit: Permit, cx: &mut Cx) -> Wakes {
        self.leave_at(permit, || cx.now)
    }

    /// The same; the time is asked for only if somebody waits.
    pub(crate) fn leave_at(&self, permit: Permit, now: impl FnOnce() -> Tick) -> Wakes {
        let mut inside = self.inside.lock();
        if !inside.queue.is_empty() {
            inside.queue.expire(now());
        }
        if !inside.out.take_back(permit) {
            drop(inside);
            self.count(STALE);
            return Wakes::new();
        }
        self.free_slot(&mut inside)
    }

    /// Changes the limit. Growing admits waiters; shrinking takes permits as they come back.
    pub fn resize(&self, limit: u32, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.queue.expire(cx.now);
        inside.limit = limit;
        self.admit_waiters(&mut inside)
    }

    /// What there is now; changes nothing.
    pub fn look(&self) -> BulkheadSnapshot {
        let inside = self.inside.lock();
        let total = |word| self.cell.word(word).load(Ordering::Relaxed);
        BulkheadSnapshot {
            in_use: self.in_use(),
            queued: inside.queue.waiting() as u64,
            limit: inside.limit,
            admitted: total(ADMITTED),
            rejected_full: total(FULL),
            rejected_timeout: total(TIMED_OUT),
            cancelled: total(CANCELLED),
            stale: total(STALE),
        }
    }

    /// Nobody inside and nobody waiting.
    pub fn is_empty(&self) -> bool {
        self.in_use() == 0 && self.inside.lock().queue.is_empty()
    }

    /// In a forked child: what the parent's callers hold is not ours to give back.
    pub fn forget_callers(&self) {
        let mut inside = self.inside.lock();
        inside.queue = Queue::default();
        inside.out = Permits { serial: inside.out.serial, ..Permits::default() };
        self.cell.word(IN_USE).store(0, Ordering::Release);
    }

    fn take(&self, inside: &mut Inside) -> Option<Permit> {
        let limit = u64::from(inside.limit);
        // AcqRel: a slot is taken once, whoever else maps the cell.
        let taken = self
            .cell
            .word(IN_USE)
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |in_use| (in_use < limit).then_some(in_use + 1));
        taken.ok().map(|_| {
            self.count(ADMITTED);
            inside.out.issue()
        })
    }

    fn free_slot(&self, inside: &mut Inside) -> Wakes {
        let _ = self.cell.word(IN_USE).fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
        self.admit_waiters(inside)
    }

    fn admit_waiters(&self, inside: &mut Inside) -> Wakes {
        let mut wakes = Wakes::new();
        while !inside.queue.is_empty()
            && let Some(permit) = self.take(inside)
        {
            wakes.extend(inside.queue.hand_over(permit));
        }
        wakes
    }

    fn in_use(&self) -> u64 {
        self.cell.word(IN_USE).load(Ordering::Acquire)
    }

    fn count(&self, total: usize) {
        // Relaxed: a total that nothing is decided by.
        self.cell.word(total).fetch_add(1, Ordering::Relaxed);
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

#[cfg(all(test, not(loom)))]
mod tests;
