//! The retry schedule by hand, for those who sleep themselves.

use crate::call::to_hint;
use crate::guard::{entry, guard};
use crate::own::{hand_out, handle, output, release};
use crate::policy::seawall_policy;
use crate::status::{SEAWALL_NONE, seawall_status};
use parking_lot::Mutex;
use seawall::RetrySchedule;
use seawall::error::Code;
use seawall::outcome::Outcome;
use seawall::retry::Next;
use seawall::time::Span;

/// The retries of one call. For one thread at a time; a second one waits for the first.
pub struct seawall_schedule {
    inner: Mutex<RetrySchedule>,
}

/// Begins the schedule of one call.
///
/// Owns: `*schedule` is the caller's, to be freed. Threads: any. Statuses: `NO_SUCH_PART` for a
/// policy without retries, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_schedule_new(
    policy: *const seawall_policy,
    schedule: *mut *mut seawall_schedule,
) -> seawall_status {
    let schedule = output!(schedule, std::ptr::null_mut());
    entry(|| {
        let (policy, schedule) = (handle!(policy)?, schedule.required()?);
        let made = policy.inner.schedule().ok_or(Code::NoSuchPart)?;
        schedule.set(hand_out(seawall_schedule { inner: Mutex::new(made) }));
        Ok(())
    })
}

/// An attempt ended with `outcome`: `*stop` 0 says try again after `*delay` nanoseconds, anything
/// else (`SEAWALL_STOP_…`) why not. `elapsed` nanoseconds have passed since the first attempt began,
/// or `SEAWALL_NONE`: as the registry's clock says. `hint` is as for `seawall_call_done`.
///
/// Owns: nothing. Threads: one at a time. Statuses: `UNKNOWN_VALUE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_schedule_next(
    schedule: *mut seawall_schedule,
    outcome: u8,
    hint: i64,
    elapsed: u64,
    stop: *mut u8,
    delay: *mut u64,
) -> seawall_status {
    // On failure: do not try again.
    let (stop, delay) = (output!(stop, crate::step::SEAWALL_STOP_ATTEMPTS), output!(delay, 0));
    entry(|| {
        let (schedule, stop, delay) = (handle!(schedule)?, stop.required()?, delay.required()?);
        let outcome = Outcome::from_u8(outcome).ok_or(Code::UnknownValue)?;
        let elapsed = (elapsed != SEAWALL_NONE).then_some(Span(elapsed));
        match schedule.inner.lock().next(outcome, to_hint(hint), elapsed) {
            Next::After(span) => {
                stop.set(0);
                delay.set(span.0);
            }
            Next::Stop(why) => stop.set(why as u8),
        }
        Ok(())
    })
}

/// Attempts that have been reported.
///
/// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_schedule_attempts(
    schedule: *const seawall_schedule,
    attempts: *mut u32,
) -> seawall_status {
    let attempts = output!(attempts, 0);
    entry(|| {
        let (schedule, attempts) = (handle!(schedule)?, attempts.required()?);
        attempts.set(schedule.inner.lock().attempts());
        Ok(())
    })
}

/// Ends the schedule. NULL is nothing.
///
/// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_schedule_free(schedule: *mut seawall_schedule) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(schedule) });
}
