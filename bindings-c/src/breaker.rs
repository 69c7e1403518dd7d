//! The breaker by hand: permits, transitions, state.

use crate::call::to_hint;
use crate::explain::seawall_refusal;
use crate::guard::entry;
use crate::own::{handle, output, sized};
use crate::policy::seawall_policy;
use crate::status::{SEAWALL_NOTHING, seawall_status};
use seawall::breaker::Control;
use seawall::error::Code;
use seawall::outcome::Outcome;
use seawall::permit::Permit;
use seawall::time::{Span, Tick};

pub const SEAWALL_CONTROL_OPEN: u8 = 1;
/// Open for `span` nanoseconds.
pub const SEAWALL_CONTROL_OPEN_FOR: u8 = 2;
/// Open until the instant `span` of the registry's clock.
pub const SEAWALL_CONTROL_OPEN_UNTIL: u8 = 3;
pub const SEAWALL_CONTROL_HALF_OPEN: u8 = 4;
pub const SEAWALL_CONTROL_CLOSE: u8 = 5;
/// Open until another control ends it.
pub const SEAWALL_CONTROL_FORCE_OPEN: u8 = 6;
/// Let everything through and record nothing.
pub const SEAWALL_CONTROL_DISABLE: u8 = 7;
/// Let everything through and record.
pub const SEAWALL_CONTROL_METRICS_ONLY: u8 = 8;
/// Empty the statistics and close.
pub const SEAWALL_CONTROL_RESET: u8 = 9;

/// Asks for a permit; it is given back with `seawall_breaker_record`, whatever comes. `refusal` may
/// be NULL.
///
/// Owns: nothing. Threads: any. Statuses: `CIRCUIT_OPEN`, `HOST_UNAVAILABLE`, `NO_SUCH_PART`,
/// `INVALID_SIZE`, `NULL_ARGUMENT`; after `PANICKED` run the call and report nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_breaker_acquire(
    policy: *const seawall_policy,
    permit: *mut u64,
    refusal: *mut seawall_refusal,
) -> seawall_status {
    let permit = output!(permit, 0);
    let refusal = sized!(refusal);
    entry(|| {
        let (policy, permit, refusal) = (handle!(policy)?, permit.required()?, refusal?);
        let taken = policy.inner.acquire().map_err(|why| {
            refusal.set((&why).into());
            why.code
        })?;
        permit.set(taken.0);
        Ok(())
    })
}

/// Reports how a call under `permit` ended, after `took` nanoseconds. A permit of an older
/// generation changes nothing but the count of stale reports, and a probe's second report too.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_breaker_record(
    policy: *const seawall_policy,
    permit: u64,
    outcome: u8,
    took: u64,
    hint: i64,
) -> seawall_status {
    entry(|| {
        let policy = handle!(policy)?;
        let outcome = Outcome::from_u8(outcome).ok_or(Code::UnknownValue)?;
        policy.inner.breaker().ok_or(Code::NoSuchPart)?;
        policy.inner.record(Permit(permit), outcome, Span(took), to_hint(hint));
        Ok(())
    })
}

/// A transition by hand; every one is legal. `span` is for `OPEN_FOR` and `OPEN_UNTIL`.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_breaker_control(
    policy: *const seawall_policy,
    control: u8,
    span: u64,
) -> seawall_status {
    entry(|| {
        let policy = handle!(policy)?;
        let control = match control {
            SEAWALL_CONTROL_OPEN => Control::Open,
            SEAWALL_CONTROL_OPEN_FOR => Control::OpenFor(Span(span)),
            SEAWALL_CONTROL_OPEN_UNTIL => Control::OpenUntil(Tick(span)),
            SEAWALL_CONTROL_HALF_OPEN => Control::HalfOpen,
            SEAWALL_CONTROL_CLOSE => Control::Close,
            SEAWALL_CONTROL_FORCE_OPEN => Control::ForceOpen,
            SEAWALL_CONTROL_DISABLE => Control::Disable,
            SEAWALL_CONTROL_METRICS_ONLY => Control::MetricsOnly,
            SEAWALL_CONTROL_RESET => Control::Reset,
            _ => return Err(Code::UnknownValue),
        };
        if policy.inner.control(control) { Ok(()) } else { Err(Code::NoSuchPart) }
    })
}

/// The state, `SEAWALL_STATE_…`; a transition that is due is applied first. 255 on failure.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_breaker_state(policy: *const seawall_policy, state: *mut u8) -> seawall_status {
    let state = output!(state, SEAWALL_NOTHING);
    entry(|| {
        let (policy, state) = (handle!(policy)?, state.required()?);
        state.set(policy.inner.state().ok_or(Code::NoSuchPart)? as u8);
        Ok(())
    })
}
