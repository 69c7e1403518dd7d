//! The stateful parts of one policy (for one key), and where they come from.

use crate::breaker::{Breaker, State};
use crate::budget::Budget;
use crate::bulkhead::{Bulkhead, Wakes};
use crate::config::{AdaptiveConfig, BreakerConfig, BudgetConfig, BulkheadConfig, CostConfig, PolicyConfig};
use crate::cost::CostBudget;
use crate::family::{Cell, Family, Keyed};
use crate::sync::{Arc, Mutex};
use crate::time::Tick;
use crate::timeout::Adaptive;
use std::cell::RefCell;
use std::collections::BTreeMap;

pub(crate) type Breakers = Family<BreakerConfig, Breaker>;
pub(crate) type Bulkheads = Family<BulkheadConfig, Bulkhead>;
pub(crate) type Adaptives = Family<AdaptiveConfig, Adaptive>;
pub(crate) type Budgets = Family<BudgetConfig, Budget>;
pub(crate) type Costs = Family<CostConfig, CostBudget>;

impl Cell for Breaker {
    fn is_idle(&self) -> bool {
        self.state() == State::Closed
    }
}
impl Cell for Bulkhead {
    fn is_idle(&self) -> bool {
        self.is_empty()
    }
}
impl Cell for Adaptive {
    fn is_idle(&self) -> bool {
        true
    }
}
// Budgets are not partitioned by key; these two are never asked.
impl Cell for Budget {
    fn is_idle(&self) -> bool {
        false
    }
}
impl Cell for CostBudget {
    fn is_idle(&self) -> bool {
        false
    }
}

/// The cells that one call works on.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    pub breaker: Option<Arc<Breaker>>,
    pub bulkhead: Option<Arc<Bulkhead>>,
    pub adaptive: Option<Arc<Adaptive>>,
    pub budget: Option<Arc<Budget>>,
    pub costs: Vec<Arc<CostBudget>>,
}

/// The families that a policy's parts belong to.
#[derive(Default)]
pub(crate) struct Families {
    pub breaker: Option<Arc<Breakers>>,
    pub bulkhead: Option<Arc<Bulkheads>>,
    pub adaptive: Option<Arc<Adaptives>>,
    pub budget: Option<Arc<Budgets>>,
    pub costs: Vec<Arc<Costs>>,
}

/// What choosing the cells of a key came to.
pub(crate) struct Chosen {
    pub parts: Parts,
    /// A part that has no cell for this key, for the first time, and why: calls pass through it.
    pub passed_by: Option<(&'static str, &'static str)>,
}

impl Families {
    pub(crate) fn choose(&self, key: Option<&str>) -> Chosen {
        let mut passed_by = None;
        let parts = Parts {
            breaker: pick(&self.breaker, key, "breaker", &mut passed_by),
            bulkhead: pick(&self.bulkhead, key, "bulkhead", &mut passed_by),
            adaptive: pick(&self.adaptive, key, "timeout", &mut passed_by),
            budget: self.budget.as_ref().map(|family| family.whole()),
            costs: self.costs.iter().map(|family| family.whole()).collect(),
        };
        Chosen { parts, passed_by }
    }
}

fn pick<C: PartialEq, T: Cell>(
    family: &Option<Arc<Family<C, T>>>,
    key: Option<&str>,
    what: &'static str,
    passed_by: &mut Option<(&'static str, &'static str)>,
) -> Option<Arc<T>> {
    let family = family.as_ref()?;
    let Some(key) = key else { return Some(family.whole()) };
    let (first, why) = match family.at(key) {
        Keyed::Cell(cell) => return Some(cell),
        Keyed::Full { first } => (first, "all its keys are in use"),
        Keyed::TooLong { first } => (first, "a key has at most 256 bytes"),
    };
    if first {
        *passed_by = Some((what, why));
    }
    None
}

type Table<C, T> = Mutex<BTreeMap<Arc<str>, Arc<Family<C, T>>>>;
/// The name of a part, and where it was first given other settings.
type Clash = (Arc<str>, Arc<str>);

/// The named families of a registry; an unnamed part belongs to its policy alone.
#[derive(Default)]
pub(crate) struct Names {
    breakers: Table<BreakerConfig, Breaker>,
    bulkheads: Table<BulkheadConfig, Bulkhead>,
    adaptives: Table<AdaptiveConfig, Adaptive>,
    budgets: Table<BudgetConfig, Budget>,
    costs: Table<CostConfig, CostBudget>,
    latest_breaker: Latest<BreakerConfig>,
}

/// The settings that were given last. Whoever gives the same again shares them: a service makes many
/// breakers of one kind.
pub(crate) struct Latest<C>(Mutex<Option<Arc<C>>>);

impl<C> Default for Latest<C> {
    fn default() -> Self {
        Latest(Mutex::new(None))
    }
}

impl<C: PartialEq + Clone> Latest<C> {
    pub(crate) fn shared(&self, settings: &C) -> Arc<C> {
        let mut latest = self.0.lock();
        match &*latest {
            Some(same) if **same == *settings => same.clone(),
            _ => latest.insert(Arc::new(settings.clone())).clone(),
        }
    }
}

/// Two places that give one named part different settings.
pub(crate) struct Conflict {
    pub part: crate::event::PartKind,
    pub name: Arc<str>,
    pub first: Arc<str>,
}

/// Finds or makes the family called `name`; reports where other settings were given first.
fn family<C: PartialEq + Clone, T: Cell>(
    table: &Table<C, T>,
    name: Option<&str>,
    settings: Arc<C>,
    place: &str,
    max_keys: u32,
    make: fn(&Arc<C>) -> T,
) -> (Arc<Family<C, T>>, Option<Clash>) {
    let Some(name) = name else { return (Arc::new(Family::new(settings, place, max_keys, make)), None) };
    let mut table = table.lock();
    if let Some(found) = table.get(name) {
        let clash = found.conflict(&settings).map(|first| (Arc::from(name), first));
        return (found.clone(), clash);
    }
    let made = Arc::new(Family::new(settings, place, max_keys, make));
    table.insert(name.into(), made.clone());
    (made, None)
}

impl Names {
    /// The families of a policy configured as `config` at `place`.
    pub(crate) fn families(&self, config: &PolicyConfig, place: &str) -> (Families, Vec<Conflict>) {
        use crate::event::PartKind as Kind;
        let mut conflicts = Vec::new();
        let mut clash = |part, found: Option<Clash>| {
            conflicts.extend(found.map(|(name, first)| Conflict { part, name, first }));
        };
        let own = config.name.as_deref();
        let max = config.max_keys;
        let mut families = Families::default();
        if let Some(c) = &config.breaker {
            let (found, other) = family(
                &self.breakers,
                c.name.as_deref().or(own),
                self.latest_breaker.shared(c),
                place,
                max,
                Breaker::of,
            );
            clash(Kind::Breaker, other);
            families.breaker = Some(found);
        }
        if let Some(c) = &config.bulkhead {
            let (found, other) =
                family(&self.bulkheads, c.name.as_deref().or(own), Arc::new(c.clone()), place, max, |c| {
                    Bulkhead::new(c)
                });
            clash(Kind::Bulkhead, other);
            families.bulkhead = Some(found);
        }
        if let Some(timeout) = &config.timeout
            && let Some(c) = &timeout.adaptive
        {
            let name = timeout.name.as_deref().or(own);
            let (found, other) = family(&self.adaptives, name, Arc::new(*c), place, max, |c| Adaptive::new(c));
            clash(Kind::Timeout, other);
            families.adaptive = Some(found);
        }
        if let Some(c) = config.retry.as_ref().and_then(|retry| retry.budget.as_ref()) {
            let (found, other) = family(&self.budgets, c.name.as_deref().or(own), Arc::new(c.clone()), place, 0, |c| {
                Budget::new(&c.rule)
            });
            clash(Kind::Budget, other);
            families.budget = Some(found);
        }
        for c in &config.cost {
            let (found, other) =
                family(&self.costs, Some(c.name.as_str()), Arc::new(c.clone()), place, 0, |c| CostBudget::new(c));
            clash(Kind::Cost, other);
            families.costs.push(found);
        }
        (families, conflicts)
    }

    /// Puts the settings of `config` in force for the parts it names, and finds its families. The
    /// tickets that a wider bulkhead admits are to be woken.
    pub(crate) fn reconfigure(&self, config: &PolicyConfig, place: &str, now: Tick) -> (Families, Wakes) {
        let (families, _) = self.families(config, place);
        let wakes = RefCell::new(Wakes::new());
        if let (Some(family), Some(c)) = (&families.breaker, &config.breaker) {
            family.reconfigure(c.clone(), place, |breaker, c| Some(breaker.reconfigured(c)));
        }
        if let (Some(family), Some(c)) = (&families.bulkhead, &config.bulkhead) {
            family.reconfigure(c.clone(), place, |bulkhead, c| {
                wakes.borrow_mut().extend(bulkhead.reconfigure(c, now));
                None
            });
        }
        let adaptive = config.timeout.as_ref().and_then(|timeout| timeout.adaptive);
        if let (Some(family), Some(c)) = (&families.adaptive, adaptive) {
            family.reconfigure(c, place, |_, c| Some(Adaptive::new(c)));
        }
        let budget = config.retry.as_ref().and_then(|retry| retry.budget.clone());
        if let (Some(family), Some(c)) = (&families.budget, budget) {
            family.reconfigure(c, place, |_, c| Some(Budget::new(&c.rule)));
        }
        for (family, c) in families.costs.iter().zip(&config.cost) {
            family.reconfigure(c.clone(), place, |budget, c| Some(budget.reconfigured(c)));
        }
        (families, wakes.into_inner())
    }

    pub(crate) fn breakers(&self) -> Vec<(Arc<str>, Arc<Breakers>)> {
        listed(&self.breakers)
    }
    pub(crate) fn bulkheads(&self) -> Vec<(Arc<str>, Arc<Bulkheads>)> {
        listed(&self.bulkheads)
    }
    pub(crate) fn budgets(&self) -> Vec<(Arc<str>, Arc<Budgets>)> {
        listed(&self.budgets)
    }
    pub(crate) fn costs(&self) -> Vec<(Arc<str>, Arc<Costs>)> {
        listed(&self.costs)
    }
}

fn listed<T>(table: &Mutex<BTreeMap<Arc<str>, Arc<T>>>) -> Vec<(Arc<str>, Arc<T>)> {
    table.lock().iter().map(|(name, family)| (name.clone(), family.clone())).collect()
}
