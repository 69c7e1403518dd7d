//! Amounts of the cost budgets, set aside by hand.

use super::Policy;
use crate::cost::{CostBudget, Reservation};
use crate::error::Refusal;
use crate::sync::Arc;

/// What was set aside in every cost budget of a policy: to be settled once with what was really used.
/// Dropped before that, it gives everything back. It may move between threads; one at a time uses it.
pub struct Reserved {
    policy: Policy,
    held: Vec<(Arc<CostBudget>, Reservation)>,
    settled: bool,
}

impl Policy {
    /// Whether every cost budget has something left. Of a policy that is switched off, always.
    ///
    /// # Errors
    /// `cost_exceeded` and what is spent; `host_unavailable`; `no_such_part` without a cost budget.
    pub fn check_costs(&self) -> Result<(), Refusal> {
        self.costs_in_force()?.iter().try_for_each(|budget| self.with(|cx| budget.check(cx)))
    }

    /// Sets amounts aside in each cost budget that knows them; all or nothing. Of a policy that is
    /// switched off nothing is set aside, and nothing is refused.
    ///
    /// # Errors
    /// As [`Policy::check_costs`].
    pub fn reserve<S: AsRef<str>>(&self, estimate: &[(S, u64)]) -> Result<Reserved, Refusal> {
        let mut reserved = Reserved { policy: self.clone(), held: Vec::new(), settled: false };
        for budget in self.costs_in_force()? {
            // Where a later budget refuses, what the earlier ones gave goes back with `reserved`.
            let held = self.with(|cx| budget.reserve(estimate, cx))?;
            reserved.held.push((budget, held));
        }
        Ok(reserved)
    }

    fn costs_in_force(&self) -> Result<Vec<Arc<CostBudget>>, Refusal> {
        if self.live().config.cost.is_empty() {
            return Err(Refusal::without("cost"));
        }
        if !self.enabled() {
            return Ok(Vec::new());
        }
        self.host_refusal().map_or_else(|| Ok(self.costs().to_vec()), Err)
    }
}

impl Reserved {
    /// Replaces what was set aside by what was really used, by amount. `false`: it was settled before,
    /// and nothing happens.
    pub fn settle<S: AsRef<str>>(&mut self, actual: &[(S, u64)]) -> bool {
        for (budget, held) in std::mem::take(&mut self.held) {
            self.policy.with(|cx| budget.settle(held, actual, cx));
        }
        !std::mem::replace(&mut self.settled, true)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for (budget, held) in std::mem::take(&mut self.held) {
            self.policy.with(|cx| budget.give_back(held, cx));
        }
    }
}
