//! What a segment holds, one row for each policy and key, its parts side by side.

use crate::places::Reading;
use seawall::breaker::{BreakerSnapshot, State};
use seawall::budget::BudgetSnapshot;
use seawall::bulkhead::BulkheadSnapshot;
use seawall::config::PolicyConfig;
use seawall::cost::AmountSnapshot;
use seawall::segment::{CellView, Key, PartView};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Default, Debug)]
pub struct Row {
    pub name: String,
    pub key: Option<String>,
    pub breaker: Option<BreakerSnapshot>,
    pub bulkhead: Option<BulkheadSnapshot>,
    pub budget: Option<BudgetSnapshot>,
    pub cost: Vec<AmountSnapshot>,
    /// Slots of the processes that use it.
    pub processes: Vec<u32>,
    /// A part whose cell makes no sense.
    pub damaged: bool,
    pub revision: u32,
    /// The settings in force, of the parts whose state is shared.
    pub config: PolicyConfig,
}

/// The rows of a reading by name and key.
pub fn of(reading: &Reading) -> Vec<Row> {
    let mut rows: BTreeMap<(&str, Option<String>), Row> = BTreeMap::new();
    for cell in &reading.cells {
        let row = rows.entry((&cell.name, key_of(cell))).or_default();
        match &cell.part {
            PartView::Breaker(view) => {
                row.breaker = Some(view.0);
                row.config.breaker = Some(view.1.clone());
            }
            PartView::Bulkhead(shot, config) => {
                row.bulkhead = Some(*shot);
                row.config.bulkhead = Some(config.clone());
            }
            PartView::Budget(shot, _) => row.budget = Some(*shot),
            PartView::Cost(amounts, config) => {
                row.cost.clone_from(amounts);
                row.config.cost.push(config.clone());
            }
            PartView::Damaged => row.damaged = true,
        }
        row.revision = row.revision.max(cell.revision);
        row.processes.extend(&cell.users);
    }
    let finish = |((name, key), mut row): ((&str, Option<String>), Row)| {
        row.processes.sort_unstable();
        row.processes.dedup();
        Row { name: name.to_owned(), key, ..row }
    };
    rows.into_iter().map(finish).collect()
}

/// `#` and a number where only a hash of the key is written down.
pub fn key_of(cell: &CellView) -> Option<String> {
    match &cell.key {
        Key::None => None,
        Key::Hidden(hash) => Some(format!("#{hash:016x}")),
        Key::Shown(key) => Some(key.clone()),
    }
}

impl Row {
    /// The name, and the key behind it.
    pub fn title(&self) -> String {
        match &self.key {
            Some(key) => format!("{}[{key}]", self.name),
            None => self.name.clone(),
        }
    }

    pub fn state(&self) -> Option<State> {
        self.breaker.as_ref().map(|breaker| breaker.state)
    }

    /// Calls that were made, ever.
    pub fn calls(&self) -> u64 {
        self.breaker.map_or_else(
            || self.bulkhead.as_ref().map_or(0, |bulkhead| bulkhead.admitted),
            |breaker| breaker.totals.success.saturating_add(breaker.totals.failure),
        )
    }

    /// Calls that were refused, ever.
    pub fn refused(&self) -> u64 {
        let breaker = self.breaker.map_or(0, |breaker| breaker.totals.rejected);
        let bulkhead = |bulkhead: &BulkheadSnapshot| bulkhead.rejected_full.saturating_add(bulkhead.rejected_timeout);
        breaker.saturating_add(self.bulkhead.as_ref().map_or(0, bulkhead))
    }

    /// What needs somebody's eye comes first.
    pub fn urgency(&self) -> u8 {
        match self.state() {
            Some(State::Open | State::ForcedOpen) => 0,
            Some(State::HalfOpen) => 1,
            Some(State::Disabled | State::MetricsOnly) => 2,
            Some(State::Closed) if self.is_full() => 3,
            None if self.is_full() => 3,
            _ => 4,
        }
    }

    fn is_full(&self) -> bool {
        self.bulkhead.as_ref().is_some_and(|bulkhead| bulkhead.in_use >= u64::from(bulkhead.limit))
    }

    pub fn to_json(&self, segment: &str) -> Value {
        let cost: serde_json::Map<_, _> = self
            .cost
            .iter()
            .map(|amount| (amount.amount.clone(), json!({ "used": amount.used, "limit": amount.limit })))
            .collect();
        json!({
            "segment": segment,
            "name": self.name,
            "key": self.key,
            "revision": self.revision,
            "processes": self.processes,
            "breaker": self.breaker.map(|shot| shot.to_json()),
            "bulkhead": self.bulkhead.as_ref().map(BulkheadSnapshot::to_json),
            "budget": self.budget.as_ref().map(BudgetSnapshot::to_json),
            "cost": cost,
            "damaged": self.damaged,
        })
    }
}
