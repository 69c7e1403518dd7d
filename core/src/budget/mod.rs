//! How many retries a dependency is worth, shared by all policies that name the same budget.

mod ratio;

use crate::cell::{Block, LINE};
use crate::config::BudgetRule;
use crate::cx::Cx;
use crate::outcome::Outcome;
use crate::sync::Ordering;
use ratio::Ratio;

// Word indices.
const BALANCE: usize = 0;
const ACTIVE_CALLS: usize = 1;
const ACTIVE_RETRIES: usize = 2;
const DENIED: usize = 3;
const GRANTED: usize = 4;
/// First-try successes that have not been paid in yet, on a line of their own.
const SUCCESSES: usize = LINE;
const FIRST_SLICE: usize = 2 * LINE;

/// What a retry was paid with; goes back to the budget when the retry ends or the call succeeds.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Cost(pub u32);

/// A budget at one instant.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct BudgetSnapshot {
    /// Retries (or tokens) that are left now.
    pub balance: f64,
    /// Retries that may run at once, where that is the rule.
    pub limit: Option<u64>,
    /// Calls under way that may retry.
    pub active_calls: u64,
    /// Retries under way, where they are counted.
    pub active_retries: u64,
    /// Retries that were paid for, ever.
    pub granted: u64,
    /// Retries that the budget did not allow, ever.
    pub denied: u64,
}

/// A retry budget. All methods may be called from any thread.
pub struct Budget {
    rule: BudgetRule,
    cell: Block,
}

impl Budget {
    /// A full budget that nobody else shares.
    pub fn new(rule: &BudgetRule) -> Budget {
        let cell = Block::new(FIRST_SLICE + ratio::WORDS);
        if let BudgetRule::Tokens { capacity, .. } = rule {
            cell.word(BALANCE).store(u64::from(*capacity), Ordering::Relaxed);
        }
        Budget { rule: rule.clone(), cell }
    }

    /// A call begins.
    pub fn begin(&self, cx: &mut Cx) {
        self.cell.word(ACTIVE_CALLS).fetch_add(1, Ordering::AcqRel);
        if let Some(ratio) = self.ratio() {
            ratio.deposit(&self.cell, cx.now);
        }
    }

    /// A call ends, however it did.
    pub fn end(&self, _cx: &mut Cx) {
        lower(&self.cell, ACTIVE_CALLS);
    }

    /// Pays for a retry after `outcome`; `None` if the budget does not allow it.
    pub fn withdraw(&self, outcome: Outcome, cx: &mut Cx) -> Option<Cost> {
        let cost = match &self.rule {
            BudgetRule::Tokens { failure, timeout, throttled, .. } => {
                let cost = match outcome {
                    Outcome::Timeout => *timeout,
                    Outcome::Throttled => *throttled,
                    _ => *failure,
                };
                self.pay_in();
                // AcqRel: tokens are spent once.
                let paid = self
                    .cell
                    .word(BALANCE)
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, |balance| balance.checked_sub(u64::from(cost)));
                paid.is_ok().then_some(Cost(cost))
            }
            BudgetRule::Ratio { .. } => self.ratio()?.withdraw(&self.cell, cx.now).then_some(Cost(1)),
            BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. } => {
                let limit = self.limit().unwrap_or(0);
                let taken =
                    self.cell.word(ACTIVE_RETRIES).fetch_update(Ordering::AcqRel, Ordering::Acquire, |active| {
                        (active < limit).then_some(active + 1)
                    });
                taken.is_ok().then_some(Cost(1))
            }
        };
        self.cell.word(if cost.is_some() { GRANTED } else { DENIED }).fetch_add(1, Ordering::Relaxed);
        cost
    }

    /// The retry that `cost` paid for has ended.
    pub fn retry_end(&self, _cost: Cost, _cx: &mut Cx) {
        if matches!(self.rule, BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. }) {
            lower(&self.cell, ACTIVE_RETRIES);
        }
    }

    /// A call succeeded; `last` is what its last retry cost, if it had one.
    pub fn success(&self, last: Option<Cost>, _cx: &mut Cx) {
        let BudgetRule::Tokens { capacity, .. } = self.rule else { return };
        match last {
            // Relaxed: nothing expires, so the sum may be paid in whenever the next one asks.
            None => {
                self.cell.word(SUCCESSES).fetch_add(1, Ordering::Relaxed);
            }
            Some(Cost(cost)) => {
                self.pay_in();
                self.raise_balance(u64::from(cost), u64::from(capacity));
            }
        }
    }

    /// Tokens, retries or running retries that are left.
    pub fn balance(&self, cx: &mut Cx) -> f64 {
        match &self.rule {
            BudgetRule::Tokens { .. } => {
                self.pay_in();
                self.cell.word(BALANCE).load(Ordering::Acquire) as f64
            }
            BudgetRule::Ratio { .. } => self.ratio().map_or(0.0, |ratio| ratio.balance(&self.cell, cx.now)),
            BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. } => {
                self.limit().unwrap_or(0).saturating_sub(self.active_retries()) as f64
            }
        }
    }

    /// How many retries may run at once, where that is the rule.
    pub fn limit(&self) -> Option<u64> {
        match &self.rule {
            BudgetRule::Concurrent { share, floor } => {
                let active = self.cell.word(ACTIVE_CALLS).load(Ordering::Acquire);
                // The integer part; a hair is added so that 0.2 of 5 is 1 in binary too.
                Some(u64::from(*floor).max((active as f64 * share + 1e-9) as u64))
            }
            BudgetRule::Cap { retries } => Some(u64::from(*retries)),
            BudgetRule::Tokens { .. } | BudgetRule::Ratio { .. } => None,
        }
    }

    /// Retries under way, where the rule counts them.
    pub fn active_retries(&self) -> u64 {
        self.cell.word(ACTIVE_RETRIES).load(Ordering::Acquire)
    }

    /// What there is now; pays in what is outstanding.
    pub fn snapshot(&self, cx: &mut Cx) -> BudgetSnapshot {
        BudgetSnapshot {
            balance: self.balance(cx),
            limit: self.limit(),
            active_calls: self.cell.word(ACTIVE_CALLS).load(Ordering::Acquire),
            active_retries: self.active_retries(),
            granted: self.cell.word(GRANTED).load(Ordering::Relaxed),
            denied: self.cell.word(DENIED).load(Ordering::Relaxed),
        }
    }

    fn pay_in(&self) {
        let BudgetRule::Tokens { capacity, refund, .. } = self.rule else { return };
        // AcqRel: each success is paid in once.
        let successes = self.cell.word(SUCCESSES).swap(0, Ordering::AcqRel);
        if successes > 0 {
            self.raise_balance(successes.saturating_mul(u64::from(refund)), u64::from(capacity));
        }
    }

    fn raise_balance(&self, by: u64, capacity: u64) {
        let _ = self.cell.word(BALANCE).fetch_update(Ordering::AcqRel, Ordering::Acquire, |balance| {
            Some(balance.saturating_add(by).min(capacity))
        });
    }

    fn ratio(&self) -> Option<Ratio> {
        let BudgetRule::Ratio { share, floor_per_second, span } = self.rule else { return None };
        Some(Ratio { share, floor_per_second, span, first: FIRST_SLICE })
    }
}

/// Lowers a count that a second report must not bring below zero.
fn lower(cell: &Block, word: usize) {
    let _ = cell.word(word).fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
}

#[cfg(all(test, not(loom)))]
mod tests;
