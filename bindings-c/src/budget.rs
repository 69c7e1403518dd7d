//! The retry budget by hand.

use crate::guard::entry;
use crate::own::{handle, output};
use crate::policy::seawall_policy;
use crate::status::{SEAWALL_NONE, seawall_status};
use seawall::Policy;
use seawall::budget::{Budget, Cost};
use seawall::cx::Cx;
use seawall::error::Code;
use seawall::outcome::Outcome;

/// A call begins.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_begin(policy: *const seawall_policy) -> seawall_status {
    entry(|| with(&handle!(policy)?.inner, |budget, cx| budget.begin(cx)))
}

/// A call ends, however it did.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_end(policy: *const seawall_policy) -> seawall_status {
    entry(|| with(&handle!(policy)?.inner, |budget, cx| budget.end(cx)))
}

/// Asks for a retry after `outcome`. `*granted` says whether it may be made, and `*cost` what it was
/// paid with: hand it on to `seawall_budget_retry_end` and `seawall_budget_success`.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE`, `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_withdraw(
    policy: *const seawall_policy,
    outcome: u8,
    granted: *mut u8,
    cost: *mut u64,
) -> seawall_status {
    let (granted, cost) = (output!(granted, 0), output!(cost, 0));
    entry(|| {
        let (policy, granted, cost) = (handle!(policy)?, granted.required()?, cost.required()?);
        let outcome = Outcome::from_u8(outcome).ok_or(Code::UnknownValue)?;
        if let Some(paid) = with(&policy.inner, |budget, cx| budget.withdraw(outcome, cx))? {
            granted.set(1);
            cost.set(u64::from(paid.0));
        }
        Ok(())
    })
}

/// The retry that `cost` paid for has ended.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for a cost that is none, `NO_SUCH_PART`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_retry_end(policy: *const seawall_policy, cost: u64) -> seawall_status {
    entry(|| {
        let policy = handle!(policy)?;
        let cost = to_cost(cost)?;
        with(&policy.inner, |budget, cx| budget.retry_end(cost, cx))
    })
}

/// A call succeeded. `last_cost` is what its last retry cost, or `SEAWALL_NONE` at the first try.
///
/// Owns: nothing. Threads: any. Statuses: `UNKNOWN_VALUE` for a cost that is none, `NO_SUCH_PART`,
/// `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_success(policy: *const seawall_policy, last_cost: u64) -> seawall_status {
    entry(|| {
        let policy = handle!(policy)?;
        let last = if last_cost == SEAWALL_NONE { None } else { Some(to_cost(last_cost)?) };
        with(&policy.inner, |budget, cx| budget.success(last, cx))
    })
}

/// Tokens, or retries, that are left.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_balance(policy: *const seawall_policy, balance: *mut f64) -> seawall_status {
    let balance = output!(balance, 0.0);
    entry(|| {
        let (policy, balance) = (handle!(policy)?, balance.required()?);
        balance.set(with(&policy.inner, |budget, cx| budget.balance(cx))?);
        Ok(())
    })
}

/// Retries that may run at once, where that is the rule; else `SEAWALL_NONE`.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_limit(policy: *const seawall_policy, limit: *mut u64) -> seawall_status {
    let limit = output!(limit, SEAWALL_NONE);
    entry(|| {
        let (policy, limit) = (handle!(policy)?, limit.required()?);
        limit.set(with(&policy.inner, |budget, _| budget.limit())?.unwrap_or(SEAWALL_NONE));
        Ok(())
    })
}

/// Retries that run now.
///
/// Owns: nothing. Threads: any. Statuses: `NO_SUCH_PART`, `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_budget_active(policy: *const seawall_policy, active: *mut u64) -> seawall_status {
    let active = output!(active, 0);
    entry(|| {
        let (policy, active) = (handle!(policy)?, active.required()?);
        active.set(with(&policy.inner, |budget, _| budget.active_retries())?);
        Ok(())
    })
}

fn to_cost(cost: u64) -> Result<Cost, Code> {
    u32::try_from(cost).map(Cost).map_err(|_| Code::UnknownValue)
}

fn with<R>(policy: &Policy, act: impl FnOnce(&Budget, &mut Cx) -> R) -> Result<R, Code> {
    let budget = policy.budget().cloned().ok_or(Code::NoSuchPart)?;
    Ok(policy.with(|cx| act(&budget, cx)))
}
