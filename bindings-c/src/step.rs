//! What a driver is told, as one flat struct.

use crate::explain::seawall_refusal;
use crate::own::Sized32;
use crate::status::{SEAWALL_NONE, SEAWALL_NOTHING, seawall_status};
use crate::text::seawall_str;
use seawall::call::{Call, Step, Verdict};
use seawall::config::FallbackStep;
use seawall::retry::Stop;
use seawall::time::Span;

/// Run the protected function, at most for `span`; report `seawall_call_done`, or
/// `seawall_call_expire` when `span` is over and the work was stopped or left behind.
pub const SEAWALL_STEP_RUN: u8 = 1;
/// Sleep for `span` (on a manual clock: advance it), then report `seawall_call_woke`.
pub const SEAWALL_STEP_WAIT: u8 = 2;
/// Wait until `ticket` is woken, or for `span`, then report `seawall_call_woke`.
pub const SEAWALL_STEP_QUEUE: u8 = 3;
/// Look for the last good value in the caller's cache; report `seawall_call_looked_up`.
pub const SEAWALL_STEP_LOOK_UP: u8 = 4;
/// Make the value of link `index` of the fallback chain, at most for `span`; report
/// `seawall_call_fell_back`.
pub const SEAWALL_STEP_FALL_BACK: u8 = 5;
/// The call is over; `verdict` says how.
pub const SEAWALL_STEP_FINISH: u8 = 6;

/// With what the last attempt gave: its value, or the user's own error.
pub const SEAWALL_VERDICT_SETTLE: u8 = 1;
/// With what the last look-up found; `stale` says whether it is past its time.
pub const SEAWALL_VERDICT_CACHED: u8 = 2;
/// With what the last link of the fallback chain gave.
pub const SEAWALL_VERDICT_FELL_BACK: u8 = 3;
/// A part of the policy refused; `refusal` says which.
pub const SEAWALL_VERDICT_REFUSED: u8 = 4;
/// The last attempt hit its limit.
pub const SEAWALL_VERDICT_TIMED_OUT: u8 = 5;
/// The call hit its deadline.
pub const SEAWALL_VERDICT_DEADLINE_EXCEEDED: u8 = 6;
/// The caller gave up.
pub const SEAWALL_VERDICT_CANCELLED: u8 = 7;

pub const SEAWALL_STOP_ATTEMPTS: u8 = 1;
pub const SEAWALL_STOP_ELAPSED: u8 = 2;
pub const SEAWALL_STOP_BUDGET: u8 = 3;
pub const SEAWALL_STOP_SERVER: u8 = 4;
pub const SEAWALL_STOP_PERMANENT: u8 = 5;
pub const SEAWALL_STOP_REFUSED: u8 = 6;
pub const SEAWALL_STOP_DEADLINE: u8 = 7;
pub const SEAWALL_STOP_CANCELLED: u8 = 8;

pub const SEAWALL_FALLBACK_VALUE: u8 = 0;
pub const SEAWALL_FALLBACK_FUNCTION: u8 = 1;
pub const SEAWALL_FALLBACK_CACHED: u8 = 2;
pub const SEAWALL_FALLBACK_STALE: u8 = 3;
pub const SEAWALL_FALLBACK_EMPTY: u8 = 4;
pub const SEAWALL_FALLBACK_FAIL_OPEN: u8 = 5;
pub const SEAWALL_FALLBACK_FAIL_CLOSED: u8 = 6;

/// Ask the work to stop and wait until it does.
pub const SEAWALL_MODE_COOPERATIVE: u8 = 0;
/// Go on without it.
pub const SEAWALL_MODE_ABANDON: u8 = 1;

/// Keep the value of the last attempt in the caller's cache.
pub const SEAWALL_CACHE_STORE: u8 = 1;
/// Remove the key from the caller's cache.
pub const SEAWALL_CACHE_FORGET: u8 = 2;

const _: () = {
    assert!(SEAWALL_STOP_CANCELLED == Stop::Cancelled as u8 && SEAWALL_STOP_ATTEMPTS == Stop::Attempts as u8);
    assert!(SEAWALL_FALLBACK_FAIL_CLOSED == FallbackStep::FailClosed as u8);
    assert!(size_of::<seawall_step>() == 96);
};

/// What the driver shall do next. Fields that do not belong to `kind` are 0, 255 or `SEAWALL_NONE`.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_step {
    /// `sizeof(seawall_step)`, set by the caller.
    pub size: u32,
    /// `SEAWALL_STEP_…`; 0 after misuse that left no call to speak of.
    pub kind: u8,
    /// Of `FINISH`: `SEAWALL_VERDICT_…`.
    pub verdict: u8,
    /// Of `FALL_BACK`: `SEAWALL_FALLBACK_…`. 255: none.
    pub fallback: u8,
    /// Of `RUN` with a limit: `SEAWALL_MODE_…`. 255: what is usual in the language.
    pub mode: u8,
    /// Of `LOOK_UP`: take a value past its time too. Of `FINISH`, `CACHED`: it was one.
    pub stale: u8,
    /// Why there is no further attempt: `SEAWALL_STOP_…`. 0: nothing decided.
    pub stop: u8,
    /// Of a refusal by a breaker: its state. 255: none.
    pub state: u8,
    /// Of `FINISH`: `SEAWALL_CACHE_…` bits.
    pub cache: u8,
    /// Of `RUN`: its number, from 1. Of `WAIT`: the attempt that failed. Else: how many were started.
    pub attempt: u32,
    /// Of `FALL_BACK` and of `FINISH`, `FELL_BACK`: the link of the chain.
    pub index: u32,
    /// Tickets of other callers that wait to be fetched with `seawall_call_take_wakes` and woken.
    pub wakes: u32,
    /// The refusal or timeout behind the verdict, or behind stop `REFUSED`. 0: none.
    pub refusal: seawall_status,
    /// Nanoseconds: the limit of `RUN` and `FALL_BACK`, the length of `WAIT`, the longest `QUEUE`.
    /// `SEAWALL_NONE`: without limit.
    pub span: u64,
    /// Of `QUEUE`.
    pub ticket: u64,
    /// Nanoseconds since the start.
    pub elapsed: u64,
    /// Of the refusal: nanoseconds until another try may succeed, or `SEAWALL_NONE`.
    pub retry_after: u64,
    /// Of the refusal: how much of `limit` was in use.
    pub used: u64,
    /// Of the refusal: the limit that was hit; of a timeout, in nanoseconds.
    pub limit: u64,
    /// Of `WAIT`: how the attempt ended; else how the last one did. 255: none has ended.
    pub outcome: u8,
    pub reserved: [u8; 7],
    /// Nanoseconds that the last attempt took, if that was longer than `slow_after`; else
    /// `SEAWALL_NONE`.
    pub slow: u64,
}

// SAFETY: integers alone, the size first, no padding.
unsafe impl Sized32 for seawall_step {
    const FIRST: u32 = 96;
    const EMPTY: Self = seawall_step {
        size: 0,
        kind: 0,
        verdict: 0,
        fallback: SEAWALL_NOTHING,
        mode: SEAWALL_NOTHING,
        stale: 0,
        stop: 0,
        state: SEAWALL_NOTHING,
        cache: 0,
        attempt: 0,
        index: 0,
        wakes: 0,
        refusal: 0,
        span: SEAWALL_NONE,
        ticket: 0,
        elapsed: 0,
        retry_after: SEAWALL_NONE,
        used: 0,
        limit: 0,
        outcome: SEAWALL_NOTHING,
        reserved: [0; 7],
        slow: SEAWALL_NONE,
    };
}

/// The step alone, without what the call knows beside it.
pub(crate) fn bare(step: Step) -> seawall_step {
    let mut flat = seawall_step::EMPTY;
    let limit = |span: Option<Span>| span.map_or(SEAWALL_NONE, |span| span.0);
    match step {
        Step::Run { attempt, limit: span, mode } => {
            flat.kind = SEAWALL_STEP_RUN;
            flat.attempt = attempt;
            flat.span = limit(span);
            flat.mode = mode.map_or(SEAWALL_NOTHING, |mode| mode as u8);
        }
        Step::Wait { span, attempt, outcome } => {
            flat.outcome = outcome as u8;
            flat.kind = SEAWALL_STEP_WAIT;
            flat.span = span.0;
            flat.attempt = attempt;
        }
        Step::Queue { ticket, span } => {
            flat.kind = SEAWALL_STEP_QUEUE;
            flat.ticket = ticket;
            flat.span = limit(span);
        }
        Step::LookUp { stale } => {
            flat.kind = SEAWALL_STEP_LOOK_UP;
            flat.stale = u8::from(stale);
        }
        Step::FallBack { index, step, limit: span } => {
            flat.kind = SEAWALL_STEP_FALL_BACK;
            flat.index = index;
            flat.fallback = step as u8;
            flat.span = limit(span);
        }
        Step::Finish(verdict) => {
            flat.kind = SEAWALL_STEP_FINISH;
            flat.verdict = number(verdict);
            flat.stale = u8::from(verdict == Verdict::Stale);
        }
    }
    flat
}

fn number(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Settle => SEAWALL_VERDICT_SETTLE,
        Verdict::Cached | Verdict::Stale => SEAWALL_VERDICT_CACHED,
        Verdict::FellBack => SEAWALL_VERDICT_FELL_BACK,
        Verdict::Refused => SEAWALL_VERDICT_REFUSED,
        Verdict::TimedOut => SEAWALL_VERDICT_TIMED_OUT,
        Verdict::DeadlineExceeded => SEAWALL_VERDICT_DEADLINE_EXCEEDED,
        Verdict::Cancelled => SEAWALL_VERDICT_CANCELLED,
    }
}

/// The step with everything that one crossing can bring along.
pub(crate) fn full(step: Step, call: &Call, link: u32, wakes: usize) -> seawall_step {
    let mut flat = bare(step);
    if !matches!(step, Step::Run { .. } | Step::Wait { .. }) {
        flat.attempt = call.attempts();
    }
    if let Some(last) = call.last_outcome() {
        flat.outcome = last as u8;
    }
    flat.elapsed = call.elapsed().0;
    flat.slow = call.slow().map_or(SEAWALL_NONE, |took| took.0);
    flat.wakes = u32::try_from(wakes).unwrap_or(u32::MAX);
    flat.stop = call.reason().map_or(0, |stop| stop as u8);
    if let Some(refusal) = call.refusal().map(seawall_refusal::from) {
        flat.refusal = refusal.status;
        flat.state = refusal.state;
        flat.retry_after = refusal.retry_after;
        flat.used = refusal.used;
        flat.limit = refusal.limit;
    }
    if let Step::Finish(verdict) = step {
        if verdict == Verdict::FellBack {
            flat.index = link;
        }
        flat.cache =
            u8::from(call.should_store()) * SEAWALL_CACHE_STORE + u8::from(call.should_forget()) * SEAWALL_CACHE_FORGET;
    }
    flat
}

/// The name of a `SEAWALL_STOP_…` (`attempts`); empty for a number that is none.
///
/// Owns: static text. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_stop_name(stop: u8) -> seawall_str {
    let known = Stop::ALL.into_iter().find(|known| *known as u8 == stop);
    crate::guard::guard(|| seawall_str::from_static(known.map_or("", Stop::as_str)))
}

/// The name of a `SEAWALL_FALLBACK_…` (`fail_open`); empty for a number that is none.
///
/// Owns: static text. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub extern "C" fn seawall_fallback_name(step: u8) -> seawall_str {
    let known = FallbackStep::ALL.into_iter().find(|known| *known as u8 == step);
    crate::guard::guard(|| seawall_str::from_static(known.map_or("", FallbackStep::as_str)))
}
