//! The bulkhead by hand: permits, tickets, and whom to wake.

use crate::explain::seawall_refusal;
use crate::guard::entry;
use crate::own::{Out, Sized32, SizedOut, handle, output, sized};
use crate::policy::seawall_policy;
use crate::status::{SEAWALL_NONE, seawall_status};
use seawall::Policy;
use seawall::bulkhead::{Entry, Poll, Wakes};
use seawall::error::{Code, Refusal};
use seawall::permit::Permit;
use seawall::time::{Span, Tick};

pub const SEAWALL_ENTRY_ADMITTED: u8 = 1;
pub const SEAWALL_ENTRY_QUEUED: u8 = 2;
pub const SEAWALL_ENTRY_REFUSED: u8 = 3;

/// Of `max_wait`: what the policy says.
pub const SEAWALL_AS_CONFIGURED: u64 = u64::MAX - 1;

/// How a caller stands.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_entry {
    /// `sizeof(seawall_entry)`, set by the caller.
    pub size: u32,
    /// `SEAWALL_ENTRY_…`.
    pub kind: u8,
    pub reserved: [u8; 3],
    /// Of `ADMITTED`: to be given back with `seawall_bulkhead_leave`.
    pub permit: u64,
    /// Of `QUEUED`: unique in the process; to be polled when it is woken or `span` is over.
    pub ticket: u64,
    /// Of `QUEUED`: nanoseconds to wait at most, or `SEAWALL_NONE`.
    pub span: u64,
}

const _: () = assert!(size_of::<seawall_entry>() == 32);

// SAFETY: integers alone, the size first, no padding.
unsafe impl Sized32 for seawall_entry {
    const FIRST: u32 = 32;
    const EMPTY: Self = seawall_entry { size: 0, kind: 0, reserved: [0; 3], permit: 0, ticket: 0, span: SEAWALL_NONE };
}

/// Asks to be let in, waiting at most `max_wait` nanoseconds (`SEAWALL_NONE`: for ever; 0: not at
/// all; `SEAWALL_AS_CONFIGURED`). `refusal` may be NULL.
///
/// Owns: nothing. Threads: any. Statuses: `OK` for `ADMITTED` and `QUEUED`, `BULKHEAD_FULL`,
/// `HOST_UNAVAILABLE`, `NO_SUCH_PART`, `INVALID_SIZE`, `NULL_ARGUMENT`; after `PANICKED` run the call
/// and give back nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_bulkhead_enter(
    policy: *const seawall_policy,
    max_wait: u64,
    entry: *mut seawall_entry,
    refusal: *mut seawall_refusal,
) -> seawall_status {
    let (place, refusal) = (sized!(entry), sized!(refusal));
    crate::guard::entry(|| {
        let (policy, place, refusal) = (handle!(policy)?, place?.required()?, refusal?);
        let max_wait = match max_wait {
            SEAWALL_AS_CONFIGURED => None,
            SEAWALL_NONE => Some(None),
            nanos => Some(Some(Span(nanos))),
        };
        match policy.inner.enter(max_wait) {
            Entry::Admitted(permit) => admitted(&place, permit),
            Entry::Queued { ticket, until } => queued(&place, ticket, until, &policy.inner),
            Entry::Refused(why) => return refused(&place, &refusal, &why),
        }
        Ok(())
    })
}

/// How a ticket stands: `ADMITTED` ends it and makes it a permit.
///
/// Owns: nothing. Threads: any. Statuses: `OK` for `ADMITTED` and `QUEUED`, `BULKHEAD_TIMEOUT` when
/// the wait is over, `STALE_HANDLE` when nobody knows the ticket, `NO_SUCH_PART`, `INVALID_SIZE`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_bulkhead_poll(
    policy: *const seawall_policy,
    ticket: u64,
    entry: *mut seawall_entry,
    refusal: *mut seawall_refusal,
) -> seawall_status {
    let (place, refusal) = (sized!(entry), sized!(refusal));
    crate::guard::entry(|| {
        let (policy, place, refusal) = (handle!(policy)?, place?.required()?, refusal?);
        match policy.inner.poll(ticket) {
            Poll::Admitted(permit) => admitted(&place, permit),
            Poll::Waiting { until } => queued(&place, ticket, until, &policy.inner),
            Poll::Refused(why) => return refused(&place, &refusal, &why),
        }
        Ok(())
    })
}

/// A waiter leaves the queue; a permit that was just handed to it goes to the next.
///
/// `tickets` gets at most `room` tickets whose holders are to be woken, `count` how many; what does
/// not fit waits for `seawall_bulkhead_take_wakes`. `tickets` may be NULL when `room` is 0.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_bulkhead_cancel(
    policy: *const seawall_policy,
    ticket: u64,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    letting_in(policy, tickets, room, count, |policy| policy.abandon(ticket))
}

/// Gives a permit back; the first in the queue gets it. A second time changes nothing but the count
/// of stale reports.
///
/// Owns, threads, statuses, `tickets`: as `seawall_bulkhead_cancel`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_bulkhead_leave(
    policy: *const seawall_policy,
    permit: u64,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    letting_in(policy, tickets, room, count, |policy| policy.leave(Permit(permit)))
}

/// Another number of permits from now on: growing admits waiters, shrinking takes permits as they
/// come back.
///
/// Owns, threads, `tickets`: as `seawall_bulkhead_cancel`. Statuses: `UNKNOWN_VALUE` for 0,
/// `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_bulkhead_resize(
    policy: *const seawall_policy,
    limit: u32,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    if limit == 0 {
        return Code::UnknownValue as seawall_status;
    }
    waking(policy, tickets, room, count, |policy| policy.resize(limit).map_err(|why| why.code))
}

/// The tickets that did not fit before.
///
/// Owns, threads, `tickets`: as `seawall_bulkhead_cancel`. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_bulkhead_take_wakes(
    policy: *const seawall_policy,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    waking(policy, tickets, room, count, |_| Ok(Wakes::new()))
}

/// Moves as many tickets as fit to C.
///
/// # Safety
/// `tickets` may be written to `room` times, or `room` is 0.
pub(crate) unsafe fn pour(from: &mut Vec<u64>, tickets: *mut u64, room: usize) -> Result<usize, Code> {
    if tickets.is_null() && room > 0 {
        return Err(Code::NullArgument);
    }
    let fits = from.len().min(room);
    for (place, ticket) in from.drain(..fits).enumerate() {
        // SAFETY: `place < room`, and the caller promised that much.
        unsafe { tickets.add(place).write(ticket) };
    }
    Ok(fits)
}

/// Does what may let others in, and tells whom to wake.
fn waking(
    policy: *const seawall_policy,
    tickets: *mut u64,
    room: usize,
    count: Out<usize>,
    act: impl FnOnce(&Policy) -> Result<Wakes, Code>,
) -> seawall_status {
    entry(|| {
        let (policy, count) = (handle!(policy)?, count.required()?);
        if tickets.is_null() && room > 0 {
            return Err(Code::NullArgument);
        }
        let woken = act(&policy.inner)?;
        hand_on(policy, woken, tickets, room, &count)
    })
}

/// Moves as many tickets to C as fit, older ones first; the rest waits in the handle.
pub(crate) fn hand_on(
    policy: &seawall_policy,
    woken: Wakes,
    tickets: *mut u64,
    room: usize,
    count: &Out<usize>,
) -> Result<(), Code> {
    let mut wakes = policy.wakes.lock();
    wakes.extend(woken);
    // SAFETY: `room` numbers fit, by the contract of the header.
    count.set(unsafe { pour(&mut wakes, tickets, room) }?);
    Ok(())
}

/// [`waking`], of a policy that has a bulkhead.
fn letting_in(
    policy: *const seawall_policy,
    tickets: *mut u64,
    room: usize,
    count: Out<usize>,
    act: impl FnOnce(&Policy) -> Wakes,
) -> seawall_status {
    waking(policy, tickets, room, count, |policy| {
        policy.bulkhead().ok_or(Code::NoSuchPart)?;
        Ok(act(policy))
    })
}

fn admitted(place: &SizedOut<seawall_entry>, permit: Permit) {
    place.set(seawall_entry { kind: SEAWALL_ENTRY_ADMITTED, permit: permit.0, ..seawall_entry::EMPTY });
}

fn queued(place: &SizedOut<seawall_entry>, ticket: u64, until: Option<Tick>, policy: &Policy) {
    let span = until.map_or(SEAWALL_NONE, |until| policy.registry().clock().now().until(until).0);
    place.set(seawall_entry { kind: SEAWALL_ENTRY_QUEUED, ticket, span, ..seawall_entry::EMPTY });
}

fn refused(place: &SizedOut<seawall_entry>, out: &SizedOut<seawall_refusal>, why: &Refusal) -> Result<(), Code> {
    place.set(seawall_entry { kind: SEAWALL_ENTRY_REFUSED, ..seawall_entry::EMPTY });
    out.set(why.into());
    Err(why.code)
}
