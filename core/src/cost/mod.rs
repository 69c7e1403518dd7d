//! Budgets of named amounts: tokens, cents, rounds.
//!
//! What is reserved counts as used until it is settled, so that callers in flight together cannot
//! overdraw; without an estimate the overrun is at most one call for each of them.

use crate::cell::Block;
use crate::config::CostConfig;
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::family::Spot;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::time::{Span, Tick};

/// At most this many amounts in one budget.
pub const AMOUNTS: usize = 8;
const PERIOD: usize = AMOUNTS;
const WORDS: usize = PERIOD + 1;

/// What processes that share a cell must agree on.
pub(crate) const SHAPE: [usize; 2] = [PERIOD, WORDS];

/// What an attempt holds of the budget, in the order of the configured amounts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    amounts: [u64; AMOUNTS],
    period: u64,
}

/// A cost budget. All methods may be called from any thread.
pub struct CostBudget {
    config: CostConfig,
    cell: Block,
}

/// One amount of a budget at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AmountSnapshot {
    /// Its name.
    pub amount: String,
    /// What is spent or reserved, in this period.
    pub used: u64,
    /// What there is, in each period.
    pub limit: u64,
}

impl CostBudget {
    /// An unspent budget that nobody else shares.
    pub fn new(config: &CostConfig) -> CostBudget {
        CostBudget { config: config.clone(), cell: Block::new(WORDS) }
    }

    /// At a spot that processes share; of this process's own where there is none. What is used of an
    /// amount that stays, stays used under other settings.
    pub(crate) fn at(config: &Arc<CostConfig>, spot: Option<Spot<'_>>) -> CostBudget {
        let fill = |new: &[AtomicU64], old: Option<(&CostConfig, &[AtomicU64])>| {
            let Some((old_config, old)) = old else { return };
            let read = |word: usize| old.get(word).map_or(0, |word| word.load(Ordering::Acquire));
            new[PERIOD].store(read(PERIOD), Ordering::Relaxed);
            for (index, (name, _)) in config.limits.iter().take(AMOUNTS).enumerate() {
                let own = old_config.limits.iter().take(AMOUNTS).position(|(own, _)| own == name);
                let used = own.map_or(0, read);
                new[index].store(used, Ordering::Relaxed);
            }
        };
        match spot.and_then(|spot| spot.home.cell(spot.key, config, WORDS, &fill)) {
            Some((config, found)) if found.held.words().len() >= WORDS => {
                CostBudget { config: CostConfig::clone(&config), cell: Block::mapped(found.held) }
            }
            _ => CostBudget::new(config),
        }
    }

    /// Over the words of a shared cell that may only be looked at; `None` if they are too few.
    pub(crate) fn over(config: &CostConfig, cell: Block) -> Option<CostBudget> {
        (cell.len() >= WORDS).then(|| CostBudget { config: config.clone(), cell })
    }

    /// Looks and changes nothing.
    pub(crate) fn peek(&self, now: Tick) -> Vec<AmountSnapshot> {
        let over = self.cell.word(PERIOD).load(Ordering::Acquire) < self.period(now);
        let used = |index| if over { 0 } else { self.used(index) };
        let amounts = self.amounts();
        amounts
            .map(|(index, (name, limit))| AmountSnapshot { amount: name.clone(), used: used(index), limit: *limit })
            .collect()
    }

    pub(crate) fn cell(&self) -> &Block {
        &self.cell
    }

    /// The settings in force.
    pub fn config(&self) -> &CostConfig {
        &self.config
    }

    /// The same budget under new limits; what is used of an amount that stays, stays used.
    pub fn reconfigured(&self, config: &CostConfig) -> CostBudget {
        let next = CostBudget::new(config);
        next.cell.word(PERIOD).store(self.cell.word(PERIOD).load(Ordering::Acquire), Ordering::Relaxed);
        for (index, (name, _)) in next.amounts() {
            let used = self.amounts().find(|(_, (own, _))| own == name).map_or(0, |(own, _)| self.used(own));
            next.cell.word(index).store(used, Ordering::Relaxed);
        }
        next
    }

    /// Whether anything is left of every amount.
    pub fn check(&self, cx: &mut Cx) -> Result<(), Refusal> {
        self.roll(cx.now);
        for (index, (name, limit)) in self.amounts() {
            let used = self.used(index);
            if used >= *limit {
                return Err(self.refusal(name, used, *limit, cx.now));
            }
        }
        Ok(())
    }

    /// Takes `estimate` (amount, how much) out of the budget, all of it or nothing. Amounts that the
    /// budget does not have are those of others.
    pub fn reserve<S: AsRef<str>>(&self, estimate: &[(S, u64)], cx: &mut Cx) -> Result<Reservation, Refusal> {
        self.check(cx)?;
        let mut reservation = Reservation { amounts: [0; AMOUNTS], period: self.period(cx.now) };
        for (index, (name, limit)) in self.amounts() {
            let wanted = amount_of(estimate, name);
            // AcqRel: what is there is given out once.
            let taken = self.cell.word(index).fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                used.checked_add(wanted).filter(|sum| sum <= limit)
            });
            match taken {
                Ok(_) => reservation.amounts[index] = wanted,
                Err(used) => {
                    self.give_back(reservation, cx);
                    return Err(self.refusal(name, used, *limit, cx.now));
                }
            }
        }
        Ok(reservation)
    }

    /// Replaces what was reserved by what it really cost.
    pub fn settle<S: AsRef<str>>(&self, reservation: Reservation, actual: &[(S, u64)], cx: &mut Cx) {
        self.give_back(reservation, cx);
        for (index, (name, _)) in self.amounts() {
            self.add(index, amount_of(actual, name));
        }
    }

    /// Nobody said what it really cost: the estimate stands.
    pub fn settle_as_reserved(&self, _reservation: Reservation, _cx: &mut Cx) {}

    /// The attempt did not take place.
    pub fn give_back(&self, reservation: Reservation, cx: &mut Cx) {
        self.roll(cx.now);
        if reservation.period != self.period(cx.now) {
            return;
        }
        for (index, amount) in reservation.amounts.into_iter().enumerate().filter(|(_, amount)| *amount > 0) {
            let _ = self
                .cell
                .word(index)
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| Some(used.saturating_sub(amount)));
        }
    }

    /// What there is now.
    pub fn snapshot(&self, cx: &mut Cx) -> Vec<AmountSnapshot> {
        self.roll(cx.now);
        self.amounts()
            .map(|(index, (name, limit))| AmountSnapshot {
                amount: name.clone(),
                used: self.used(index),
                limit: *limit,
            })
            .collect()
    }

    fn amounts(&self) -> impl Iterator<Item = (usize, &(String, u64))> {
        self.config.limits.iter().take(AMOUNTS).enumerate()
    }

    fn used(&self, index: usize) -> u64 {
        self.cell.word(index).load(Ordering::Acquire)
    }

    fn add(&self, index: usize, amount: u64) {
        let _ = self
            .cell
            .word(index)
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| Some(used.saturating_add(amount)));
    }

    fn period(&self, now: Tick) -> u64 {
        self.config.per.map_or(0, |per| now.0 / per.0.max(1))
    }

    /// The first to look in a new period empties the budget's use.
    fn roll(&self, now: Tick) {
        let period = self.period(now);
        // AcqRel: one caller wins and clears; what others use meanwhile belongs to either period.
        let seen = self.cell.word(PERIOD).fetch_max(period, Ordering::AcqRel);
        if seen < period {
            for (index, _) in self.amounts() {
                self.cell.word(index).store(0, Ordering::Release);
            }
        } else if seen > period {
            self.seen_ahead(seen, now);
        }
    }

    /// A period that nobody can have seen, and that is not the next one, was scribbled there: it is the
    /// present one, and what is used of that stays used until the next.
    #[cold]
    fn seen_ahead(&self, seen: u64, now: Tick) {
        let present = self.period(self.cell.latest(now));
        if seen > present.saturating_add(1) {
            // AcqRel: as who begins a period.
            let _ = self.cell.word(PERIOD).compare_exchange(seen, present, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    fn refusal(&self, amount: &str, used: u64, limit: u64, now: Tick) -> Refusal {
        let next = |per: Span| now.until(Tick((self.period(now) + 1).saturating_mul(per.0)));
        Refusal {
            retry_after: self.config.per.map(next),
            used,
            limit,
            about: Some(amount.into()),
            ..Refusal::new(Code::CostExceeded)
        }
    }
}

fn amount_of<S: AsRef<str>>(given: &[(S, u64)], name: &str) -> u64 {
    let own = given.iter().filter(|(own, _)| own.as_ref() == name);
    own.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn at<R>(secs: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
        f(&mut Cx { now: Tick(secs * 1_000_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
    }

    fn budget(per: Option<Span>) -> CostBudget {
        let limits = vec![("cents".to_string(), 10), ("tokens".to_string(), 100)];
        CostBudget::new(&CostConfig { name: "llm".into(), limits, per })
    }

    #[test]
    fn reserves_all_or_nothing_and_settles_the_difference() {
        let budget = budget(None);
        let held = at(0, |cx| budget.reserve(&[("tokens", 60), ("cents", 5)], cx)).unwrap();
        let refused = at(0, |cx| budget.reserve(&[("cents", 5), ("tokens", 50)], cx)).unwrap_err();
        assert_eq!((refused.code, refused.used, refused.limit), (Code::CostExceeded, 60, 100));
        assert_eq!(refused.amount(), Some("tokens"));
        at(0, |cx| budget.settle(held, &[("tokens", 110)], cx));
        let used: Vec<u64> = at(0, |cx| budget.snapshot(cx)).into_iter().map(|amount| amount.used).collect();
        assert_eq!(used, [0, 110]);
        assert!(at(0, |cx| budget.check(cx)).is_err());
    }

    #[test]
    fn a_period_begins_anew_and_says_when() {
        let budget = budget(Some(Span::secs(60)));
        let held = at(50, |cx| budget.reserve(&[("tokens", 100)], cx)).unwrap();
        assert_eq!(at(55, |cx| budget.check(cx)).unwrap_err().retry_after, Some(Span::secs(5)));
        assert!(at(60, |cx| budget.check(cx)).is_ok());
        // A reservation of the old period takes nothing from the new one.
        at(60, |cx| budget.reserve(&[("tokens", 10)], cx)).unwrap();
        at(61, |cx| budget.give_back(held, cx));
        assert_eq!(at(61, |cx| budget.snapshot(cx))[1].used, 10);
    }
}
