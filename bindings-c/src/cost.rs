//! Cost budgets by hand: reserve before, settle after.

use crate::explain::{amounts, seawall_refusal};
use crate::guard::{entry, guard};
use crate::own::{hand_out, handle, output, release, sized, text};
use crate::policy::seawall_policy;
use crate::status::seawall_status;
use crate::text::seawall_str;
use parking_lot::Mutex;
use seawall::Policy;
use seawall::cost::{CostBudget, Reservation};
use seawall::error::{Code, Refusal};
use std::sync::Arc;

/// Amounts that are set aside. For one thread at a time; a second one waits for the first.
pub struct seawall_reservation {
    policy: Policy,
    held: Mutex<Vec<(Arc<CostBudget>, Reservation)>>,
}

impl Drop for seawall_reservation {
    fn drop(&mut self) {
        give_back(&self.policy, std::mem::take(self.held.get_mut()));
    }
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
        let tell = |why: Refusal| {
            refusal.set((&why).into());
            why.code
        };
        let costs = costs(&policy.inner)?;
        policy.inner.host_refusal().map_or(Ok(()), Err).map_err(tell)?;
        for budget in costs {
            policy.inner.with(|cx| budget.check(cx)).map_err(tell)?;
        }
        Ok(())
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
        let mut held = Vec::new();
        let costs = costs(&policy.inner)?;
        if let Some(why) = policy.inner.host_refusal() {
            refusal.set((&why).into());
            return Err(why.code);
        }
        for budget in costs {
            let known = budget.known(estimate.iter().map(|(name, n)| (name.as_str(), *n)));
            match policy.inner.with(|cx| budget.reserve(&known, cx)) {
                Ok(reserved) => held.push((budget, reserved)),
                Err(why) => {
                    refusal.set((&why).into());
                    give_back(&policy.inner, held);
                    return Err(why.code);
                }
            }
        }
        reservation.set(hand_out(seawall_reservation { policy: policy.inner.clone(), held: Mutex::new(held) }));
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
        let held = std::mem::take(&mut *reservation.held.lock());
        if held.is_empty() {
            return Err(Code::WrongOrder);
        }
        for (budget, reserved) in held {
            let known = budget.known(actual.iter().map(|(name, n)| (name.as_str(), *n)));
            reservation.policy.with(|cx| budget.settle(reserved, &known, cx));
        }
        Ok(())
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

fn costs(policy: &Policy) -> Result<Vec<Arc<CostBudget>>, Code> {
    let costs = policy.costs().to_vec();
    if costs.is_empty() { Err(Code::NoSuchPart) } else { Ok(costs) }
}

fn give_back(policy: &Policy, held: Vec<(Arc<CostBudget>, Reservation)>) {
    for (budget, reserved) in held {
        policy.with(|cx| budget.give_back(reserved, cx));
    }
}
