//! One catalogue of metrics for all languages, and its Prometheus text form.

mod call;
mod errors;
mod parts;
mod text;

pub(crate) use call::CallMetrics;
pub use errors::EndingLines;
pub(crate) use errors::ErrorType;
pub(crate) use parts::of_cells;

use crate::call::Verdict;
use crate::config::FallbackStep;
use crate::config::schema::Choice;
use crate::names::PartName;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::registry::Registry;
use crate::retry::Stop;
use text::{Labels, Text};

/// Everything a registry counts, in Prometheus text exposition format 0.0.4.
pub(crate) fn prometheus(registry: &Registry) -> String {
    let mut text = Text::default();
    parts::of_registry(registry, &mut text);
    for policy in registry.policies() {
        calls(&policy, &mut text);
    }
    let faults = registry.internal_faults();
    let help = "Faults of Seawall that let a call through unprotected.";
    text.count("seawall_internal_faults_total", help, &[], faults);
    text.finish()
}

fn part_labels((name, scope): &PartName) -> Vec<(&'static str, String)> {
    vec![("name", name.to_string()), ("scope", scope.word().to_owned())]
}

fn with(labels: Labels, key: &'static str, value: &str) -> Vec<(&'static str, String)> {
    labels.iter().cloned().chain([(key, value.to_owned())]).collect()
}

/// What calls of a policy came to. Those that succeed at once under a pass appear in their breaker's counts only.
fn calls(policy: &Policy, text: &mut Text) {
    let Some(name) = policy.name() else { return };
    let labels = vec![("policy", name.to_owned()), ("scope", "process".to_owned())];
    let m = policy.metrics();
    ends(m, &labels, text);
    retries(m, &labels, text);
    limits(m, &labels, text);
    answers(m, &labels, text);
}

fn ends(m: &CallMetrics, labels: Labels, text: &mut Text) {
    for verdict in Verdict::ALL {
        let labels = with(labels, "outcome", verdict.as_str());
        text.count("seawall_call_finished_total", "Calls that were stepped to their end.", &labels, m.verdict(verdict));
    }
    for (reason, value) in m.refusals() {
        let labels = with(labels, "reason", reason);
        text.count("seawall_call_refusals_total", "Refusals by the policy's own parts.", &labels, value);
    }
    for (outcome, error, value) in m.errors.totals() {
        let labels = with(&with(labels, "outcome", outcome), "error_type", &error);
        text.count("seawall_call_errors_total", "Errors of attempts, by type.", &labels, value);
    }
}

fn retries(m: &CallMetrics, labels: Labels, text: &mut Text) {
    for outcome in Outcome::ALL {
        let labels = with(labels, "outcome", outcome.as_str());
        text.count("seawall_retry_attempts_total", "Attempts that were judged.", &labels, m.attempts(outcome));
    }
    for (index, counter) in m.retries.iter().enumerate() {
        let number = if index + 1 == m.retries.len() { format!("{}+", index + 1) } else { (index + 1).to_string() };
        let labels = with(labels, "attempt", &number);
        text.count("seawall_retry_retries_total", "Retries, by the attempt that failed.", &labels, counter.get());
    }
    for stop in Stop::ALL {
        let labels = with(labels, "reason", stop.as_str());
        text.count("seawall_retry_exhausted_total", "Calls that gave up.", &labels, m.exhausted[stop as usize].get());
    }
    let (saved, denied) = (m.success_after_retry.get(), m.budget_denied.get());
    text.count("seawall_retry_success_after_retry_total", "Calls saved by a retry.", labels, saved);
    text.count("seawall_retry_budget_denials_total", "Retries the budget denied.", labels, denied);
    text.histogram("seawall_retry_delay_seconds", "Waits before retries.", labels, &m.retry_delay);
}

fn limits(m: &CallMetrics, labels: Labels, text: &mut Text) {
    text.count("seawall_timeout_attempts_total", "Attempts that hit their limit.", labels, m.attempt_timeouts.get());
    text.count("seawall_timeout_deadlines_total", "Calls that hit their deadline.", labels, m.deadlines.get());
    text.count("seawall_timeout_slow_total", "Attempts slower than slow_after.", labels, m.slow.get());
    let durations = "Durations of attempts of policies with timeouts.";
    text.histogram("seawall_timeout_duration_seconds", durations, labels, &m.timed);
}

/// What stood in for the dependency.
fn answers(m: &CallMetrics, labels: Labels, text: &mut Text) {
    for step in FallbackStep::ALL {
        let (labels, used) = (with(labels, "kind", step.as_str()), m.fallbacks[step as usize].get());
        text.count("seawall_fallback_used_total", "Calls answered by a fallback.", &labels, used);
    }
    text.count("seawall_cache_hits_total", "Look-ups that found a value.", labels, m.cache_hits.get());
    text.count("seawall_cache_misses_total", "Look-ups that found none.", labels, m.cache_misses.get());
}
