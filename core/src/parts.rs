//! The stateful parts of one policy (for one key), and where they come from.

use crate::breaker::{Breaker, State};
use crate::budget::Budget;
use crate::bulkhead::{Bulkhead, Wakes};
use crate::config::{AdaptiveConfig, BreakerConfig, BudgetConfig, BulkheadConfig, CostConfig, PolicyConfig, Scope};
use crate::cost::CostBudget;
use crate::family::{Cell, Family, Keyed, MakeCell, Spot};
use crate::segment::{CellKind, Home, Host};
use crate::sync::{Arc, Mutex, process_unique};
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
    fn is_current(&self) -> bool {
        self.cell().is_current()
    }
    fn is_as_wanted(&self) -> bool {
        self.cell().is_as_wanted()
    }
    fn is_shared(&self) -> bool {
        self.cell().held().is_some()
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
    fn is_current(&self) -> bool {
        self.cell().is_current()
    }
    fn is_as_wanted(&self) -> bool {
        self.cell().is_as_wanted()
    }
    fn is_shared(&self) -> bool {
        self.cell().held().is_some()
    }
}
impl Cell for CostBudget {
    fn is_idle(&self) -> bool {
        false
    }
    fn is_current(&self) -> bool {
        self.cell().is_current()
    }
    fn is_as_wanted(&self) -> bool {
        self.cell().is_as_wanted()
    }
    fn is_shared(&self) -> bool {
        self.cell().held().is_some()
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

impl Parts {
    /// Whether each is still the cell of its name.
    pub(crate) fn are_current(&self) -> bool {
        self.breaker.as_ref().is_none_or(|breaker| breaker.is_current())
            && self.budget.as_ref().is_none_or(|budget| budget.is_current())
            && self.costs.iter().all(|cost| cost.is_current())
    }

    pub(crate) fn are_same(&self, other: &Parts) -> bool {
        fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
        }
        same(self.breaker.as_ref(), other.breaker.as_ref())
            && same(self.budget.as_ref(), other.budget.as_ref())
            && self.costs.iter().zip(&other.costs).all(|(one, other)| Arc::ptr_eq(one, other))
    }
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
    /// Finds shared cells again whose place another has taken; `eager`, those too that were given
    /// settings of another process.
    pub(crate) fn refresh(&self, eager: bool) {
        if let Some(family) = &self.breaker {
            family.refresh(eager);
        }
        if let Some(family) = self.bulkhead.as_ref().filter(|family| eager && family.is_shared()) {
            family.cells().iter().for_each(|(_, bulkhead)| bulkhead.look_again());
        }
        if let Some(family) = &self.budget {
            family.refresh(eager);
        }
        self.costs.iter().for_each(|family| family.refresh(eager));
    }

    /// `make_room` lets go of cells that a key may need.
    pub(crate) fn choose(&self, key: Option<&str>, make_room: &dyn Fn() -> bool) -> Chosen {
        let mut passed_by = None;
        let parts = Parts {
            breaker: pick(&self.breaker, key, "breaker", make_room, &mut passed_by),
            bulkhead: pick(&self.bulkhead, key, "bulkhead", make_room, &mut passed_by),
            adaptive: pick(&self.adaptive, key, "timeout", make_room, &mut passed_by),
            budget: self.budget.as_ref().map(|family| family.whole()),
            costs: self.costs.iter().map(|family| family.whole()).collect(),
        };
        Chosen { parts, passed_by }
    }

    /// Whether `parts` has a cell for every part that has one for each key, and there are such parts.
    pub(crate) fn keyed_all(&self, parts: &Parts) -> bool {
        let pairs = [
            (self.breaker.is_some(), parts.breaker.is_some()),
            (self.bulkhead.is_some(), parts.bulkhead.is_some()),
            (self.adaptive.is_some(), parts.adaptive.is_some()),
        ];
        pairs.iter().all(|(wanted, got)| wanted == got) && pairs.iter().any(|(_, got)| *got)
    }
}

pub(crate) fn pick<C: PartialEq, T: Cell>(
    family: &Option<Arc<Family<C, T>>>,
    key: Option<&str>,
    what: &'static str,
    make_room: &dyn Fn() -> bool,
    passed_by: &mut Option<(&'static str, &'static str)>,
) -> Option<Arc<T>> {
    let family = family.as_ref()?;
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

/// The families of one kind of part by name, apart by who shares them.
type Table<C, T> = Mutex<BTreeMap<(Arc<str>, Scope), Arc<Family<C, T>>>>;
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

/// Who makes a family: its policy's words on where it lives.
struct Maker<'a> {
    place: &'a str,
    host: Option<&'a Arc<Host>>,
    revision: u32,
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

impl Maker<'_> {
    /// Finds or makes the family called `name`; reports where other settings were given first.
    fn family<C: PartialEq + Clone, T: Cell>(
        &self,
        table: &Table<C, T>,
        (kind, name): (Option<CellKind>, Option<&str>),
        settings: Arc<C>,
        max_keys: u32,
        make: MakeCell<C, T>,
    ) -> (Arc<Family<C, T>>, Option<Clash>) {
        let home = |name: &str| {
            let (host, kind) = (self.host?, kind?);
            Some(Box::new(Home::new(host.clone(), kind, name, self.revision)))
        };
        let Some(name) = name else {
            return (Arc::new(Family::new(settings, self.place, max_keys, None, make)), None);
        };
        let home = home(name);
        let scope = if home.is_some() { Scope::Host } else { Scope::Process };
        let mut table = table.lock();
        if let Some(found) = table.get(&(Arc::from(name), scope)) {
            let clash = found.conflict(&settings).map(|first| (Arc::from(name), first));
            return (found.clone(), clash);
        }
        let made = Arc::new(Family::new(settings, self.place, max_keys, home, make));
        table.insert((name.into(), scope), made.clone());
        (made, None)
    }
}

impl Names {
    /// The families of a policy configured as `config` at `place`; `host` where processes share them.
    pub(crate) fn families(
        &self,
        config: &PolicyConfig,
        place: &str,
        host: Option<&Arc<Host>>,
    ) -> (Families, Vec<Conflict>) {
        use crate::event::PartKind as Part;
        let mut conflicts = Vec::new();
        let mut clash = |part, found: Option<Clash>| {
            conflicts.extend(found.map(|(name, first)| Conflict { part, name, first }));
        };
        // A test's segment holds what has no name too.
        let unnamed = host.filter(|host| host.is_temporary() && config.name.is_none());
        let own = unnamed.map(|_| format!("unnamed {}", process_unique()));
        let own = own.as_deref().or(config.name.as_deref());
        let max = config.max_keys;
        let maker = Maker { place, host, revision: config.revision };
        let mut families = Families::default();
        if let Some(c) = &config.breaker {
            let name = (Some(CellKind::Breaker), c.name.as_deref().or(own));
            let (found, other) =
                maker.family(&self.breakers, name, self.latest_breaker.shared(c), max, Breaker::at_spot);
            clash(Part::Breaker, other);
            families.breaker = Some(found);
        }
        if let Some(c) = &config.bulkhead {
            let name = (Some(CellKind::Bulkhead), c.name.as_deref().or(own));
            let (found, other) = maker.family(&self.bulkheads, name, Arc::new(c.clone()), max, Bulkhead::at);
            clash(Part::Bulkhead, other);
            families.bulkhead = Some(found);
        }
        if let Some(timeout) = &config.timeout
            && let Some(c) = &timeout.adaptive
        {
            let name = (None, timeout.name.as_deref().or(own));
            let make = |c: &Arc<AdaptiveConfig>, _: Option<Spot<'_>>| Adaptive::new(c);
            let (found, other) = maker.family(&self.adaptives, name, Arc::new(*c), max, make);
            clash(Part::Timeout, other);
            families.adaptive = Some(found);
        }
        if let Some(c) = config.retry.as_ref().and_then(|retry| retry.budget.as_ref()) {
            let name = (Some(CellKind::Budget), c.name.as_deref().or(own));
            let make = |c: &Arc<BudgetConfig>, spot: Option<Spot<'_>>| Budget::at(&c.rule, spot);
            let (found, other) = maker.family(&self.budgets, name, Arc::new(c.clone()), 0, make);
            clash(Part::Budget, other);
            families.budget = Some(found);
        }
        for c in &config.cost {
            let name = (Some(CellKind::Cost), Some(c.name.as_str()));
            let (found, other) = maker.family(&self.costs, name, Arc::new(c.clone()), 0, CostBudget::at);
            clash(Part::Cost, other);
            families.costs.push(found);
        }
        (families, conflicts)
    }

    /// Puts the settings of `config` in force for the parts it names, and finds its families. The
    /// tickets that a wider bulkhead admits are to be woken.
    pub(crate) fn reconfigure(
        &self,
        config: &PolicyConfig,
        place: &str,
        host: Option<&Arc<Host>>,
        now: Tick,
    ) -> (Families, Wakes) {
        let (families, _) = self.families(config, place, host);
        let wakes = RefCell::new(Wakes::new());
        if let (Some(family), Some(c)) = (&families.breaker, &config.breaker) {
            family.reconfigure(c.clone(), place, &|breaker, c, spot| match spot {
                Some(_) => Some(Breaker::at_spot(c, spot)),
                None => Some(breaker.reconfigured(c)),
            });
        }
        if let (Some(family), Some(c)) = (&families.bulkhead, &config.bulkhead) {
            family.reconfigure(c.clone(), place, &|bulkhead, c, _| {
                wakes.borrow_mut().extend(bulkhead.reconfigure(c, now));
                None
            });
        }
        let adaptive = config.timeout.as_ref().and_then(|timeout| timeout.adaptive);
        if let (Some(family), Some(c)) = (&families.adaptive, adaptive) {
            family.reconfigure(c, place, &|_, c, _| Some(Adaptive::new(c)));
        }
        let budget = config.retry.as_ref().and_then(|retry| retry.budget.clone());
        if let (Some(family), Some(c)) = (&families.budget, budget) {
            family.reconfigure(c, place, &|_, c, spot| Some(Budget::at(&c.rule, spot)));
        }
        for (family, c) in families.costs.iter().zip(&config.cost) {
            family.reconfigure(c.clone(), place, &|budget, c, spot| match spot {
                Some(_) => Some(CostBudget::at(c, spot)),
                None => Some(budget.reconfigured(c)),
            });
        }
        (families, wakes.into_inner())
    }

    pub(crate) fn breakers(&self) -> Vec<(PartName, Arc<Breakers>)> {
        listed(&self.breakers)
    }
    pub(crate) fn bulkheads(&self) -> Vec<(PartName, Arc<Bulkheads>)> {
        listed(&self.bulkheads)
    }
    pub(crate) fn budgets(&self) -> Vec<(PartName, Arc<Budgets>)> {
        listed(&self.budgets)
    }
    pub(crate) fn costs(&self) -> Vec<(PartName, Arc<Costs>)> {
        listed(&self.costs)
    }
}

/// The name of a part, and who shares it.
pub(crate) type PartName = (Arc<str>, Scope);

fn listed<C, T>(table: &Table<C, T>) -> Vec<(PartName, Arc<Family<C, T>>)> {
    table.lock().iter().map(|(name, family)| (name.clone(), family.clone())).collect()
}
