//! How many may be inside at once, and who is next.
//!
//! The permits in use are words of a cell (`door.rs`); the queue is this process's own. A permit that
//! is given back goes to the first in the queue, never to a newcomer: both happen under the queue's
//! lock, which is held for a few instructions and never while anything else runs. Where processes
//! share the cell, whoever waits also looks by itself, every few milliseconds.

mod door;
mod queue;

pub(crate) use door::carry_rest;

use crate::cell::Block;
use crate::config::BulkheadConfig;
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::family::Spot;
use crate::permit::Permit;
use crate::sync::{Arc, Mutex};
use crate::time::{Span, Tick};
use door::{ADMITTED, CANCELLED, Door, FULL, STALE, TIMED_OUT};
use queue::Queue;

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
    inside: Mutex<Inside>,
}

struct Inside {
    door: Door,
    queue: Queue,
    out: Permits,
}

/// Permits that are out, so that one given back twice frees one place.
#[derive(Default)]
struct Permits {
    /// The serial number of each number's permit while it is out, else 0, and its place inside.
    numbers: Vec<(u32, u32)>,
    free: Vec<u32>,
    serial: u32,
}

impl Permits {
    fn issue(&mut self, seat: u32) -> Permit {
        self.serial = self.serial.wrapping_add(1).max(1);
        let number = self.free.pop().unwrap_or_else(|| {
            self.numbers.push((0, 0));
            self.numbers.len() as u32 - 1
        });
        self.numbers[number as usize] = (self.serial, seat);
        Permit(u64::from(self.serial) << 32 | u64::from(number))
    }

    /// The place that becomes free; `None` if the permit is not out.
    fn take_back(&mut self, permit: Permit) -> Option<u32> {
        let (serial, number) = ((permit.0 >> 32) as u32, permit.0 as u32);
        match self.numbers.get_mut(number as usize) {
            Some((out, seat)) if *out == serial && serial != 0 => {
                *out = 0;
                self.free.push(number);
                Some(*seat)
            }
            _ => None,
        }
    }

    fn out(&self) -> u64 {
        (self.numbers.len() - self.free.len()) as u64
    }
}

impl Inside {
    /// What is in force now: the cell, and who waits still.
    fn keep_up(&mut self, now: Tick) {
        if self.door.is_stale() {
            self.door.find(self.out.out());
        }
        self.queue.expire(now);
    }

    fn take(&mut self) -> Option<Permit> {
        self.door.take().map(|seat| self.out.issue(seat))
    }

    /// The same for who found none: the dead may have had it.
    fn take_of_the_dead(&mut self, cx: &mut Cx) -> Option<Permit> {
        let count = self.door.reclaim();
        if count == 0 {
            return None;
        }
        let note = Note::new(EventKind::PermitReclaimed, PartKind::Bulkhead, cx.now);
        cx.note(Note { reason: "process_died", count, ..note });
        self.take()
    }

    fn give_back(&mut self, seat: u32) -> Wakes {
        let out = &self.out;
        self.door.give_back(seat, || out.out());
        self.admit_waiters()
    }

    fn admit_waiters(&mut self) -> Wakes {
        let mut wakes = Wakes::new();
        while !self.queue.is_empty()
            && let Some(permit) = self.take()
        {
            wakes.extend(self.queue.hand_over(permit));
        }
        wakes
    }
}

impl Bulkhead {
    /// An empty bulkhead that nobody else shares.
    pub fn new(config: &BulkheadConfig) -> Bulkhead {
        Bulkhead::behind(Door::new(&Arc::new(config.clone())))
    }

    /// At a spot that processes share; of this process's own where there is none.
    pub(crate) fn at(config: &Arc<BulkheadConfig>, spot: Option<Spot<'_>>) -> Bulkhead {
        Bulkhead::behind(match spot {
            Some(spot) => Door::at(config, spot),
            None => Door::new(config),
        })
    }

    fn behind(door: Door) -> Bulkhead {
        Bulkhead { inside: Mutex::new(Inside { door, queue: Queue::default(), out: Permits::default() }) }
    }

    /// The settings in force.
    pub fn config(&self) -> BulkheadConfig {
        BulkheadConfig::clone(&self.inside.lock().door.config)
    }

    /// Whether other processes take permits too, so that a waiter must look by itself.
    pub fn is_shared(&self) -> bool {
        self.inside.lock().door.is_shared()
    }

    /// Takes new settings up in place: permits that are out stay out, waiters keep their place, and
    /// those for whom there is room now come in.
    pub(crate) fn reconfigure(&self, config: &Arc<BulkheadConfig>, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        let out = inside.out.out();
        inside.door.reconfigure(config, out);
        inside.queue.expire(now);
        inside.admit_waiters()
    }

    /// Asks again for settings that another process's stood before.
    pub(crate) fn look_again(&self) {
        let mut inside = self.inside.lock();
        let out = inside.out.out();
        inside.door.look_again(out);
    }

    /// Asks to come in. `max_wait` replaces the configured wait: `Some(None)` waits without limit,
    /// `Some(Some(ZERO))` does not wait.
    pub fn enter(&self, max_wait: Option<Option<Span>>, cx: &mut Cx) -> Entry {
        let mut inside = self.inside.lock();
        inside.keep_up(cx.now);
        if inside.queue.is_empty() {
            let taken = inside.take();
            if let Some(permit) = taken.or_else(|| inside.take_of_the_dead(cx)) {
                return Entry::Admitted(permit);
            }
        }
        let config = inside.door.config.clone();
        // Who asks to wait may, where the settings have no queue of their own.
        let queue = if max_wait.is_some() && config.queue == 0 { u32::MAX } else { config.queue };
        let wait = max_wait.unwrap_or(config.max_wait);
        if wait == Some(Span::ZERO) || inside.queue.waiting() >= queue as usize {
            inside.door.count(FULL);
            let (in_use, limit) = (inside.door.in_use(), inside.door.limit());
            drop(inside);
            return Entry::Refused(refuse(Code::BulkheadFull, in_use, u64::from(limit), cx));
        }
        let until = wait.map(|span| cx.now.after(span));
        let ticket = inside.queue.join(until, cx.now);
        let count = inside.queue.waiting() as u64;
        drop(inside);
        cx.note(Note { count, ..Note::new(EventKind::Queued, PartKind::Bulkhead, cx.now) });
        Entry::Queued { ticket, until }
    }

    /// Looks how a ticket stands.
    pub fn poll(&self, ticket: u64, cx: &mut Cx) -> Poll {
        let mut inside = self.inside.lock();
        inside.keep_up(cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            return Poll::Admitted(permit);
        }
        // Room may have come from elsewhere (a resize, another process); the first may take it.
        if inside.queue.is_first(ticket) {
            let taken = inside.take();
            if let Some(permit) = taken.or_else(|| inside.take_of_the_dead(cx)) {
                inside.queue.leave(ticket);
                return Poll::Admitted(permit);
            }
        }
        if let Some(until) = inside.queue.until(ticket) {
            return Poll::Waiting { until };
        }
        let Some(since) = inside.queue.take_late(ticket) else {
            return Poll::Refused(Refusal::new(Code::StaleHandle));
        };
        inside.door.count(TIMED_OUT);
        let in_use = inside.door.in_use();
        drop(inside);
        Poll::Refused(refuse(Code::BulkheadTimeout, in_use, cx.now.since(since).0, cx))
    }

    /// A waiter leaves. A permit that was handed to it in that instant goes to the next.
    pub fn cancel(&self, ticket: u64, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.keep_up(cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            inside.door.count(CANCELLED);
            let seat = inside.out.take_back(permit);
            return seat.map(|seat| inside.give_back(seat)).unwrap_or_default();
        }
        if inside.queue.leave(ticket) {
            inside.door.count(CANCELLED);
        }
        Wakes::new()
    }

    /// A permit comes back. One that is not out changes nothing.
    pub fn leave(&self, permit: Permit, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.keep_up(cx.now);
        match inside.out.take_back(permit) {
            Some(seat) => inside.give_back(seat),
            None => {
                inside.door.count(STALE);
                Wakes::new()
            }
        }
    }

    /// Changes the limit. Growing admits waiters; shrinking takes permits as they come back.
    pub fn resize(&self, limit: u32, cx: &mut Cx) -> Wakes {
        let mut inside = self.inside.lock();
        inside.keep_up(cx.now);
        inside.door.resize(limit);
        inside.admit_waiters()
    }

    /// What there is now; changes nothing.
    pub fn look(&self) -> BulkheadSnapshot {
        let inside = self.inside.lock();
        let door = &inside.door;
        BulkheadSnapshot {
            in_use: door.in_use(),
            queued: inside.queue.waiting() as u64,
            limit: door.limit(),
            admitted: door.total(ADMITTED),
            rejected_full: door.total(FULL),
            rejected_timeout: door.total(TIMED_OUT),
            cancelled: door.total(CANCELLED),
            stale: door.total(STALE),
        }
    }

    /// Looks at a shared cell and changes nothing; `None` if it is too small.
    pub(crate) fn peek(cell: &Block, config: &BulkheadConfig) -> Option<BulkheadSnapshot> {
        door::peek(cell, config)
    }

    /// Nobody inside and nobody waiting.
    pub fn is_empty(&self) -> bool {
        let inside = self.inside.lock();
        inside.door.in_use() == 0 && inside.queue.is_empty()
    }

    /// In a forked child: what the parent's callers hold is not ours to give back.
    pub fn forget_callers(&self) {
        let mut inside = self.inside.lock();
        inside.queue = Queue::default();
        inside.out = Permits { serial: inside.out.serial, ..Permits::default() };
        inside.door.forget_callers();
    }
}

fn refuse(code: Code, used: u64, limit: u64, cx: &mut Cx) -> Refusal {
    cx.note(Note { reason: code.as_str(), count: used, ..Note::new(EventKind::Rejected, PartKind::Bulkhead, cx.now) });
    Refusal { used, limit, ..Refusal::new(code) }
}

#[cfg(all(test, not(loom)))]
mod tests;
