//! The parts that have a name, and the settings that many share.

use crate::breaker::Breaker;
use crate::budget::Budget;
use crate::bulkhead::{Bulkhead, Wakes};
use crate::config::{AdaptiveConfig, BreakerConfig, BudgetConfig, BulkheadConfig, CostConfig, PolicyConfig, Scope};
use crate::cost::CostBudget;
use crate::family::{Cell, Family, MakeCell, Spot};
use crate::parts::{Breakers, Budgets, Bulkheads, Costs, Families, Others};
use crate::segment::{CellKind, Home, Host};
use crate::sync::{Arc, Mutex, process_unique};
use crate::time::Tick;
use crate::timeout::Adaptive;
use std::cell::RefCell;

/// The families of one kind of part in the order of their names, apart by who shares them.
type Table<C, T> = Mutex<Vec<Arc<Family<C, T>>>>;
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
    latest_bulkhead: Latest<BulkheadConfig>,
}

/// Who makes a family: its policy's words on where it lives.
struct Maker<'a> {
    place: &'a Arc<str>,
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
        (kind, name): (Option<CellKind>, Option<Arc<str>>),
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
        let home = home(&name);
        let scope = if home.is_some() { Scope::Host } else { Scope::Process };
        let mut table = table.lock();
        match table.binary_search_by(|known| name_of(known).cmp(&(Some(&name), scope))) {
            Ok(found) => {
                let found = table[found].clone();
                let clash = found.conflict(&settings).map(|first| (name, first));
                (found, clash)
            }
            Err(place) => {
                let made = Arc::new(Family::new(settings, self.place, max_keys, home, make).named(name));
                table.insert(place, made.clone());
                (made, None)
            }
        }
    }
}

impl Names {
    /// The families of a policy configured as `config` at `place`; `host` where processes share them.
    pub(crate) fn families(
        &self,
        (name, config): (Option<&Arc<str>>, &PolicyConfig),
        place: &Arc<str>,
        host: Option<&Arc<Host>>,
    ) -> (Families, Vec<Conflict>) {
        use crate::event::PartKind as Part;
        let mut conflicts = Vec::new();
        let mut clash = |part, found: Option<Clash>| {
            conflicts.extend(found.map(|(name, first)| Conflict { part, name, first }));
        };
        // A test's segment holds what has no name too.
        let unnamed = host.filter(|host| host.is_temporary() && name.is_none());
        let own = unnamed.map(|_| format!("unnamed {}", process_unique()).into()).or(name.cloned());
        let named = |kind, name: &Option<String>| (kind, name.as_deref().map(Arc::from).or(own.clone()));
        let max = config.max_keys;
        let maker = Maker { place, host, revision: config.revision };
        let mut families = Families::default();
        if let Some(c) = &config.breaker {
            let name = named(Some(CellKind::Breaker), &c.name);
            let (found, other) =
                maker.family(&self.breakers, name, self.latest_breaker.shared(c), max, Breaker::at_spot);
            clash(Part::Breaker, other);
            families.breaker = Some(found);
        }
        if let Some(c) = &config.bulkhead {
            let name = named(Some(CellKind::Bulkhead), &c.name);
            let (found, other) = maker.family(&self.bulkheads, name, self.latest_bulkhead.shared(c), max, Bulkhead::at);
            clash(Part::Bulkhead, other);
            families.bulkhead = Some(found);
        }
        let (mut own_adaptive, mut own_budget, mut own_costs) = (None, None, Vec::new());
        if let Some(timeout) = &config.timeout
            && let Some(c) = &timeout.adaptive
        {
            let name = named(None, &timeout.name);
            let make = |c: &Arc<AdaptiveConfig>, _: Option<Spot<'_>>| Adaptive::new(c);
            let (found, other) = maker.family(&self.adaptives, name, Arc::new(*c), max, make);
            clash(Part::Timeout, other);
            own_adaptive = Some(found);
        }
        if let Some(c) = config.retry.as_ref().and_then(|retry| retry.budget.as_ref()) {
            let name = named(Some(CellKind::Budget), &c.name);
            let make = |c: &Arc<BudgetConfig>, spot: Option<Spot<'_>>| Budget::at(&c.rule, spot);
            let (found, other) = maker.family(&self.budgets, name, Arc::new(c.clone()), 0, make);
            clash(Part::Budget, other);
            own_budget = Some(found);
        }
        for c in &config.cost {
            let name = (Some(CellKind::Cost), Some(c.name.as_str().into()));
            let (found, other) = maker.family(&self.costs, name, Arc::new(c.clone()), 0, CostBudget::at);
            clash(Part::Cost, other);
            own_costs.push(found);
        }
        families.others = Others::of(own_adaptive, own_budget, own_costs.into());
        (families, conflicts)
    }

    /// Puts the settings of `config` in force for the parts it names, and finds its families. The
    /// tickets that a wider bulkhead admits are to be woken.
    pub(crate) fn reconfigure(
        &self,
        (name, config): (Option<&Arc<str>>, &PolicyConfig),
        place: &Arc<str>,
        host: Option<&Arc<Host>>,
        now: Tick,
    ) -> (Families, Wakes) {
        let (families, _) = self.families((name, config), place, host);
        let wakes = RefCell::new(Wakes::new());
        if let (Some(family), Some(c)) = (&families.breaker, &config.breaker) {
            family.reconfigure(self.latest_breaker.shared(c), place, &|breaker, c, spot| match spot {
                Some(_) => Some(Breaker::at_spot(c, spot)),
                None => Some(breaker.reconfigured(c)),
            });
        }
        if let (Some(family), Some(c)) = (&families.bulkhead, &config.bulkhead) {
            family.reconfigure(self.latest_bulkhead.shared(c), place, &|bulkhead, c, _| {
                wakes.borrow_mut().extend(bulkhead.reconfigure(c, now));
                None
            });
        }
        let adaptive = config.timeout.as_ref().and_then(|timeout| timeout.adaptive);
        if let (Some(family), Some(c)) = (families.adaptive(), adaptive) {
            family.reconfigure(Arc::new(c), place, &|_, c, _| Some(Adaptive::new(c)));
        }
        let budget = config.retry.as_ref().and_then(|retry| retry.budget.clone());
        if let (Some(family), Some(c)) = (families.budget(), budget) {
            family.reconfigure(Arc::new(c), place, &|_, c, spot| Some(Budget::at(&c.rule, spot)));
        }
        for (family, c) in families.costs().iter().zip(&config.cost) {
            family.reconfigure(Arc::new(c.clone()), place, &|budget, c, spot| match spot {
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

fn name_of<C, T>(family: &Family<C, T>) -> (Option<&Arc<str>>, Scope) {
    let scope = if family.is_shared() { Scope::Host } else { Scope::Process };
    (family.name(), scope)
}

fn listed<C, T>(table: &Table<C, T>) -> Vec<(PartName, Arc<Family<C, T>>)> {
    let table = table.lock();
    let listed = |family: &Arc<Family<C, T>>| {
        let (name, scope) = name_of(family);
        Some(((name?.clone(), scope), family.clone()))
    };
    table.iter().filter_map(listed).collect()
}
