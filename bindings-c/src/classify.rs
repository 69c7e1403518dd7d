//! The classification tables, for drivers that have a status or the name of an error.

use crate::guard::entry;
use crate::own::{output, text};
use crate::status::{SEAWALL_NO_HINT, SEAWALL_OUTCOME_FAILURE, seawall_status};
use crate::text::seawall_str;
use seawall::classify;
use seawall::error::Code;
use seawall::outcome::{Hint, Outcome};

/// What an HTTP status says.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_classify_http(code: u16, outcome: *mut u8) -> seawall_status {
    answer(outcome, || Ok(classify::http_status(code)))
}

/// What a gRPC status number says.
///
/// Owns: nothing. Threads: any. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_classify_grpc(code: i32, outcome: *mut u8) -> seawall_status {
    answer(outcome, || Ok(classify::grpc_code(code)))
}

/// What the name of an error says. `language` is `python`, `node`, `go` or `rust`, or empty for all.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` where no table knows it, with
/// `SEAWALL_OUTCOME_FAILURE` as the outcome; `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_classify_error(
    language: seawall_str,
    name: seawall_str,
    outcome: *mut u8,
) -> seawall_status {
    answer(outcome, || classify::error_name(text!(language)?, text!(name)?).ok_or(Code::UnknownValue))
}

/// What a `Retry-After` header says, in nanoseconds from now: a number of seconds or a date, for
/// which `unix_seconds` is the wall clock's present. -1: never.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for what is neither, with
/// `SEAWALL_NO_HINT`; `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_classify_retry_after(
    value: seawall_str,
    unix_seconds: u64,
    hint: *mut i64,
) -> seawall_status {
    let hint = output!(hint, SEAWALL_NO_HINT);
    entry(|| {
        let hint = hint.required()?;
        let now = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
        hint.set(match classify::retry_after(text!(value)?, now).ok_or(Code::UnknownValue)? {
            Hint::After(span) => i64::try_from(span.0).unwrap_or(i64::MAX),
            Hint::Never => -1,
        });
        Ok(())
    })
}

fn answer(outcome: *mut u8, judge: impl FnOnce() -> Result<Outcome, Code>) -> seawall_status {
    let outcome = output!(outcome, SEAWALL_OUTCOME_FAILURE);
    entry(|| {
        let outcome = outcome.required()?;
        outcome.set(judge()? as u8);
        Ok(())
    })
}
