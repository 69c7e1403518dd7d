//! One catalogue of metrics for all languages, and its Prometheus text form.

mod call;
mod text;

pub(crate) use call::CallMetrics;

use crate::breaker::State;
use crate::call::Verdict;
use crate::config::FallbackStep;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::registry::Registry;
use crate::retry::Stop;
use crate::sync::Arc;
use text::{Kind, Labels, Text};

/// Everything a registry counts, in Prometheus text exposition format 0.0.4.
pub(crate) fn prometheus(registry: &Registry) -> String {
    let mut text = Text::default();
    breakers(registry, &mut text);
    bulkheads(registry, &mut text);
    budgets(registry, &mut text);
    costs(registry, &mut text);
    for policy in registry.policies() {
        calls(&policy, &mut text);
    }
    let faults = registry.internal_faults();
    text.add(
        "seawall_internal_faults_total",
        Kind::Counter,
        "Faults of Seawall that let a call through unprotected.",
        &[],
        faults as f64,
    );
    text.finish()
}

fn part_labels(name: &Arc<str>) -> Vec<(&'static str, String)> {
    vec![("name", name.to_string()), ("scope", "process".to_owned())]
}

fn with(labels: Labels, key: &'static str, value: &str) -> Vec<(&'static str, String)> {
    labels.iter().cloned().chain([(key, value.to_owned())]).collect()
}

/// The cells of a part are summed over its keys: a key is no label.
fn breakers(registry: &Registry, text: &mut Text) {
    for (name, family) in registry.names().breakers() {
        let labels = part_labels(&name);
        let shots: Vec<_> =
            family.cells().iter().map(|(key, cell)| (key.is_none(), cell.peek(registry.clock().now()))).collect();
        let sum = |pick: fn(&crate::breaker::Totals) -> u64| {
            shots.iter().map(|(_, shot)| pick(&shot.totals)).sum::<u64>() as f64
        };
        let help = "Calls recorded by a breaker, by outcome.";
        for (outcome, value) in [
            ("success", sum(|t| t.success)),
            ("failure", sum(|t| t.failure)),
            ("ignored", sum(|t| t.ignored)),
            ("cancelled", sum(|t| t.cancelled)),
            ("stale", sum(|t| t.stale)),
        ] {
            text.add("seawall_breaker_calls_total", Kind::Counter, help, &with(&labels, "outcome", outcome), value);
        }
        text.add(
            "seawall_breaker_slow_calls_total",
            Kind::Counter,
            "Calls slower than the slow-call threshold.",
            &labels,
            sum(|t| t.slow),
        );
        text.add(
            "seawall_breaker_rejections_total",
            Kind::Counter,
            "Calls that a breaker refused.",
            &labels,
            sum(|t| t.rejected),
        );
        text.add(
            "seawall_breaker_transitions_total",
            Kind::Counter,
            "Changes of state.",
            &labels,
            sum(|t| t.transitions),
        );
        text.add(
            "seawall_breaker_reclaimed_permits_total",
            Kind::Counter,
            "Probes whose lease ran out.",
            &labels,
            sum(|t| t.reclaimed),
        );
        for state in State::ALL {
            let count = shots.iter().filter(|(_, shot)| shot.state == state).count() as f64;
            text.add(
                "seawall_breaker_state",
                Kind::Gauge,
                "Circuits in a state.",
                &with(&labels, "state", state.as_str()),
                count,
            );
        }
        if let Some((_, shot)) = shots.iter().find(|(whole, _)| *whole) {
            if let Some(rate) = shot.failure_rate {
                text.add(
                    "seawall_breaker_failure_rate",
                    Kind::Gauge,
                    "Share of failures in the window.",
                    &labels,
                    rate,
                );
            }
            if let Some(rate) = shot.slow_rate {
                text.add(
                    "seawall_breaker_slow_call_rate",
                    Kind::Gauge,
                    "Share of slow calls in the window.",
                    &labels,
                    rate,
                );
            }
        }
    }
}

fn bulkheads(registry: &Registry, text: &mut Text) {
    for (name, family) in registry.names().bulkheads() {
        let labels = part_labels(&name);
        let shots: Vec<_> = family.cells().iter().map(|(_, cell)| cell.look()).collect();
        let sum = |pick: fn(&crate::bulkhead::BulkheadSnapshot) -> u64| shots.iter().map(pick).sum::<u64>() as f64;
        text.add("seawall_bulkhead_in_use", Kind::Gauge, "Permits in use.", &labels, sum(|s| s.in_use));
        text.add("seawall_bulkhead_queued", Kind::Gauge, "Callers in the queue.", &labels, sum(|s| s.queued));
        text.add("seawall_bulkhead_limit", Kind::Gauge, "Permits there are.", &labels, sum(|s| u64::from(s.limit)));
        text.add("seawall_bulkhead_admitted_total", Kind::Counter, "Callers admitted.", &labels, sum(|s| s.admitted));
        let help = "Callers refused, by reason.";
        for (reason, value) in [
            ("bulkhead_full", sum(|s| s.rejected_full)),
            ("bulkhead_timeout", sum(|s| s.rejected_timeout)),
            ("cancelled", sum(|s| s.cancelled)),
        ] {
            text.add("seawall_bulkhead_rejections_total", Kind::Counter, help, &with(&labels, "reason", reason), value);
        }
    }
}

fn budgets(registry: &Registry, text: &mut Text) {
    for (name, family) in registry.names().budgets() {
        let labels = part_labels(&name);
        for (_, budget) in family.cells() {
            let shot = registry.look(|cx| budget.snapshot(cx));
            text.add("seawall_budget_balance", Kind::Gauge, "Retries or tokens that are left.", &labels, shot.balance);
            text.add("seawall_budget_granted_total", Kind::Counter, "Retries paid for.", &labels, shot.granted as f64);
            text.add("seawall_budget_denials_total", Kind::Counter, "Retries denied.", &labels, shot.denied as f64);
        }
    }
}

fn costs(registry: &Registry, text: &mut Text) {
    for (name, family) in registry.names().costs() {
        for (_, budget) in family.cells() {
            for amount in registry.look(|cx| budget.snapshot(cx)) {
                let labels = with(&part_labels(&name), "amount", &amount.amount);
                text.add(
                    "seawall_cost_used",
                    Kind::Gauge,
                    "Used or reserved of an amount.",
                    &labels,
                    amount.used as f64,
                );
                text.add("seawall_cost_limit", Kind::Gauge, "Limit of an amount.", &labels, amount.limit as f64);
            }
        }
    }
}

/// Calls that succeed at once under a pass appear in their breaker's counts only.
fn calls(policy: &Policy, text: &mut Text) {
    let Some(name) = policy.name() else { return };
    let labels = vec![("policy", name.to_owned()), ("scope", "process".to_owned())];
    let m = policy.metrics();
    let mut count = |metric: &'static str, help: &'static str, labels: Labels, value: u64| {
        text.add(metric, Kind::Counter, help, labels, value as f64);
    };
    for verdict in Verdict::ALL {
        let labels = with(&labels, "outcome", verdict.as_str());
        count("seawall_call_finished_total", "Calls that were stepped to their end.", &labels, m.verdict(verdict));
    }
    for outcome in Outcome::ALL {
        let labels = with(&labels, "outcome", outcome.as_str());
        count("seawall_retry_attempts_total", "Attempts that were judged.", &labels, m.attempts(outcome));
    }
    for (index, counter) in m.retries.iter().enumerate() {
        let number = if index + 1 == m.retries.len() { format!("{}+", index + 1) } else { (index + 1).to_string() };
        count(
            "seawall_retry_retries_total",
            "Retries, by the attempt that failed.",
            &with(&labels, "attempt", &number),
            counter.get(),
        );
    }
    for stop in Stop::ALL {
        let labels = with(&labels, "reason", stop.as_str());
        count("seawall_retry_exhausted_total", "Calls that gave up.", &labels, m.exhausted[stop as usize].get());
    }
    count("seawall_retry_success_after_retry_total", "Calls saved by a retry.", &labels, m.success_after_retry.get());
    count("seawall_retry_budget_denials_total", "Retries the budget denied.", &labels, m.budget_denied.get());
    count("seawall_timeout_attempts_total", "Attempts that hit their limit.", &labels, m.attempt_timeouts.get());
    count("seawall_timeout_deadlines_total", "Calls that hit their deadline.", &labels, m.deadlines.get());
    count("seawall_timeout_slow_total", "Attempts slower than slow_after.", &labels, m.slow.get());
    for step in FallbackStep::ALL {
        let labels = with(&labels, "kind", step.as_str());
        count(
            "seawall_fallback_used_total",
            "Calls answered by a fallback.",
            &labels,
            m.fallbacks[step as usize].get(),
        );
    }
    count("seawall_cache_hits_total", "Look-ups that found a value.", &labels, m.cache_hits.get());
    count("seawall_cache_misses_total", "Look-ups that found none.", &labels, m.cache_misses.get());
    for (reason, value) in m.refusals() {
        count(
            "seawall_call_refusals_total",
            "Refusals by the policy's own parts.",
            &with(&labels, "reason", reason),
            value,
        );
    }
    for (outcome, types) in m.errors.lock().iter() {
        let labels = with(&labels, "outcome", outcome);
        for (error, value) in types {
            count(
                "seawall_call_errors_total",
                "Errors of attempts, by type.",
                &with(&labels, "error_type", error),
                *value,
            );
        }
    }
    text.histogram("seawall_retry_delay_seconds", "Waits before retries.", &labels, &m.retry_delay);
    text.histogram(
        "seawall_timeout_duration_seconds",
        "Durations of attempts of policies with timeouts.",
        &labels,
        &m.timed,
    );
}
