//! Calls that are let in at once: one question, one report, and steps only for those that fail.

use crate::bulkhead::hand_on;
use crate::call::{hand_out_running, read_options, seawall_call, seawall_call_options};
use crate::explain::seawall_refusal;
use crate::guard::entry;
use crate::own::{Sized32, handle, output, sized};
use crate::policy::{SEAWALL_PASSED, seawall_policy, to_pass};
use crate::status::seawall_status;
use seawall::Admission;
use seawall::error::Code;

/// What a call holds that was let in without being stepped. It is the caller's to copy and to give
/// back once: with `seawall_policy_dismiss` after a success, else with
/// `seawall_call_after_admission`.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_admission {
    /// `sizeof(seawall_admission)`, set by the caller.
    pub size: u32,
    pub reserved: u32,
    /// `SEAWALL_ASK`: nothing was taken, make a call.
    pub pass: u64,
    /// When it was let in, in nanoseconds of the registry's clock; 0: nobody needs to know. May be
    /// set where it is 0.
    pub started: u64,
    pub slot: u64,
    pub epoch: u64,
}

const _: () = assert!(size_of::<seawall_admission>() == 40);

// SAFETY: integers alone, the size first, no padding.
unsafe impl Sized32 for seawall_admission {
    const FIRST: u32 = 40;
    const EMPTY: Self = seawall_admission { size: 0, reserved: 0, pass: 0, started: 0, slot: 0, epoch: 0 };
}

impl From<Admission> for seawall_admission {
    fn from(admission: Admission) -> Self {
        let Admission { pass, slot, epoch } = admission;
        let permit = pass.permit & u64::from(u32::MAX);
        seawall_admission { pass: SEAWALL_PASSED | permit, started: pass.started, slot, epoch, ..Self::EMPTY }
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
/// Statuses: `STALE_HANDLE` for an admission that is none, `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_policy_dismiss(
    policy: *const seawall_policy,
    admission: *const seawall_admission,
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
        let woken = policy.inner.dismiss(read(admission)?);
        // Seldom somebody waits, and then it is worth a lock.
        if woken.is_empty() { Ok(()) } else { hand_on(policy, woken, tickets, room, &count) }
    })
}

/// A call whose first attempt was admitted and did not succeed. Its present step is `RUN` 1: report
/// it with `seawall_call_done`.
///
/// Owns: takes what the admission holds; `*call` is the caller's, to be freed. Threads: any.
/// Statuses: `STALE_HANDLE` for an admission that is none, `INVALID_SIZE`, `INVALID_TEXT`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_call_after_admission(
    policy: *const seawall_policy,
    admission: *const seawall_admission,
    options: *const seawall_call_options,
    call: *mut *mut seawall_call,
) -> seawall_status {
    let call = output!(call, std::ptr::null_mut());
    entry(|| {
        let (policy, call) = (handle!(policy)?, call.required()?);
        let (admission, options) = (read(admission)?, read_options(options)?);
        call.set(hand_out_running(policy.inner.call_after_admission(admission, options)));
        Ok(())
    })
}

fn read(admission: *const seawall_admission) -> Result<Admission, Code> {
    // SAFETY: NULL or a struct whose size field is true, by the contract of the header; the size is
    // read before anything else.
    let admission = unsafe {
        if admission.is_null() {
            return Err(Code::NullArgument);
        }
        if (*admission).size < size_of::<seawall_admission>() as u32 {
            return Err(Code::InvalidSize);
        }
        *admission
    };
    let pass = to_pass(admission.pass, admission.started).ok_or(Code::StaleHandle)?;
    Ok(Admission { pass, slot: admission.slot, epoch: admission.epoch })
}
