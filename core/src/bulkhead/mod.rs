//! How many may be inside at once, and who is next.
//!
//! The permits are words of a cell; the queue is this process's own. While nobody waits, entering is
//! one compare-and-swap and leaving one addition. A permit that is given back goes to the first in
//! the queue, never to a newcomer: the lowest bit of `LEFT` says that somebody waits, and then both
//! take the queue's lock, which is held for a few instructions and never while anything else runs.
//! Who leaves and who begins to wait change the same word, so one of them sees the other.
//!
//! Where processes share it (`door.rs`) the places are the host's, each with its holder, and all of
//! this happens under the lock; whoever waits also looks by itself, every few milliseconds.

mod door;
mod queue;

pub(crate) use door::carry_rest;

use crate::cell::{Block, LINE};
use crate::config::BulkheadConfig;
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::family::Spot;
use crate::permit::Permit;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::time::{Span, Tick};
use door::{Door, Total};
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
    /// Who is inside, unless the places are the host's.
    cell: Block,
    /// Whether they are; turned off for good when the segment is lost.
    shared: AtomicBool,
    inside: Mutex<Inside>,
}

struct Inside {
    /// What this process asked for.
    config: Arc<BulkheadConfig>,
    /// The places of the host, and the settings in force there.
    door: Option<Box<Door>>,
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
    fn issue(&mut self, place: u32) -> Permit {
        self.serial = self.serial.wrapping_add(1).max(1);
        let number = self.free.pop().unwrap_or_else(|| {
            self.numbers.push((0, 0));
            self.numbers.len() as u32 - 1
        });
        self.numbers[number as usize] = (self.serial, place);
        Permit(u64::from(self.serial) << 32 | u64::from(number))
    }

    /// The place that becomes free; `None` if the permit is not out.
    fn take_back(&mut self, permit: Permit) -> Option<u32> {
        let (serial, number) = ((permit.0 >> 32) as u32, permit.0 as u32);
        match self.numbers.get_mut(number as usize) {
            Some((out, place)) if *out == serial && serial != 0 => {
                *out = 0;
                self.free.push(number);
                Some(*place)
            }
            _ => None,
        }
    }

    fn out(&self) -> u64 {
        (self.numbers.len() - self.free.len()) as u64
    }
}

impl Inside {
    /// The settings in force: ours, or those of another process that came first.
    fn settings(&self) -> &Arc<BulkheadConfig> {
        self.door.as_ref().map_or(&self.config, |door| &door.config)
    }
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
        let cell = Block::new(2 * LINE);
        // Relaxed: nobody else knows the cell yet.
        cell.word(LIMIT).store(u64::from(config.limit), Ordering::Relaxed);
        let door = spot.and_then(|spot| Door::at(config, spot)).map(Box::new);
        let shared = AtomicBool::new(door.is_some());
        let inside = Inside { config: config.clone(), door, queue: Queue::default(), out: Permits::default() };
        Bulkhead { cell, shared, inside: Mutex::new(inside) }
    }

    /// The settings in force.
    pub fn config(&self) -> BulkheadConfig {
        BulkheadConfig::clone(self.inside.lock().settings())
    }

    /// Whether other processes take permits too, so that a waiter must look by itself.
    pub fn is_shared(&self) -> bool {
        // Acquire: who sees that it is not finds the permits that were out counted here.
        self.shared.load(Ordering::Acquire)
    }

    /// Takes new settings up in place: permits that are out stay out, waiters keep their place, and
    /// those for whom there is room now come in.
    pub(crate) fn reconfigure(&self, config: &Arc<BulkheadConfig>, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        inside.config = config.clone();
        self.set_limit(config.limit);
        self.go_through(&mut inside, |door| door.reconfigure(config));
        inside.queue.expire(now);
        self.admit_waiters(&mut inside)
    }

    /// Asks again for settings that another process's stood before.
    pub(crate) fn look_again(&self) {
        self.go_through(&mut self.inside.lock(), Door::look_again);
    }

    /// Does something at the host's door; if that is lost, this process goes on by itself, and the
    /// permits it has out are counted here.
    fn go_through(&self, inside: &mut Inside, act: impl FnOnce(&mut Door) -> bool) {
        if inside.door.as_mut().is_none_or(|door| act(door)) {
            return;
        }
        inside.door = None;
        self.cell.word(ENTERED).fetch_add(inside.out.out(), Ordering::AcqRel);
        self.shared.store(false, Ordering::Release);
    }

    /// What is in force now: the places, and who waits still.
    fn keep_up(&self, inside: &mut Inside, now: Tick) {
        self.go_through(inside, Door::keep_up);
        inside.queue.expire(now);
    }

    /// A place for a caller of the core, which gives it back once with [`Bulkhead::leave_held`];
    /// `None` where it is full or somebody waits: then ask to enter.
    pub(crate) fn try_enter(&self) -> Option<Permit> {
        // Acquire: who was seen to wait comes first.
        let free = !self.is_shared() && self.cell.word(LEFT).load(Ordering::Acquire) & WAITED_FOR == 0;
        (free && self.take_own()).then_some(Bulkhead::UNNAMED)
    }

    /// The place of a call goes back, however it was got.
    pub(crate) fn leave_held(&self, permit: Permit, cx: &mut Cx) -> Wakes {
        if permit != Bulkhead::UNNAMED {
            return self.leave(permit, cx);
        }
        if self.give_alone() { Wakes::new() } else { self.admit_next(cx.now) }
    }

    /// The first half of giving an unnamed place back: `false` where somebody waits for it, who is
    /// then to be admitted with [`Bulkhead::admit_next`].
    pub(crate) fn give_alone(&self) -> bool {
        self.give_own() & WAITED_FOR == 0
    }

    pub(crate) fn admit_next(&self, now: Tick) -> Wakes {
        let mut inside = self.inside.lock();
        self.keep_up(&mut inside, now);
        self.admit_waiters(&mut inside)
    }

    /// Asks to come in. `max_wait` replaces the configured wait: `Some(None)` waits without limit,
    /// `Some(Some(ZERO))` does not wait.
    pub fn enter(&self, max_wait: Option<Option<Span>>, cx: &mut Cx) -> Entry {
        let inside = &mut *self.inside.lock();
        self.keep_up(inside, cx.now);
        if inside.queue.is_empty()
            && let Some(permit) = self.take(inside).or_else(|| self.take_of_the_dead(inside, cx))
        {
            self.say_who_waits(inside);
            return Entry::Admitted(permit);
        }
        let config = inside.settings();
        // Who asks to wait may, where the settings have no queue of their own.
        let queue = if max_wait.is_some() && config.queue == 0 { u32::MAX } else { config.queue };
        let wait = max_wait.unwrap_or(config.max_wait);
        if wait == Some(Span::ZERO) || inside.queue.waiting() >= queue as usize {
            self.say_who_waits(inside);
            self.count(inside, Total::Full);
            return Entry::Refused(refuse(Code::BulkheadFull, self.in_use(inside), self.limit(inside), cx));
        }
        let until = wait.map(|span| cx.now.after(span));
        let ticket = inside.queue.join(until, cx.now);
        self.say_who_waits(inside);
        // Once more now that who leaves sees us: a place may have come free before.
        if let Some(permit) = self.admit_first(inside, ticket) {
            return Entry::Admitted(permit);
        }
        let count = inside.queue.waiting() as u64;
        cx.note(Note { count, ..Note::new(EventKind::Queued, PartKind::Bulkhead, cx.now) });
        Entry::Queued { ticket, until }
    }

    /// Looks how a ticket stands.
    pub fn poll(&self, ticket: u64, cx: &mut Cx) -> Poll {
        let inside = &mut *self.inside.lock();
        self.keep_up(inside, cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            return Poll::Admitted(permit);
        }
        // Room may have come from elsewhere (another process); the first may take it.
        if let Some(permit) = self.admit_first(inside, ticket) {
            return Poll::Admitted(permit);
        }
        if inside.queue.is_first(ticket)
            && let Some(permit) = self.take_of_the_dead(inside, cx)
        {
            inside.queue.leave(ticket);
            return Poll::Admitted(permit);
        }
        if let Some(until) = inside.queue.until(ticket) {
            return Poll::Waiting { until };
        }
        let late = inside.queue.take_late(ticket);
        self.say_who_waits(inside);
        let Some(since) = late else {
            return Poll::Refused(Refusal::new(Code::StaleHandle));
        };
        self.count(inside, Total::TimedOut);
        Poll::Refused(refuse(Code::BulkheadTimeout, self.in_use(inside), cx.now.since(since).0, cx))
    }

    /// A waiter leaves. A permit that was handed to it in that instant goes to the next.
    pub fn cancel(&self, ticket: u64, cx: &mut Cx) -> Wakes {
        let inside = &mut *self.inside.lock();
        self.keep_up(inside, cx.now);
        if let Some(permit) = inside.queue.collect(ticket) {
            self.count(inside, Total::Cancelled);
            self.take_back(inside, permit);
        } else if inside.queue.leave(ticket) {
            self.count(inside, Total::Cancelled);
        }
        // Who was second may find room that the first had not been offered.
        self.admit_waiters(inside)
    }

    /// A permit comes back. One that is not out changes nothing.
    pub fn leave(&self, permit: Permit, cx: &mut Cx) -> Wakes {
        let inside = &mut *self.inside.lock();
        self.keep_up(inside, cx.now);
        if !self.take_back(inside, permit) {
            self.count(inside, Total::Stale);
        }
        self.admit_waiters(inside)
    }

    /// Changes the limit. Growing admits waiters; shrinking takes permits as they come back.
    pub fn resize(&self, limit: u32, cx: &mut Cx) -> Wakes {
        let inside = &mut *self.inside.lock();
        self.keep_up(inside, cx.now);
        match &inside.door {
            Some(door) => door.resize(limit),
            None => self.set_limit(limit),
        }
        self.admit_waiters(inside)
    }

    /// What there is now; changes nothing.
    pub fn look(&self) -> BulkheadSnapshot {
        let inside = &*self.inside.lock();
        let total = |total| match &inside.door {
            Some(door) => door.total(total),
            None => self.cell.word(own(total)).load(Ordering::Relaxed),
        };
        BulkheadSnapshot {
            in_use: self.in_use(inside),
            queued: inside.queue.waiting() as u64,
            limit: self.limit(inside) as u32,
            admitted: total(Total::Admitted),
            rejected_full: total(Total::Full),
            rejected_timeout: total(Total::TimedOut),
            cancelled: total(Total::Cancelled),
            stale: total(Total::Stale),
        }
    }

    /// Looks at a shared cell and changes nothing; `None` if it is too small.
    pub(crate) fn peek(cell: &Block, config: &BulkheadConfig) -> Option<BulkheadSnapshot> {
        door::peek(cell, config)
    }

    /// Nobody inside and nobody waiting.
    pub fn is_empty(&self) -> bool {
        let inside = &*self.inside.lock();
        self.in_use(inside) == 0 && inside.queue.is_empty()
    }

    /// In a forked child: what the parent's callers hold is not ours to give back.
    pub fn forget_callers(&self) {
        let inside = &mut *self.inside.lock();
        inside.queue = Queue::default();
        inside.out = Permits { serial: inside.out.serial, ..Permits::default() };
        let entered = self.cell.word(ENTERED).load(Ordering::Acquire);
        self.cell.word(LEFT).store(entered * ONE_LEFT, Ordering::Release);
    }

    fn take_back(&self, inside: &mut Inside, permit: Permit) -> bool {
        let Some(place) = inside.out.take_back(permit) else { return false };
        match &inside.door {
            // Lost in that moment: the place is no longer anybody's, and this permit is not out.
            Some(_) => self.go_through(inside, |door| door.give_back(place)),
            None => _ = self.give_own(),
        }
        true
    }

    fn admit_waiters(&self, inside: &mut Inside) -> Wakes {
        let mut wakes = Wakes::new();
        while !inside.queue.is_empty()
            && let Some(permit) = self.take(inside)
        {
            wakes.extend(inside.queue.hand_over(permit));
        }
        self.say_who_waits(inside);
        wakes
    }

    /// Lets `ticket` in if it is the first and there is room.
    fn admit_first(&self, inside: &mut Inside, ticket: u64) -> Option<Permit> {
        if !inside.queue.is_first(ticket) {
            return None;
        }
        let permit = self.take(inside)?;
        inside.queue.leave(ticket);
        self.say_who_waits(inside);
        Some(permit)
    }

    /// Tells those without the lock whether somebody waits; called with it after each change.
    fn say_who_waits(&self, inside: &Inside) {
        let (left, waited_for) = (self.cell.word(LEFT), !inside.queue.is_empty());
        if (left.load(Ordering::Relaxed) & WAITED_FOR != 0) == waited_for {
            return;
        }
        // AcqRel: who leaves changes the same word. One that came before is seen by the next look
        // for room, one that comes after sees the mark.
        match waited_for {
            true => left.fetch_or(WAITED_FOR, Ordering::AcqRel),
            false => left.fetch_and(!WAITED_FOR, Ordering::AcqRel),
        };
    }

    fn take(&self, inside: &mut Inside) -> Option<Permit> {
        let place = match &inside.door {
            Some(door) => door.take()?,
            None => self.take_own().then_some(0)?,
        };
        Some(inside.out.issue(place))
    }

    /// The same for who found no place: the dead may have had one.
    fn take_of_the_dead(&self, inside: &mut Inside, cx: &mut Cx) -> Option<Permit> {
        let count = inside.door.as_mut()?.reclaim();
        if count == 0 {
            return None;
        }
        let note = Note::new(EventKind::PermitReclaimed, PartKind::Bulkhead, cx.now);
        cx.note(Note { reason: "process_died", count, ..note });
        self.take(inside)
    }

    /// One more inside, if there is room.
    fn take_own(&self) -> bool {
        let (entered, left) = (self.cell.word(ENTERED), self.cell.word(LEFT));
        let mut gone = left.load(Ordering::Acquire);
        loop {
            // After those that left: in between can only be more that do.
            let come = entered.load(Ordering::Acquire);
            if come.saturating_sub(gone / ONE_LEFT) < self.own_limit() {
                // AcqRel: a place is taken once, and what its last holder did is seen.
                if entered.compare_exchange_weak(come, come + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    return true;
                }
                continue;
            }
            let now = left.load(Ordering::Acquire);
            if now / ONE_LEFT == gone / ONE_LEFT {
                return false;
            }
            gone = now;
        }
    }

    /// One less; the word as it was.
    fn give_own(&self) -> u64 {
        // AcqRel: what was done inside is seen by who takes the place.
        self.cell.word(LEFT).fetch_add(ONE_LEFT, Ordering::AcqRel)
    }

    fn in_use(&self, inside: &Inside) -> u64 {
        if let Some(door) = &inside.door {
            return door.in_use();
        }
        let gone = self.cell.word(LEFT).load(Ordering::Acquire) / ONE_LEFT;
        self.cell.word(ENTERED).load(Ordering::Acquire).saturating_sub(gone)
    }

    fn limit(&self, inside: &Inside) -> u64 {
        inside.door.as_ref().map_or_else(|| self.own_limit(), |door| u64::from(door.limit()))
    }

    fn own_limit(&self) -> u64 {
        // Relaxed: who just misses a resize came a moment earlier.
        self.cell.word(LIMIT).load(Ordering::Relaxed)
    }

    fn set_limit(&self, limit: u32) {
        self.cell.word(LIMIT).store(u64::from(limit), Ordering::Relaxed);
    }

    fn count(&self, inside: &Inside, total: Total) {
        match &inside.door {
            Some(door) => door.count(total),
            // Relaxed: a total that nothing is decided by.
            None => _ = self.cell.word(own(total)).fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// Where this process counts by itself.
fn own(total: Total) -> usize {
    match total {
        Total::Admitted => ENTERED,
        Total::Full => FULL,
        Total::TimedOut => TIMED_OUT,
        Total::Cancelled => CANCELLED,
        Total::Stale => STALE,
    }
}

fn refuse(code: Code, used: u64, limit: u64, cx: &mut Cx) -> Refusal {
    cx.note(Note { reason: code.as_str(), count: used, ..Note::new(EventKind::Rejected, PartKind::Bulkhead, cx.now) });
    Refusal { used, limit, ..Refusal::new(code) }
}

#[cfg(all(test, not(loom)))]
mod tests;
