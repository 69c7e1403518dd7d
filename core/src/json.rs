//! Snapshots, events and errors as JSON: the one form in which all bindings read them.
//!
//! Lengths of time are whole nanoseconds in fields that end in `_ns`; what is unknown is `null`.

use crate::breaker::BreakerSnapshot;
use crate::budget::BudgetSnapshot;
use crate::bulkhead::BulkheadSnapshot;
use crate::error::{ConfigError, Refusal};
use crate::events::Event;
use crate::policy::Policy;
use crate::time::Span;
use serde_json::{Value, json};

fn nanos(span: Option<Span>) -> Value {
    span.map_or(Value::Null, |span| json!(span.0))
}

impl BreakerSnapshot {
    /// As JSON, the same for every language.
    pub fn to_json(&self) -> Value {
        json!({
            "state": self.state.as_str(),
            "generation": self.generation,
            "calls": self.calls,
            "successes": self.successes,
            "failures": self.failures,
            "slow": self.slow,
            "consecutive_failures": self.consecutive_failures,
            "failure_rate": self.failure_rate,
            "slow_call_rate": self.slow_rate,
            "permits_left": self.permits_left,
            "step": self.step,
            "open_remaining_ns": nanos(self.open_remaining),
            "retry_after_ns": nanos(self.retry_after),
            "not_permitted": self.not_permitted,
            "due": self.due,
            "totals": {
                "success": self.totals.success,
                "failure": self.totals.failure,
                "slow": self.totals.slow,
                "ignored": self.totals.ignored,
                "cancelled": self.totals.cancelled,
                "stale": self.totals.stale,
                "rejected": self.totals.rejected,
                "reclaimed": self.totals.reclaimed,
                "transitions": self.totals.transitions,
            },
            "last_transition": self.last_transition.map(|last| json!({
                "from": last.from.as_str(),
                "to": last.to.as_str(),
                "reason": last.reason.as_str(),
                "at_ns": last.at.0,
            })),
        })
    }
}

impl BulkheadSnapshot {
    /// As JSON, the same for every language.
    pub fn to_json(&self) -> Value {
        json!({
            "in_use": self.in_use,
            "queued": self.queued,
            "limit": self.limit,
            "available": u64::from(self.limit).saturating_sub(self.in_use),
            "admitted": self.admitted,
            "rejected": { "bulkhead_full": self.rejected_full, "bulkhead_timeout": self.rejected_timeout },
            "cancelled": self.cancelled,
            "stale": self.stale,
        })
    }
}

impl BudgetSnapshot {
    /// One object.
    pub fn to_json(&self) -> Value {
        json!({
            "balance": self.balance,
            "limit": self.limit,
            "active_calls": self.active_calls,
            "active_retries": self.active_retries,
            "granted": self.granted,
            "denied": self.denied,
        })
    }
}

impl Policy {
    /// The parts of this policy that have a state, each under its name; a due transition is applied.
    pub fn snapshot_json(&self) -> String {
        let mut parts = serde_json::Map::new();
        parts.insert("name".into(), json!(self.name()));
        parts.insert("key".into(), json!(self.key()));
        parts.insert("enabled".into(), json!(self.enabled()));
        if let Some(breaker) = self.breaker().cloned() {
            parts.insert("breaker".into(), self.with(|cx| breaker.snapshot(cx)).to_json());
        }
        if let Some(bulkhead) = self.bulkhead().cloned() {
            parts.insert("bulkhead".into(), bulkhead.look().to_json());
        }
        if let Some(budget) = self.budget().cloned() {
            parts.insert("budget".into(), self.with(|cx| budget.snapshot(cx)).to_json());
        }
        let costs: serde_json::Map<_, _> = self.costs().to_vec().iter().map(|cost| self.cost_json(cost)).collect();
        if !costs.is_empty() {
            parts.insert("cost".into(), Value::Object(costs));
        }
        parts.insert("call".into(), self.call_json());
        Value::Object(parts).to_string()
    }

    fn cost_json(&self, cost: &crate::cost::CostBudget) -> (String, Value) {
        let amounts: serde_json::Map<_, _> = self
            .with(|cx| cost.snapshot(cx))
            .into_iter()
            .map(|amount| (amount.amount, json!({ "used": amount.used, "limit": amount.limit })))
            .collect();
        (cost.config().name.clone(), Value::Object(amounts))
    }

    fn call_json(&self) -> Value {
        let m = self.metrics();
        json!({
            "success_after_retry": m.success_after_retry.get(),
            "budget_denials": m.budget_denied.get(),
            "attempt_timeouts": m.attempt_timeouts.get(),
            "deadlines": m.deadlines.get(),
            "slow": m.slow.get(),
            "cache_hits": m.cache_hits.get(),
            "cache_misses": m.cache_misses.get(),
            "retries": m.retries.iter().map(|count| count.get()).sum::<u64>(),
        })
    }
}

impl Event {
    /// As JSON, the same for every language.
    pub fn to_json(&self) -> Value {
        let note = &self.note;
        let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        json!({
            "sequence": self.sequence,
            "kind": note.kind.as_str(),
            "at_ns": note.at.0,
            "process": self.process,
            "policy_id": self.policy_id,
            "policy": self.policy.as_deref(),
            "part": note.part.as_str(),
            "key": self.key.as_deref(),
            "from": text(note.from),
            "to": text(note.to),
            "reason": text(note.reason),
            "span_ns": note.span.0,
            "count": note.count,
            "outcome": note.outcome.map(|outcome| outcome.as_str()),
            "detail": text(&self.detail),
        })
    }
}

impl Refusal {
    /// As JSON, the same for every language.
    pub fn to_json(&self) -> Value {
        json!({
            "code": self.code.as_str(),
            "number": self.code as i32,
            "message": self.to_string(),
            "state": self.state.map(|state| state.as_str()),
            "retry_after_ns": nanos(self.retry_after),
            "used": self.used,
            "limit": self.limit,
            "amount": self.amount(),
            "problem": self.problem(),
        })
    }
}

impl ConfigError {
    /// As JSON, the same for every language.
    pub fn to_json(&self) -> Value {
        json!({
            "code": self.code.as_str(),
            "path": self.path,
            "reason": self.reason,
            "suggestion": self.suggestion,
            "source": self.source,
            "message": self.to_string(),
        })
    }
}
