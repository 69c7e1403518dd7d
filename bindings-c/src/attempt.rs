//! What a driver says of the attempt that runs, and asks about the one that ran.

use crate::call::seawall_call;
use crate::explain::{amounts, refusal_json};
use crate::guard::entry;
use crate::own::{handle, output, text};
use crate::status::{SEAWALL_NONE, seawall_status};
use crate::text::{seawall_str, seawall_text};
use seawall::call::Call;

/// Nanoseconds to the limit of the attempt or the deadline of the call, whichever is nearer;
/// `SEAWALL_NONE` if there is neither.
///
/// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_remaining(call: *const seawall_call, nanos: *mut u64) -> seawall_status {
    let nanos = output!(nanos, SEAWALL_NONE);
    entry(|| {
        let call = handle!(call)?;
        let nanos = nanos.required()?;
        nanos.set(call.with(|call| call.remaining()).map_or(SEAWALL_NONE, |span| span.0));
        Ok(())
    })
}

/// What the running attempt really cost, `{"tokens":123}`; to be said before it is reported.
///
/// Owns: nothing. Threads: one at a time. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_settle_cost(call: *mut seawall_call, json: seawall_str) -> seawall_status {
    entry(|| {
        let call = handle!(call)?;
        let actual = amounts(text!(json)?)?;
        call.with(|call| call.settle_cost(&actual));
        Ok(())
    })
}

/// The first item of a stream is out: from now on the limit of the attempt is off, and its end is
/// recorded but neither retried nor replaced by a fallback.
///
/// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_commit(call: *mut seawall_call) -> seawall_status {
    entry(|| {
        handle!(call)?.with(Call::commit);
        Ok(())
    })
}

/// Nothing can stop the attempt that runs: whatever it gives counts, however late. To be said of
/// blocking work that never looks at the time; the deadline of the call holds all the same.
///
/// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_unenforced(call: *mut seawall_call) -> seawall_status {
    entry(|| {
        handle!(call)?.with(Call::unenforced);
        Ok(())
    })
}

/// The work cannot be repeated: the attempt that runs is the last, though a fallback may answer.
///
/// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_last_attempt(call: *mut seawall_call) -> seawall_status {
    entry(|| {
        handle!(call)?.with(Call::last_attempt);
        Ok(())
    })
}

/// The class of the error that is reported next, for metrics.
///
/// Owns: nothing. Threads: one at a time. Statuses: `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_error_type(call: *mut seawall_call, name: seawall_str) -> seawall_status {
    entry(|| {
        let call = handle!(call)?;
        let name = text!(name)?;
        call.with(|call| call.error_type(name));
        Ok(())
    })
}

/// The refusal or timeout behind the last step as a JSON object with `code`, `message`, `used`,
/// `limit` and, where there are any, `state`, `retry_after_ns` and `amount`; `{NULL, 0}` if there
/// is none.
///
/// Owns: `*json` is the caller's, to be freed. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_refusal(call: *const seawall_call, json: *mut seawall_text) -> seawall_status {
    let json = output!(json, seawall_text::NONE);
    entry(|| {
        let call = handle!(call)?;
        let json = json.required()?;
        if let Some(refusal) = call.with(|call| call.refusal().map(refusal_json)) {
            json.set(refusal);
        }
        Ok(())
    })
}
