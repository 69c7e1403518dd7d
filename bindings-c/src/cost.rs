//! Cost budgets by hand: reserve before, settle after.

use crate::explain::{amounts, seawall_refusal};
use crate::guard::{entry, guard};
use crate::own::{SizedOut, hand_out, handle, output, release, sized, text};
use crate::policy::seawall_policy;
use crate::status::seawall_status;
use crate::text::seawall_str;
use parking_lot::Mutex;
use seawall::Reserved;
use seawall::error::{Code, Refusal};

/// Amounts that are set aside. For one thread at a time; a second one waits for the first.
pub struct seawall_reservation {
    held: Mutex<Reserved>,
}

/// Whether all cost budgets of the policy have something left. `refusal` may be NULL.
///
/// Owns: nothing. Threads: any. Statuses: `COST_EXCEEDED`, `HOST_UNAVAILABLE`, `NO_SUCH_PART`,
/// `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_cost_check(
    policy: *const seawall_policy,
    refusal: *mut seawall_refusal,
) -> seawall_status {
    let refusal = sized!(refusal);
    entry(|| {
        let (policy, refusal) = (handle!(policy)?, refusal?);
        policy.inner.check_costs().map_err(|why| told(why, refusal))
    })
}

/// Sets amounts aside, `{"tokens":100}`, in each budget of the policy that knows them; all or
/// nothing. `refusal` may be NULL.
///
/// Owns: `*reservation` is the caller's, to be freed. Threads: any. Statuses: `COST_EXCEEDED`,
/// `HOST_UNAVAILABLE`, `NO_SUCH_PART`, `INVALID_TEXT`, `INVALID_SIZE`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_cost_reserve(
    policy: *const seawall_policy,
    json: seawall_str,
    reservation: *mut *mut seawall_reservation,
    refusal: *mut seawall_refusal,
) -> seawall_status {
    let reservation = output!(reservation, std::ptr::null_mut());
    let refusal = sized!(refusal);
    entry(|| {
        let (policy, reservation, refusal) = (handle!(policy)?, reservation.required()?, refusal?);
        let estimate = amounts(text!(json)?)?;
        let held = policy.inner.reserve(&estimate).map_err(|why| told(why, refusal))?;
        reservation.set(hand_out(seawall_reservation { held: Mutex::new(held) }));
        Ok(())
    })
}

/// Says what was really used, once; the reservation is still to be freed.
///
/// Owns: nothing. Threads: one at a time. Statuses: `WRONG_ORDER` the second time, `INVALID_TEXT`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_cost_settle(
    reservation: *mut seawall_reservation,
    json: seawall_str,
) -> seawall_status {
    entry(|| {
        let reservation = handle!(reservation)?;
        let actual = amounts(text!(json)?)?;
        if reservation.held.lock().settle(&actual) { Ok(()) } else { Err(Code::WrongOrder) }
    })
}

/// Ends the reservation; what was not settled goes back. NULL is nothing.
///
/// Owns: takes the handle back. Threads: any, after all others. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_reservation_free(reservation: *mut seawall_reservation) {
    // SAFETY: NULL or a live handle that is not used again, by the contract of the header.
    guard(|| unsafe { release(reservation) });
}

fn told(why: Refusal, refusal: SizedOut<seawall_refusal>) -> Code {
    refusal.set((&why).into());
    why.code
}
