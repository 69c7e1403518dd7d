//! The stepper: one call through a policy, one crossing a step.
//!
//! The driver asks for the first step, does what it says, reports, and gets the next one until
//! `SEAWALL_STEP_FINISH`. Nothing here sleeps, runs the caller's code or keeps its pointers.

use crate::explain::amounts;
use crate::guard::{caught, entry, guard};
use crate::own::{SizedOut, hand_out, handle, output, release, sized, text};
use crate::policy::{seawall_policy, to_pass};
use crate::status::{SEAWALL_NO_HINT, SEAWALL_NONE, SEAWALL_OK, seawall_status};
use crate::step::{bare, full, seawall_step};
use crate::text::seawall_str;
use parking_lot::Mutex;
use seawall::breaker::Shard;
use seawall::call::{Call, CallOptions, Step, Verdict};
use seawall::error::Code;
use seawall::outcome::{Hint, Outcome};
use seawall::time::Span;

/// One call. For one thread at a time; a second one waits for the first.
pub struct seawall_call {
    inner: Mutex<Inner>,
}

struct Inner {
    call: Call,
    /// What the driver was told last.
    told: Option<Step>,
    /// The link of the fallback chain that was tried last.
    link: u32,
    wakes: Vec<u64>,
    /// A fault of ours happened in this call: what is left of it runs unprotected.
    broken: bool,
}

/// What the driver knows about a call and the policy does not.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_call_options {
    /// `sizeof(seawall_call_options)`, set by the caller.
    pub size: u32,
    /// The driver has a cache, and a key for this call.
    pub cached: u8,
    /// What is counted of this call goes to line `line - 1` of the overlay; 0: the thread's own.
    pub line: u8,
    pub reserved: [u8; 2],
    /// Nanoseconds left to the caller's own deadline, or `SEAWALL_NONE`.
    pub deadline: u64,
    /// What an attempt is expected to cost, `{"tokens":100}`; or `{NULL, 0}`.
    pub estimate: seawall_str,
}

const _: () = assert!(size_of::<seawall_call_options>() == 32);

/// Begins a call; `options` may be NULL.
///
/// Owns: `*call` is the caller's, to be freed. Threads: any. Statuses: `INVALID_SIZE`,
/// `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_new(
    policy: *const seawall_policy,
    options: *const seawall_call_options,
    call: *mut *mut seawall_call,
) -> seawall_status {
    let call = output!(call, std::ptr::null_mut());
    entry(|| {
        let policy = handle!(policy)?;
        let call = call.required()?;
        let options = read_options(options)?;
        call.set(seawall_call::hand_out(policy.inner.call_with(options), None));
        Ok(())
    })
}

/// A call whose first attempt ran under a pass and did not succeed. Its present step is `RUN` 1:
/// report it with `seawall_call_done`.
///
/// Owns: `*call` is the caller's, to be freed. Threads: any. Statuses: `STALE_HANDLE` for a pass
/// that is none, `INVALID_SIZE`, `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_after_pass(
    policy: *const seawall_policy,
    pass: u64,
    started: u64,
    options: *const seawall_call_options,
    call: *mut *mut seawall_call,
) -> seawall_status {
    let call = output!(call, std::ptr::null_mut());
    entry(|| {
        let policy = handle!(policy)?;
        let call = call.required()?;
        let options = read_options(options)?;
        let pass = to_pass(pass, started).ok_or(Code::StaleHandle)?;
        let made = policy.inner.call_after_pass(pass, options);
        call.set(hand_out_running(made));
        Ok(())
    })
}

/// The first step.
///
/// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER` after the first time, `PANICKED`,
/// `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_start(call: *mut seawall_call, step: *mut seawall_step) -> seawall_status {
    let step = sized!(step);
    advance(call, step, |told| expect(told.is_none()), Call::start)
}

/// Attempt number `attempt` ended. `hint` is what the dependency said about coming back, in
/// nanoseconds: `SEAWALL_NO_HINT`, another negative number for "never", or a length. What comes
/// later than the attempt's limit is judged a timeout, whatever `outcome` says.
///
/// Owns: nothing. Threads: one at a time. Statuses: `UNKNOWN_VALUE`; `STALE_HANDLE` for another
/// attempt than the running one, `WRONG_ORDER` if none runs: both change nothing and tell the
/// present step again; `PANICKED`, `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_done(
    call: *mut seawall_call,
    attempt: u32,
    outcome: u8,
    hint: i64,
    step: *mut seawall_step,
) -> seawall_status {
    let step = sized!(step);
    let outcome = Outcome::from_u8(outcome);
    let check = |told: Option<Step>| runs(told, attempt).and_then(|()| outcome.map(|_| ()).ok_or(Code::UnknownValue));
    advance(call, step, check, |call| call.done(attempt, outcome.unwrap_or(Outcome::Failure), to_hint(hint)))
}

/// The limit of the running attempt is over, and its work was stopped or left behind.
///
/// Owns, threads, statuses: as `seawall_call_done`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_expire(
    call: *mut seawall_call,
    attempt: u32,
    step: *mut seawall_step,
) -> seawall_status {
    let step = sized!(step);
    advance(call, step, |told| runs(told, attempt), |call| call.expire(attempt))
}

/// The wait is over, or the ticket was woken.
///
/// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER`, `PANICKED`, `INVALID_SIZE`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_woke(call: *mut seawall_call, step: *mut seawall_step) -> seawall_status {
    let step = sized!(step);
    let check = |told: Option<Step>| expect(matches!(told, Some(Step::Wait { .. } | Step::Queue { .. })));
    advance(call, step, check, Call::woke)
}

/// The caller gave up, whatever the present step; `by_deadline` if its own deadline had passed.
///
/// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER` after the end, `PANICKED`,
/// `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_cancelled(
    call: *mut seawall_call,
    by_deadline: u8,
    step: *mut seawall_step,
) -> seawall_status {
    let step = sized!(step);
    let check = |told: Option<Step>| expect(!matches!(told, Some(Step::Finish(_))));
    advance(call, step, check, |call| call.cancelled(by_deadline != 0))
}

/// The look-up in the caller's cache found a value (1) or did not (0).
///
/// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER`, `PANICKED`, `INVALID_SIZE`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_looked_up(
    call: *mut seawall_call,
    hit: u8,
    step: *mut seawall_step,
) -> seawall_status {
    let step = sized!(step);
    let check = |told: Option<Step>| expect(matches!(told, Some(Step::LookUp { .. })));
    advance(call, step, check, |call| call.looked_up(hit != 0))
}

/// The link of the fallback chain gave a value (1) or failed (0).
///
/// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER`, `PANICKED`, `INVALID_SIZE`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_fell_back(
    call: *mut seawall_call,
    ok: u8,
    step: *mut seawall_step,
) -> seawall_status {
    let step = sized!(step);
    let check = |told: Option<Step>| expect(matches!(told, Some(Step::FallBack { .. })));
    advance(call, step, check, |call| call.fell_back(ok != 0))
}

/// Tickets of other callers that the steps so far admitted or refused: their holders are to be
/// woken. At most `room` are fetched, `count` says how many; what does not fit waits.
///
/// Owns: nothing. Threads: one at a time. Statuses: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_take_wakes(
    call: *mut seawall_call,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    entry(|| {
        let call = handle!(call)?;
        let count = count.required()?;
        // SAFETY: `room` numbers fit, by the contract of the header.
        count.set(unsafe { crate::bulkhead::pour(&mut call.inner.lock().wakes, tickets, room) }?);
        Ok(())
    })
}

/// Ends the call's handle. A call that is not finished counts as given up, and what it held goes
/// back; where others may wait for that, report `seawall_call_cancelled` and take the wakes before.
/// NULL is nothing.
///
/// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_free(call: *mut seawall_call) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(call) });
}

/// A call whose first attempt runs already.
pub(crate) fn hand_out_running(call: Call) -> *mut seawall_call {
    seawall_call::hand_out(call, Some(Step::Run { attempt: 1, limit: None, mode: None }))
}

/// A call that has just been reported on, and what to tell of it; NULL where nothing is left to do.
pub(crate) fn hand_out_at(call: Call, step: Step) -> (*mut seawall_call, seawall_step) {
    let mut inner = Inner { call, told: None, link: 0, wakes: Vec::new(), broken: false };
    let told = inner.tell(step);
    let over = matches!(step, Step::Finish(_)) && inner.wakes.is_empty();
    (if over { std::ptr::null_mut() } else { hand_out(seawall_call { inner: Mutex::new(inner) }) }, told)
}

impl seawall_call {
    /// The call itself, for what is asked and said between two steps.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Call) -> R) -> R {
        act(&mut self.inner.lock().call)
    }

    fn hand_out(call: Call, told: Option<Step>) -> *mut seawall_call {
        let inner = Inner { call, told, link: 0, wakes: Vec::new(), broken: false };
        hand_out(seawall_call { inner: Mutex::new(inner) })
    }
}

impl Inner {
    fn tell(&mut self, step: Step) -> seawall_step {
        self.told = Some(step);
        if let Step::FallBack { index, .. } = step {
            self.link = index;
        }
        self.wakes.append(&mut self.call.take_wakes());
        full(step, &self.call, self.link, self.wakes.len())
    }

    /// After a fault of ours: run it, and end with what it gives.
    fn unprotected(&mut self) -> seawall_step {
        let has_run = matches!(self.told, Some(Step::Run { .. } | Step::Finish(_)));
        let step = if has_run && self.broken { Step::Finish(Verdict::Settle) } else { self.first_unprotected() };
        self.broken = true;
        self.told = Some(step);
        bare(step)
    }

    fn first_unprotected(&self) -> Step {
        match self.told {
            // The attempt has been run and reported: its result stands.
            Some(Step::Run { .. } | Step::Finish(_)) => Step::Finish(Verdict::Settle),
            _ => Step::Run { attempt: 1, limit: None, mode: None },
        }
    }
}

/// One report: checked against the present step, decided under the panic guard, answered.
fn advance(
    call: *mut seawall_call,
    out: Result<SizedOut<seawall_step>, Code>,
    check: impl FnOnce(Option<Step>) -> Result<(), Code>,
    decide: impl FnOnce(&mut Call) -> Step,
) -> seawall_status {
    let judged = caught(|| {
        let out = out.as_ref().map_err(|code| *code)?.wanted()?;
        let call = handle!(call)?;
        let mut inner = call.inner.lock();
        if let Err(code) = check(inner.told) {
            if let Some(step) = inner.told {
                let again = inner.tell(step);
                out.set(again);
            }
            return Err(code);
        }
        let next = if inner.broken {
            inner.unprotected()
        } else {
            let step = decide(&mut inner.call);
            inner.tell(step)
        };
        out.set(next);
        Ok(())
    });
    match judged {
        Some(Ok(())) => SEAWALL_OK,
        Some(Err(code)) => code as seawall_status,
        None => {
            // The guard is passed a second time: the state of the handle itself is plain data.
            caught(|| {
                let (Ok(out), Ok(call)) = (&out, handle!(call)) else { return };
                let mut inner = call.inner.lock();
                inner.call.policy().registry().internal(inner.call.policy().name(), "a panic was caught in a call");
                let step = inner.unprotected();
                out.set(step);
            });
            Code::Panicked as seawall_status
        }
    }
}

fn expect(is_so: bool) -> Result<(), Code> {
    if is_so { Ok(()) } else { Err(Code::WrongOrder) }
}

fn runs(told: Option<Step>, attempt: u32) -> Result<(), Code> {
    match told {
        Some(Step::Run { attempt: running, .. }) if running == attempt => Ok(()),
        Some(Step::Run { .. }) => Err(Code::StaleHandle),
        _ => Err(Code::WrongOrder),
    }
}

pub(crate) fn to_hint(hint: i64) -> Option<Hint> {
    (hint != SEAWALL_NO_HINT).then(|| Hint::from_nanos(hint))
}

pub(crate) fn read_options(options: *const seawall_call_options) -> Result<CallOptions, Code> {
    // SAFETY: NULL or a struct whose size field is true, by the contract of the header; the size
    // is read before anything else.
    let options = unsafe {
        if options.is_null() {
            return Ok(CallOptions::default());
        }
        if (*options).size < size_of::<seawall_call_options>() as u32 {
            return Err(Code::InvalidSize);
        }
        *options
    };
    Ok(CallOptions {
        deadline: (options.deadline != SEAWALL_NONE).then_some(Span(options.deadline)),
        cached: options.cached != 0,
        estimate: amounts(text!(options.estimate)?)?,
        shard: Shard(options.line.checked_sub(1).map(u32::from)),
    })
}
