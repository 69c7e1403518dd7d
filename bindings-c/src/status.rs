//! Statuses and the names of all numbers that cross.

use crate::guard::{entry, guard};
use crate::own::Out;
use crate::text::seawall_str;
use seawall::breaker::State;
use seawall::error::Code;
use seawall::outcome::Outcome;

/// How a function ended. 0 is well; 16 to 63 is a decision of the policy, not a failure of the
/// function; 96 to 127 is misuse, and nothing was changed; 200 and above is a fault of ours, after
/// which the call should run unprotected. A number is never reused.
pub type seawall_status = i32;

pub const SEAWALL_OK: seawall_status = 0;
pub const SEAWALL_CIRCUIT_OPEN: seawall_status = 16;
pub const SEAWALL_BULKHEAD_FULL: seawall_status = 17;
pub const SEAWALL_BULKHEAD_TIMEOUT: seawall_status = 18;
pub const SEAWALL_ATTEMPT_TIMEOUT: seawall_status = 19;
pub const SEAWALL_DEADLINE_EXCEEDED: seawall_status = 20;
pub const SEAWALL_COST_EXCEEDED: seawall_status = 21;
/// State that processes share cannot be had, and the policy requires it.
pub const SEAWALL_HOST_UNAVAILABLE: seawall_status = 22;
/// A number that means nothing here: an outcome, a control, a name that no table knows.
pub const SEAWALL_UNKNOWN_VALUE: seawall_status = 96;
/// NULL where something is needed.
pub const SEAWALL_NULL_ARGUMENT: seawall_status = 97;
pub const SEAWALL_INVALID_CONFIG: seawall_status = 98;
/// Text that is not UTF-8, or not the JSON that is asked for.
pub const SEAWALL_INVALID_TEXT: seawall_status = 99;
/// The policy has no such part.
pub const SEAWALL_NO_SUCH_PART: seawall_status = 100;
/// A permit, ticket or attempt that is no longer the present one.
pub const SEAWALL_STALE_HANDLE: seawall_status = 101;
/// The `size` of a struct, or a length, is impossible.
pub const SEAWALL_INVALID_SIZE: seawall_status = 102;
pub const SEAWALL_UNKNOWN_POLICY: seawall_status = 103;
/// A report that the present step does not wait for.
pub const SEAWALL_WRONG_ORDER: seawall_status = 104;
/// A fault of ours was caught.
pub const SEAWALL_PANICKED: seawall_status = 200;

/// "None" of a length of time or an instant.
pub const SEAWALL_NONE: u64 = u64::MAX;
/// The dependency said nothing about when to come back. Another negative hint: never.
pub const SEAWALL_NO_HINT: i64 = i64::MIN;

pub const SEAWALL_OUTCOME_SUCCESS: u8 = 0;
pub const SEAWALL_OUTCOME_FAILURE: u8 = 1;
pub const SEAWALL_OUTCOME_TIMEOUT: u8 = 2;
pub const SEAWALL_OUTCOME_THROTTLED: u8 = 3;
pub const SEAWALL_OUTCOME_PERMANENT: u8 = 4;
pub const SEAWALL_OUTCOME_IGNORED: u8 = 5;
pub const SEAWALL_OUTCOME_REFUSED: u8 = 6;
pub const SEAWALL_OUTCOME_CANCELLED: u8 = 7;

pub const SEAWALL_STATE_CLOSED: u8 = 0;
pub const SEAWALL_STATE_OPEN: u8 = 1;
pub const SEAWALL_STATE_HALF_OPEN: u8 = 2;
pub const SEAWALL_STATE_FORCED_OPEN: u8 = 3;
pub const SEAWALL_STATE_DISABLED: u8 = 4;
pub const SEAWALL_STATE_METRICS_ONLY: u8 = 5;
/// "None" of the numbers that fit in a byte: no state, no outcome, no mode.
pub const SEAWALL_NOTHING: u8 = 255;

const _: () = {
    assert!(SEAWALL_CIRCUIT_OPEN == Code::CircuitOpen as i32 && SEAWALL_BULKHEAD_FULL == Code::BulkheadFull as i32);
    assert!(SEAWALL_BULKHEAD_TIMEOUT == Code::BulkheadTimeout as i32);
    assert!(SEAWALL_ATTEMPT_TIMEOUT == Code::AttemptTimeout as i32);
    assert!(SEAWALL_DEADLINE_EXCEEDED == Code::DeadlineExceeded as i32);
    assert!(SEAWALL_HOST_UNAVAILABLE == Code::HostUnavailable as i32);
    assert!(SEAWALL_COST_EXCEEDED == Code::CostExceeded as i32 && SEAWALL_UNKNOWN_VALUE == Code::UnknownValue as i32);
    assert!(SEAWALL_NULL_ARGUMENT == Code::NullArgument as i32 && SEAWALL_INVALID_CONFIG == Code::InvalidConfig as i32);
    assert!(SEAWALL_INVALID_TEXT == Code::InvalidText as i32 && SEAWALL_NO_SUCH_PART == Code::NoSuchPart as i32);
    assert!(SEAWALL_STALE_HANDLE == Code::StaleHandle as i32 && SEAWALL_INVALID_SIZE == Code::InvalidSize as i32);
    assert!(SEAWALL_UNKNOWN_POLICY == Code::UnknownPolicy as i32 && SEAWALL_WRONG_ORDER == Code::WrongOrder as i32);
    assert!(SEAWALL_PANICKED == Code::Panicked as i32 && SEAWALL_OK == Code::Ok as i32);
    assert!(
        SEAWALL_OUTCOME_CANCELLED == Outcome::Cancelled as u8 && SEAWALL_STATE_METRICS_ONLY == State::MetricsOnly as u8
    );
};

/// The name of a status (`circuit_open`); empty for a number that is none.
///
/// Owns: static text. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_status_name(status: seawall_status) -> seawall_str {
    let known = Code::ALL.into_iter().find(|code| *code as seawall_status == status);
    guard(|| seawall_str::from_static(known.map_or("", Code::as_str)))
}

/// All statuses there are, as many as fit into `room`; `count` gets how many there are.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_status_list(
    statuses: *mut seawall_status,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    // SAFETY: NULL or writable, by the contract of the header.
    let count = unsafe { Out::new(count, 0) };
    entry(|| {
        let count = count.required()?;
        if statuses.is_null() && room > 0 {
            return Err(Code::NullArgument);
        }
        for (place, code) in Code::ALL.into_iter().take(room).enumerate() {
            // SAFETY: `place < room`, and `room` numbers fit by the contract of the header.
            unsafe { statuses.add(place).write(code as seawall_status) };
        }
        count.set(Code::ALL.len());
        Ok(())
    })
}

/// The name of an outcome (`throttled`); empty for a number that is none.
///
/// Owns: static text. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_outcome_name(outcome: u8) -> seawall_str {
    guard(|| seawall_str::from_static(Outcome::from_u8(outcome).map_or("", Outcome::as_str)))
}

/// The number of an outcome's name.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_outcome_parse(name: seawall_str, outcome: *mut u8) -> seawall_status {
    // SAFETY: NULL or writable, by the contract of the header.
    let outcome = unsafe { Out::new(outcome, SEAWALL_NOTHING) };
    entry(|| {
        let outcome = outcome.required()?;
        // SAFETY: readable for its length, by the contract of the header.
        let name = unsafe { name.read() }?;
        outcome.set(Outcome::parse(name).ok_or(Code::UnknownValue)? as u8);
        Ok(())
    })
}

/// The name of a breaker's state (`half_open`); empty for a number that is none.
///
/// Owns: static text. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_state_name(state: u8) -> seawall_str {
    guard(|| seawall_str::from_static(State::from_u8(state).map_or("", State::as_str)))
}
