//! The parts of policies: each is summed over its keys, as a key is no label.

use super::text::{Labels, Text};
use super::{part_labels, with};
use crate::breaker::{BreakerSnapshot, State, Totals};
use crate::budget::BudgetSnapshot;
use crate::bulkhead::BulkheadSnapshot;
use crate::config::Scope;
use crate::cost::AmountSnapshot;
use crate::registry::Registry;
use crate::segment::{CellView, Key, PartView};
use std::collections::BTreeMap;

/// The parts that a registry keeps.
pub(super) fn of_registry(registry: &Registry, text: &mut Text) {
    for (name, family) in registry.names().breakers() {
        let now = registry.clock().now();
        let shots: Vec<_> = family.cells().iter().map(|(key, cell)| (key.is_none(), cell.peek(now))).collect();
        breaker(&part_labels(&name), &shots, text);
    }
    for (name, family) in registry.names().bulkheads() {
        let shots: Vec<_> = family.cells().iter().map(|(_, cell)| cell.look()).collect();
        bulkhead(&part_labels(&name), &shots, text);
    }
    for (name, family) in registry.names().budgets() {
        for (_, cell) in family.cells() {
            budget(&part_labels(&name), &registry.look(|cx| cell.snapshot(cx)), text);
        }
    }
    for (name, family) in registry.names().costs() {
        for (_, cell) in family.cells() {
            cost(&part_labels(&name), &registry.look(|cx| cell.snapshot(cx)), text);
        }
    }
}

/// The parts that a segment holds.
pub(crate) fn of_cells(cells: &[CellView]) -> String {
    let mut text = Text::default();
    let mut names: BTreeMap<&str, Vec<&CellView>> = BTreeMap::new();
    for cell in cells {
        names.entry(&cell.name).or_default().push(cell);
    }
    for (name, cells) in names {
        let labels = part_labels(&(name.into(), Scope::Host));
        let (mut breakers, mut bulkheads) = (Vec::new(), Vec::new());
        for cell in cells {
            match &cell.part {
                PartView::Breaker(view) => breakers.push((cell.key == Key::None, view.0)),
                PartView::Bulkhead(shot, _) => bulkheads.push(*shot),
                PartView::Budget(shot, _) => budget(&labels, shot, &mut text),
                PartView::Cost(amounts, _) => cost(&labels, amounts, &mut text),
                PartView::Damaged => {}
            }
        }
        if !breakers.is_empty() {
            breaker(&labels, &breakers, &mut text);
        }
        if !bulkheads.is_empty() {
            bulkhead(&labels, &bulkheads, &mut text);
        }
    }
    text.finish()
}

/// `true` beside the circuit without a key, which alone has rates.
fn breaker(labels: Labels, shots: &[(bool, BreakerSnapshot)], text: &mut Text) {
    let sum = |pick: fn(&Totals) -> u64| shots.iter().map(|(_, shot)| pick(&shot.totals)).fold(0, u64::saturating_add);
    for (outcome, value) in [
        ("success", sum(|t| t.success)),
        ("failure", sum(|t| t.failure)),
        ("ignored", sum(|t| t.ignored)),
        ("cancelled", sum(|t| t.cancelled)),
        ("stale", sum(|t| t.stale)),
    ] {
        let labels = with(labels, "outcome", outcome);
        text.count("seawall_breaker_calls_total", "Calls recorded by a breaker, by outcome.", &labels, value);
    }
    let (slow, reclaimed) = (sum(|t| t.slow), sum(|t| t.reclaimed));
    text.count("seawall_breaker_slow_calls_total", "Calls slower than the slow-call threshold.", labels, slow);
    text.count("seawall_breaker_rejections_total", "Calls that a breaker refused.", labels, sum(|t| t.rejected));
    text.count("seawall_breaker_transitions_total", "Changes of state.", labels, sum(|t| t.transitions));
    text.count("seawall_breaker_reclaimed_permits_total", "Probes whose lease ran out.", labels, reclaimed);
    for state in State::ALL {
        let count = shots.iter().filter(|(_, shot)| shot.state == state).count() as f64;
        text.gauge("seawall_breaker_state", "Circuits in a state.", &with(labels, "state", state.as_str()), count);
    }
    if let Some((_, shot)) = shots.iter().find(|(whole, _)| *whole) {
        if let Some(rate) = shot.failure_rate {
            text.gauge("seawall_breaker_failure_rate", "Share of failures in the window.", labels, rate);
        }
        if let Some(rate) = shot.slow_rate {
            text.gauge("seawall_breaker_slow_call_rate", "Share of slow calls in the window.", labels, rate);
        }
    }
}

fn bulkhead(labels: Labels, shots: &[BulkheadSnapshot], text: &mut Text) {
    let sum = |pick: fn(&BulkheadSnapshot) -> u64| shots.iter().map(pick).fold(0, u64::saturating_add);
    text.gauge("seawall_bulkhead_in_use", "Permits in use.", labels, sum(|s| s.in_use) as f64);
    text.gauge("seawall_bulkhead_queued", "Callers in the queue.", labels, sum(|s| s.queued) as f64);
    text.gauge("seawall_bulkhead_limit", "Permits there are.", labels, sum(|s| u64::from(s.limit)) as f64);
    text.count("seawall_bulkhead_admitted_total", "Callers admitted.", labels, sum(|s| s.admitted));
    for (reason, value) in [
        ("bulkhead_full", sum(|s| s.rejected_full)),
        ("bulkhead_timeout", sum(|s| s.rejected_timeout)),
        ("cancelled", sum(|s| s.cancelled)),
    ] {
        let labels = with(labels, "reason", reason);
        text.count("seawall_bulkhead_rejections_total", "Callers refused, by reason.", &labels, value);
    }
}

fn budget(labels: Labels, shot: &BudgetSnapshot, text: &mut Text) {
    text.gauge("seawall_budget_balance", "Retries or tokens that are left.", labels, shot.balance);
    text.count("seawall_budget_granted_total", "Retries paid for.", labels, shot.granted);
    text.count("seawall_budget_denials_total", "Retries denied.", labels, shot.denied);
}

fn cost(labels: Labels, amounts: &[AmountSnapshot], text: &mut Text) {
    for amount in amounts {
        let labels = with(labels, "amount", &amount.amount);
        text.gauge("seawall_cost_used", "Used or reserved of an amount.", &labels, amount.used as f64);
        text.gauge("seawall_cost_limit", "Limit of an amount.", &labels, amount.limit as f64);
    }
}
