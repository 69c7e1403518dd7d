//! How many retries a dependency is worth, shared by all policies that name the same budget.

mod calls;
mod ratio;

use crate::cell::{Block, LINE, ROW, Seats};
use crate::config::BudgetRule;
use crate::cx::Cx;
use crate::family::Spot;
use crate::outcome::Outcome;
use crate::segment::Owner;
use crate::sync::{AtomicU64, Ordering};
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
const WORDS: usize = (FIRST_SLICE + ratio::WORDS).next_multiple_of(LINE);
// Behind them, where processes share a rule on what is under way: what each of them has.
const FIRST_CALLS: usize = WORDS;
const RETRIES: Seats = Seats { first: FIRST_CALLS + calls::WORDS, capacity: 1024 };

/// Words of a cell that processes share.
fn shared_words(rule: &BudgetRule) -> usize {
    match rule {
        BudgetRule::Tokens { .. } | BudgetRule::Ratio { .. } => WORDS,
        BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. } => RETRIES.first + RETRIES.words(),
    }
}

/// What processes that share a cell must agree on.
pub(crate) const SHAPE: [usize; 11] = [
    BALANCE,
    ACTIVE_CALLS,
    ACTIVE_RETRIES,
    DENIED,
    GRANTED,
    SUCCESSES,
    FIRST_SLICE,
    FIRST_CALLS,
    RETRIES.first,
    RETRIES.capacity,
    ROW,
];

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
        let cell = Block::new(WORDS);
        cell.word(BALANCE).store(first_balance(rule), Ordering::Relaxed);
        Budget { rule: rule.clone(), cell }
    }

    /// At a spot that processes share; of this process's own where there is none. What is left of the
    /// balance goes over to a budget of other settings.
    pub(crate) fn at(rule: &BudgetRule, spot: Option<Spot<'_>>) -> Budget {
        let fill = |new: &[AtomicU64], old: Option<(&BudgetRule, &[AtomicU64])>| {
            let kept = |old: &[AtomicU64]| old[BALANCE].load(Ordering::Acquire);
            let balance = match old {
                Some((BudgetRule::Tokens { .. }, old)) => kept(old).min(first_balance(rule)),
                _ => first_balance(rule),
            };
            new[BALANCE].store(balance, Ordering::Relaxed);
        };
        let wanted = crate::sync::Arc::new(rule.clone());
        match spot.and_then(|spot| spot.home.cell(spot.key, &wanted, shared_words(rule), &fill)) {
            Some((rule, found)) if found.held.words().len() >= shared_words(&rule) => {
                if let (BudgetRule::Cap { retries }, Some(spot)) = (&*rule, spot)
                    && *retries as usize > RETRIES.capacity
                {
                    spot.home.has_fewer(RETRIES.capacity, (*retries).into(), "there are no more in host scope");
                }
                Budget { rule: BudgetRule::clone(&rule), cell: Block::mapped(found.held) }
            }
            _ => Budget::new(rule),
        }
    }

    /// Over the words of a shared cell that may only be looked at; `None` if they are too few.
    pub(crate) fn over(rule: &BudgetRule, cell: Block) -> Option<Budget> {
        (cell.len() >= shared_words(rule)).then(|| Budget { rule: rule.clone(), cell })
    }

    /// Looks at a shared cell and changes nothing.
    pub(crate) fn peek(&self, now: crate::time::Tick, living: &dyn Fn(usize) -> Option<Owner>) -> BudgetSnapshot {
        let word = |word: usize| self.word(word);
        let (active_calls, active_retries) = match shared_words(&self.rule) {
            // These rules count no retries, and of calls only how many there are.
            WORDS => (word(ACTIVE_CALLS).min(calls::MOST), 0),
            _ => (calls::sum_of(&self.cell, FIRST_CALLS, living), RETRIES.in_use(&self.cell)),
        };
        let limit = self.limit_of(active_calls);
        let balance = match &self.rule {
            BudgetRule::Tokens { capacity, refund, .. } => {
                let unpaid = word(SUCCESSES).saturating_mul(u64::from(*refund));
                within(word(BALANCE).saturating_add(unpaid), u64::from(*capacity)) as f64
            }
            BudgetRule::Ratio { .. } => self.ratio().map_or(0.0, |ratio| ratio.peek(&self.cell, now)),
            BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. } => {
                limit.unwrap_or(0).saturating_sub(active_retries) as f64
            }
        };
        BudgetSnapshot { balance, limit, active_calls, active_retries, granted: word(GRANTED), denied: word(DENIED) }
    }

    pub(crate) fn cell(&self) -> &Block {
        &self.cell
    }

    /// A call begins.
    pub fn begin(&self, cx: &mut Cx) {
        if !(self.is_told_apart() && calls::change(&self.cell, FIRST_CALLS, true)) {
            self.cell.word(ACTIVE_CALLS).fetch_add(1, Ordering::AcqRel);
        }
        if let Some(ratio) = self.ratio() {
            ratio.deposit(&self.cell, cx.now);
        }
    }

    /// A call ends, however it did.
    pub fn end(&self, _cx: &mut Cx) {
        if !(self.is_told_apart() && calls::change(&self.cell, FIRST_CALLS, false)) {
            lower(&self.cell, ACTIVE_CALLS);
        }
    }

    /// Pays for a retry after `outcome`; `None` if the budget does not allow it.
    pub fn withdraw(&self, outcome: Outcome, cx: &mut Cx) -> Option<Cost> {
        let cost = match &self.rule {
            BudgetRule::Tokens { capacity, failure, timeout, throttled, .. } => {
                let cost = match outcome {
                    Outcome::Timeout => *timeout,
                    Outcome::Throttled => *throttled,
                    _ => *failure,
                };
                self.pay_in();
                // AcqRel: tokens are spent once.
                let paid = self.cell.word(BALANCE).fetch_update(Ordering::AcqRel, Ordering::Acquire, |balance| {
                    within(balance, u64::from(*capacity)).checked_sub(u64::from(cost))
                });
                paid.is_ok().then_some(Cost(cost))
            }
            BudgetRule::Ratio { .. } => self.ratio()?.withdraw(&self.cell, cx.now).then_some(Cost(1)),
            BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. } => {
                let limit = self.limit().unwrap_or(0);
                self.start_retry(limit).then_some(Cost(1))
            }
        };
        self.cell.word(if cost.is_some() { GRANTED } else { DENIED }).fetch_add(1, Ordering::Relaxed);
        cost
    }

    fn start_retry(&self, limit: u64) -> bool {
        if self.is_told_apart() {
            let limits = (limit, RETRIES.capacity as u64);
            let take = || self.cell.owner().is_some_and(|me| RETRIES.take(&self.cell, me, limits, 0).is_some());
            return take() || RETRIES.reclaim(&self.cell) > 0 && take();
        }
        let more = |active| (active < limit).then_some(active + 1);
        self.cell.word(ACTIVE_RETRIES).fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// The retry that `cost` paid for has ended.
    pub fn retry_end(&self, _cost: Cost, _cx: &mut Cx) {
        if !matches!(self.rule, BudgetRule::Concurrent { .. } | BudgetRule::Cap { .. }) {
            return;
        }
        if self.is_told_apart() {
            // Its places are all alike: any of ours will do.
            self.cell.owner().and_then(|me| RETRIES.give_back_one(&self.cell, me, 0));
        } else {
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
            BudgetRule::Tokens { capacity, .. } => {
                self.pay_in();
                within(self.word(BALANCE), u64::from(*capacity)) as f64
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
            BudgetRule::Concurrent { .. } => self.limit_of(self.active_calls()),
            _ => self.limit_of(0),
        }
    }

    fn limit_of(&self, active: u64) -> Option<u64> {
        let limit = self.limit_by_rule(active)?;
        let is_shared = self.cell.len() > WORDS;
        Some(if is_shared { limit.min(RETRIES.capacity as u64) } else { limit })
    }

    fn limit_by_rule(&self, active: u64) -> Option<u64> {
        match &self.rule {
            BudgetRule::Concurrent { share, floor } => {
                // The integer part; a hair is added so that 0.2 of 5 is 1 in binary too.
                Some(u64::from(*floor).max((active as f64 * share + 1e-9) as u64))
            }
            BudgetRule::Cap { retries } => Some(u64::from(*retries)),
            BudgetRule::Tokens { .. } | BudgetRule::Ratio { .. } => None,
        }
    }

    /// Retries under way, where the rule counts them.
    pub fn active_retries(&self) -> u64 {
        match shared_words(&self.rule) {
            WORDS => 0,
            _ if self.is_told_apart() => RETRIES.in_use(&self.cell),
            _ => self.word(ACTIVE_RETRIES),
        }
    }

    fn active_calls(&self) -> u64 {
        let counted = self.is_told_apart().then(|| calls::sum(&self.cell, FIRST_CALLS)).flatten();
        counted.unwrap_or_else(|| self.word(ACTIVE_CALLS).min(calls::MOST))
    }

    fn word(&self, word: usize) -> u64 {
        self.cell.word(word).load(Ordering::Acquire)
    }

    /// Whether what is under way is counted by process, so that the dead's goes with them.
    fn is_told_apart(&self) -> bool {
        self.cell.held().is_some() && shared_words(&self.rule) > WORDS
    }

    /// What there is now; pays in what is outstanding.
    pub fn snapshot(&self, cx: &mut Cx) -> BudgetSnapshot {
        BudgetSnapshot {
            balance: self.balance(cx),
            limit: self.limit(),
            active_calls: self.active_calls(),
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
            Some(within(balance.saturating_add(by), capacity))
        });
    }

    fn ratio(&self) -> Option<Ratio> {
        let BudgetRule::Ratio { share, floor_per_second, span } = self.rule else { return None };
        Some(Ratio { share, floor_per_second, span, first: FIRST_SLICE })
    }
}

fn first_balance(rule: &BudgetRule) -> u64 {
    match rule {
        BudgetRule::Tokens { capacity, .. } => u64::from(*capacity),
        _ => 0,
    }
}

/// Lowers a count that a second report must not bring below zero.
fn lower(cell: &Block, word: usize) {
    let _ = cell.word(word).fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
}

/// A balance is never above its capacity, whatever is given back and whatever another process wrote.
fn within(balance: u64, capacity: u64) -> u64 {
    balance.min(capacity)
}

#[cfg(all(test, not(loom)))]
mod tests;
