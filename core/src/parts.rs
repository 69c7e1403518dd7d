//! The stateful parts of one policy (for one key), and where they come from.

use crate::breaker::{Breaker, State};
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::cell::Block;
use crate::config::{AdaptiveConfig, BreakerConfig, BudgetConfig, BulkheadConfig, CostConfig};
use crate::cost::CostBudget;
use crate::family::{Cell, Family, Keyed};
use crate::sync::Arc;
use crate::timeout::Adaptive;

pub(crate) type Breakers = Family<BreakerConfig, Breaker>;
pub(crate) type Bulkheads = Family<BulkheadConfig, Bulkhead>;
pub(crate) type Adaptives = Family<AdaptiveConfig, Adaptive>;
pub(crate) type Budgets = Family<BudgetConfig, Budget>;
pub(crate) type Costs = Family<CostConfig, CostBudget>;

impl Cell for Breaker {
    fn is_idle(&self) -> bool {
        self.state() == State::Closed
    }
    fn block(&self) -> Option<&Block> {
        Some(self.cell())
    }
}
impl Cell for Bulkhead {
    // A bulkhead goes over to another cell by itself, and takes its waiters along.
    fn is_idle(&self) -> bool {
        self.is_empty()
    }
    fn is_shared(&self) -> bool {
        !self.is_alone()
    }
}
impl Cell for Adaptive {
    fn is_idle(&self) -> bool {
        true
    }
}
// Budgets are not partitioned by key; these two are never asked whether they are idle.
impl Cell for Budget {
    fn is_idle(&self) -> bool {
        false
    }
    fn block(&self) -> Option<&Block> {
        Some(self.cell())
    }
}
impl Cell for CostBudget {
    fn is_idle(&self) -> bool {
        false
    }
    fn block(&self) -> Option<&Block> {
        Some(self.cell())
    }
}

/// The cells that one call works on.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    pub breaker: Option<Arc<Breaker>>,
    pub bulkhead: Option<Arc<Bulkhead>>,
    others: Option<Arc<Others<Adaptive, Budget, CostBudget>>>,
}

/// What most policies have none of.
pub(crate) struct Others<A, B, C> {
    adaptive: Option<Arc<A>>,
    budget: Option<Arc<B>>,
    costs: Box<[Arc<C>]>,
}

impl<A, B, C> Others<A, B, C> {
    pub(crate) fn of(adaptive: Option<Arc<A>>, budget: Option<Arc<B>>, costs: Box<[Arc<C>]>) -> Option<Arc<Self>> {
        let any = adaptive.is_some() || budget.is_some() || !costs.is_empty();
        any.then(|| Arc::new(Others { adaptive, budget, costs }))
    }
}

impl Parts {
    pub(crate) fn adaptive(&self) -> Option<&Arc<Adaptive>> {
        self.others.as_ref()?.adaptive.as_ref()
    }

    pub(crate) fn budget(&self) -> Option<&Arc<Budget>> {
        self.others.as_ref()?.budget.as_ref()
    }

    pub(crate) fn costs(&self) -> &[Arc<CostBudget>] {
        self.others.as_ref().map_or(&[], |others| &others.costs)
    }

    /// Whether each is still the cell of its name.
    pub(crate) fn are_current(&self) -> bool {
        self.breaker.as_ref().is_none_or(|breaker| breaker.is_current())
            && self.budget().is_none_or(|budget| budget.is_current())
            && self.costs().iter().all(|cost| cost.is_current())
    }

    pub(crate) fn are_same(&self, other: &Parts) -> bool {
        fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
        }
        same(self.breaker.as_ref(), other.breaker.as_ref())
            && same(self.budget(), other.budget())
            && self.costs().iter().zip(other.costs()).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

/// The families that a policy's parts belong to.
#[derive(Clone, Default)]
pub(crate) struct Families {
    pub breaker: Option<Arc<Breakers>>,
    pub bulkhead: Option<Arc<Bulkheads>>,
    pub(crate) others: Option<Arc<Others<Adaptives, Budgets, Costs>>>,
}

/// What choosing the cells of a key came to.
pub(crate) struct Chosen {
    pub parts: Parts,
    /// A part that has no cell for this key, for the first time, and why: calls pass through it.
    pub passed_by: Option<(&'static str, &'static str)>,
}

impl Families {
    pub(crate) fn adaptive(&self) -> Option<&Arc<Adaptives>> {
        self.others.as_ref()?.adaptive.as_ref()
    }

    pub(crate) fn budget(&self) -> Option<&Arc<Budgets>> {
        self.others.as_ref()?.budget.as_ref()
    }

    pub(crate) fn costs(&self) -> &[Arc<Costs>] {
        self.others.as_ref().map_or(&[], |others| &others.costs)
    }

    /// Finds shared cells again whose place another has taken; `eager`, those too that were given
    /// settings of another process.
    pub(crate) fn refresh(&self, eager: bool) {
        if let Some(family) = &self.breaker {
            family.refresh(eager);
        }
        if let Some(family) = self.bulkhead.as_ref().filter(|family| eager && family.is_shared()) {
            family.cells().iter().for_each(|(_, bulkhead)| bulkhead.look_again());
        }
        if let Some(family) = self.budget() {
            family.refresh(eager);
        }
        self.costs().iter().for_each(|family| family.refresh(eager));
    }

    /// `make_room` lets go of cells that a key may need.
    pub(crate) fn choose(&self, key: Option<&str>, make_room: &dyn Fn() -> bool) -> Chosen {
        let mut passed_by = None;
        let breaker = pick(self.breaker.as_ref(), key, "breaker", make_room, &mut passed_by);
        let bulkhead = pick(self.bulkhead.as_ref(), key, "bulkhead", make_room, &mut passed_by);
        let adaptive = pick(self.adaptive(), key, "timeout", make_room, &mut passed_by);
        let budget = self.budget().map(|family| family.whole());
        let costs = self.costs().iter().map(|family| family.whole()).collect();
        let parts = Parts { breaker, bulkhead, others: Others::of(adaptive, budget, costs) };
        Chosen { parts, passed_by }
    }

    /// Whether `parts` has a cell for every part that has one for each key, and there are such parts.
    pub(crate) fn keyed_all(&self, parts: &Parts) -> bool {
        let pairs = [
            (self.breaker.is_some(), parts.breaker.is_some()),
            (self.bulkhead.is_some(), parts.bulkhead.is_some()),
            (self.adaptive().is_some(), parts.adaptive().is_some()),
        ];
        pairs.iter().all(|(wanted, got)| wanted == got) && pairs.iter().any(|(_, got)| *got)
    }
}

pub(crate) fn pick<C: PartialEq, T: Cell>(
    family: Option<&Arc<Family<C, T>>>,
    key: Option<&str>,
    what: &'static str,
    make_room: &dyn Fn() -> bool,
    passed_by: &mut Option<(&'static str, &'static str)>,
) -> Option<Arc<T>> {
    let family = family?;
    let Some(key) = key else { return Some(family.whole()) };
    let (first, why) = match family.at(key, make_room) {
        Keyed::Cell(cell) => return Some(cell),
        Keyed::Full { first } => (first, "all its keys are in use"),
        Keyed::TooLong { first } => (first, "a key has at most 256 bytes"),
    };
    if first {
        *passed_by = Some((what, why));
    }
    None
}
