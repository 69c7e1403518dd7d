//! Policies that must share their state: while it cannot be had, their calls are refused.

use crate::config::PolicyConfig;
use crate::error::{Code, Refusal};
use crate::family::{Cell, Family};
use crate::parts::{Families, Parts, pick};
use crate::policy::Live;
use crate::sync::Arc;

/// Which parts are not to go on by themselves where they cannot be shared.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Required {
    Nothing,
    Costs,
    All,
}

impl Required {
    pub(crate) fn by(config: &PolicyConfig) -> Required {
        match config.host_required {
            Some(false) => Required::Nothing,
            Some(true) => Required::All,
            // A budget of each process's own would be overdrawn as often as there are processes.
            None => Required::Costs,
        }
    }
}

impl Families {
    /// Asks once more for the places of a key's cells, where they could have none.
    pub(crate) fn try_again(&self, key: Option<&str>) {
        if let Some(family) = &self.breaker {
            family.try_again(key);
        }
        if let Some(bulkhead) = pick(self.bulkhead.as_ref(), key, "", &|| false, &mut None) {
            bulkhead.try_again();
        }
        if let Some(family) = self.budget() {
            family.try_again(None);
        }
        self.costs().iter().for_each(|family| family.try_again(None));
    }

    /// Why a part of `parts` is not shared that is to be: the first of all, or of the cost budgets alone.
    pub(crate) fn lack(&self, parts: &Parts, required: Required) -> Option<Arc<str>> {
        fn one<C: PartialEq, T: Cell>(family: Option<&Arc<Family<C, T>>>, cell: Option<&Arc<T>>) -> Option<Arc<str>> {
            family?.lack(cell?)
        }
        let cost = || self.costs().iter().zip(parts.costs()).find_map(|(family, cost)| family.lack(cost));
        match required {
            Required::Nothing => None,
            Required::Costs => cost(),
            Required::All => one(self.breaker.as_ref(), parts.breaker.as_ref())
                .or_else(|| one(self.bulkhead.as_ref(), parts.bulkhead.as_ref()))
                .or_else(|| one(self.budget(), parts.budget()))
                .or_else(cost),
        }
    }
}

impl Live {
    /// The refusal of every call, while state is missing that must be shared.
    #[inline]
    pub(crate) fn refusal_without_host(&self) -> Option<Refusal> {
        let problem = self.lacks.as_deref()?;
        Some(Refusal { about: Some(problem.into()), ..Refusal::new(Code::HostUnavailable) })
    }

    /// A bulkhead changes its place by itself: whether it has lost the one that is required.
    #[inline(never)]
    pub(crate) fn is_left_alone(&self) -> bool {
        self.needs_place && self.parts.bulkhead.as_ref().is_some_and(|own| own.is_alone())
    }
}
