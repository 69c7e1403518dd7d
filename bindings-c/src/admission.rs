//! Calls that are let in at once: one question, one report, and steps only for those that fail.

use crate::bulkhead::hand_on;
use crate::call::{hand_out_at, hand_out_running, read_options, seawall_call, seawall_call_options, to_hint};
use crate::explain::seawall_refusal;
use crate::guard::{entry, guard};
use crate::overlay::SEAWALL_LINE_SIZE;
use crate::own::{Sized32, hand_out, handle, output, release, sized, text};
use crate::policy::{SEAWALL_ASK, SEAWALL_PASSED, seawall_policy, to_pass};
use crate::status::seawall_status;
use crate::step::{bare, seawall_step};
use crate::text::seawall_str;
use seawall::call::{Step, Verdict};
use seawall::error::Code;
use seawall::outcome::Outcome;
use seawall::{Admission, Ending};

/// What a call holds that was let in without being stepped. It is given back once: with
/// `seawall_policy_dismiss` after a success, else with `seawall_policy_fail` or
/// `seawall_call_after_admission`. Each of them takes `pass` out of it, so that a second time is
/// `STALE_HANDLE`; who copies it answers for the copies.
///
/// A pass that was read from the overlay is one too, with `placed` 0 and `SEAWALL_PASSED | gate`.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_admission {
    /// `sizeof(seawall_admission)`, set by the caller.
    pub size: u32,
    /// It holds a place in the bulkhead.
    pub placed: u32,
    /// `SEAWALL_ASK`: nothing was taken, make a call.
    pub pass: u64,
    /// As `seawall_policy_pass` tells it; 0: nobody needs to know. May be set where it is 0, to one
    /// more than the registry's clock.
    pub started: u64,
    /// The settings that it was given under.
    pub epoch: u64,
}

const _: () = assert!(size_of::<seawall_admission>() == 32);

// SAFETY: integers alone, the size first, no padding.
unsafe impl Sized32 for seawall_admission {
    const FIRST: u32 = 32;
    const EMPTY: Self = seawall_admission { size: 0, placed: 0, pass: SEAWALL_ASK, started: 0, epoch: 0 };
}

impl From<Admission> for seawall_admission {
    fn from(admission: Admission) -> Self {
        let Admission { pass, epoch, placed } = admission;
        let permit = pass.permit & u64::from(u32::MAX);
        seawall_admission {
            size: 0,
            placed: u32::from(placed),
            pass: SEAWALL_PASSED | permit,
            started: pass.started,
            epoch,
        }
    }
}

/// Asks to be let in at once, for a call without options of its own. Where there is room and no
/// doubt `admission` says so; where the circuit is open without doubt the status does; else
/// `admission.pass` is `SEAWALL_ASK` and a call has to be made. `refusal` may be NULL.
///
/// Owns: what `admission` says is the caller's, to be given back. Threads: any. Statuses: `OK`,
/// `CIRCUIT_OPEN`, `INVALID_SIZE`, `NULL_ARGUMENT`; after `PANICKED` make a call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_admit(
    policy: *const seawall_policy,
    admission: *mut seawall_admission,
    refusal: *mut seawall_refusal,
) -> seawall_status {
    let (admission, refusal) = (sized!(admission), sized!(refusal));
    entry(|| {
        let (policy, admission, refusal) = (handle!(policy)?, admission?.required()?, refusal?);
        match policy.inner.admit() {
            Some(admitted) => admission.set(admitted.into()),
            None => {
                if let Some(why) = policy.inner.refusal() {
                    refusal.set((&why).into());
                    return Err(why.code);
                }
            }
        }
        Ok(())
    })
}

/// An admitted call has succeeded: it is counted, and its place is free.
///
/// Owns: takes what the admission holds. Threads: any. `tickets`: as `seawall_bulkhead_cancel`.
/// Statuses: `STALE_HANDLE` for an admission that is none any more, `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_dismiss(
    policy: *const seawall_policy,
    admission: *mut seawall_admission,
    tickets: *mut u64,
    room: usize,
    count: *mut usize,
) -> seawall_status {
    let count = output!(count, 0);
    entry(|| {
        let (policy, count) = (handle!(policy)?, count.required()?);
        if tickets.is_null() && room > 0 {
            return Err(Code::NullArgument);
        }
        let woken = policy.inner.dismiss(take(admission)?);
        // Seldom somebody waits, and then it is worth a lock.
        if woken.is_empty() { Ok(()) } else { hand_on(policy, woken, tickets, room, &count) }
    })
}

/// An admitted call has ended with `outcome`; `hint` is as for `seawall_call_done`, `error_type` the
/// class of the error, for metrics, or `{NULL, 0}`. Where that is the end of the call, `*call` is NULL
/// and `step` says how it ended; else the call goes on with `step`. `options` may be NULL.
///
/// Owns: takes what the admission holds; `*call` is the caller's, to be freed. Threads: any.
/// Statuses: `UNKNOWN_VALUE`, `STALE_HANDLE` for an admission that is none any more, `INVALID_SIZE`,
/// `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_fail(
    policy: *const seawall_policy,
    admission: *mut seawall_admission,
    outcome: u8,
    hint: i64,
    error_type: seawall_str,
    options: *const seawall_call_options,
    step: *mut seawall_step,
    call: *mut *mut seawall_call,
) -> seawall_status {
    let call = output!(call, std::ptr::null_mut());
    let step = sized!(step);
    entry(|| {
        let (policy, call, step) = (handle!(policy)?, call.required()?, step?.required()?);
        let outcome = Outcome::from_u8(outcome).ok_or(Code::UnknownValue)?;
        let (name, options) = (text!(error_type)?, read_options(options)?);
        let name = Some(name).filter(|name| !name.is_empty());
        let plain = options.deadline.is_none() && !options.cached && options.estimate.is_empty();
        let (admission, hint) = (take(admission)?, to_hint(hint));
        let goes_on = if plain {
            policy.inner.fail(admission, outcome, hint, name)
        } else {
            let mut made = policy.inner.call_after_admission(admission, options);
            name.into_iter().for_each(|name| made.error_type(name));
            let next = made.done(1, outcome, hint);
            Some((made, next))
        };
        match goes_on {
            Some((made, next)) => {
                let (goes_on, told) = hand_out_at(made, next);
                call.set(goes_on);
                step.set(told);
            }
            None => {
                step.set(seawall_step { attempt: 1, outcome: outcome as u8, ..bare(Step::Finish(Verdict::Settle)) })
            }
        }
        Ok(())
    })
}

/// How the calls of one policy end whose errors are of one kind.
pub struct seawall_ending {
    inner: Ending,
}

/// The ending of calls whose error is of the class `error_type` and means `outcome`, to be kept by who
/// meets errors of the same kind again.
///
/// Owns: `*ending` is the caller's, to be freed. Threads: any. Statuses: `UNKNOWN_VALUE`,
/// `INVALID_TEXT`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_ending_new(
    policy: *const seawall_policy,
    outcome: u8,
    error_type: seawall_str,
    ending: *mut *mut seawall_ending,
) -> seawall_status {
    let ending = output!(ending, std::ptr::null_mut());
    entry(|| {
        let (policy, ending) = (handle!(policy)?, ending.required()?);
        let outcome = Outcome::from_u8(outcome).ok_or(Code::UnknownValue)?;
        ending.set(hand_out(seawall_ending { inner: policy.inner.ending(outcome, text!(error_type)?) }));
        Ok(())
    })
}

/// Forgets the ending. NULL is nothing.
///
/// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_ending_free(ending: *mut seawall_ending) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(ending) });
}

/// Where calls that end so are counted by who enters their failures in a `seawall_failure_log`: one more in
/// one of these words for each, and nothing else.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_ending_lines {
    /// `sizeof(seawall_ending_lines)`, set by the caller.
    pub size: u32,
    /// How many lines any thread may add to.
    pub lines: u32,
    /// The word of the first of them, the others `SEAWALL_LINE_SIZE` bytes apart, to be added to atomically.
    /// NULL: there is none, end such calls with `seawall_policy_end`.
    pub shared: *mut u64,
    /// The words of the lines that were lent, each to be added to by a plain load and store; NULL: there is
    /// none.
    pub lent: [*mut u64; 4],
}

const _: () = assert!(size_of::<seawall_ending_lines>() == 48);

// SAFETY: integers and addresses alone, the size first, no padding.
unsafe impl Sized32 for seawall_ending_lines {
    const FIRST: u32 = 48;
    const EMPTY: Self =
        seawall_ending_lines { size: 0, lines: 0, shared: std::ptr::null_mut(), lent: [std::ptr::null_mut(); 4] };
}

/// Where calls with that ending are counted. The words live as long as the policy's handle.
///
/// Owns: the memory is the policy's; the ending is one of the same policy. Threads: any. Statuses:
/// `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_ending_counted(
    policy: *const seawall_policy,
    ending: *const seawall_ending,
    lines: *mut seawall_ending_lines,
) -> seawall_status {
    let lines = sized!(lines);
    entry(|| {
        let lines = lines?.required()?;
        let found = handle!(policy)?.inner.ending_lines(&handle!(ending)?.inner);
        lines.set(found.filter(|found| found.stride == SEAWALL_LINE_SIZE).map_or(
            seawall_ending_lines::EMPTY,
            |found| seawall_ending_lines {
                lines: found.shared_lines,
                shared: std::ptr::with_exposed_provenance_mut(found.shared),
                lent: found.lent.map(|line| line.map_or(std::ptr::null_mut(), std::ptr::with_exposed_provenance_mut)),
                ..seawall_ending_lines::EMPTY
            },
        ));
        Ok(())
    })
}

/// `seawall_policy_fail` for a call under `SEAWALL_PASSED | gate`, in scalars. 1: it is counted, judged and
/// over, and its result stands. 0: nothing has been taken, there may be more to do: `seawall_policy_fail`.
///
/// Owns: nothing; the ending is one of the same policy. Threads: any. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_end(
    policy: *const seawall_policy,
    pass: u64,
    ending: *const seawall_ending,
) -> u8 {
    guard(|| {
        let (Ok(policy), Ok(ending), Some(pass)) = (handle!(policy), handle!(ending), to_pass(pass, 0)) else {
            return 0;
        };
        u8::from(policy.inner.end(pass, &ending.inner))
    })
}

/// A call whose first attempt was admitted and did not succeed. Its present step is `RUN` 1: report
/// it with `seawall_call_done`.
///
/// Owns: takes what the admission holds; `*call` is the caller's, to be freed. Threads: any.
/// Statuses: `STALE_HANDLE` for an admission that is none any more, `INVALID_SIZE`, `INVALID_TEXT`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_after_admission(
    policy: *const seawall_policy,
    admission: *mut seawall_admission,
    options: *const seawall_call_options,
    call: *mut *mut seawall_call,
) -> seawall_status {
    let call = output!(call, std::ptr::null_mut());
    entry(|| {
        let (policy, call) = (handle!(policy)?, call.required()?);
        let options = read_options(options)?;
        let admission = take(admission)?;
        call.set(hand_out_running(policy.inner.call_after_admission(admission, options)));
        Ok(())
    })
}

/// Takes the admission out of its struct, which is none from then on.
fn take(admission: *mut seawall_admission) -> Result<Admission, Code> {
    // SAFETY: NULL or a struct whose size field is true, by the contract of the header; the size is
    // read before anything else.
    let place = unsafe {
        if admission.is_null() {
            return Err(Code::NullArgument);
        }
        if (&raw const (*admission).size).read() < size_of::<seawall_admission>() as u32 {
            return Err(Code::InvalidSize);
        }
        &mut *admission
    };
    let pass = to_pass(place.pass, place.started).ok_or(Code::StaleHandle)?;
    place.pass = SEAWALL_ASK;
    Ok(Admission { pass, epoch: place.epoch, placed: place.placed != 0 })
}
