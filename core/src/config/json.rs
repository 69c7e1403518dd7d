//! A resolved policy in the shape it is configured in, every default written out: resolving it gives it again.

use super::schema::Choice;
use super::schema::choices::{FallbackOn, Stream};
use super::*;
use serde_json::{Map, Value as Json, json};

impl PolicyConfig {
    /// As one `[policy.NAME]` table with its `name`, complete.
    pub fn to_json(&self) -> Json {
        let mut policy = Map::new();
        put(&mut policy, "name", self.name.as_deref());
        policy.insert("enabled".into(), self.enabled.into());
        policy.insert("scope".into(), self.scope.word().into());
        policy.insert("revision".into(), self.revision.into());
        put(&mut policy, "host_required", self.host_required);
        policy.insert("max_keys".into(), self.max_keys.into());
        let stream = if self.stream_exempt { Stream::Exempt } else { Stream::Protect };
        policy.insert("stream".into(), stream.word().into());
        put(&mut policy, "breaker", self.breaker.as_ref().map(breaker));
        put(&mut policy, "retry", self.retry.as_ref().map(retry));
        put(&mut policy, "bulkhead", self.bulkhead.as_ref().map(bulkhead));
        put(&mut policy, "timeout", self.timeout.as_ref().map(timeout));
        // `false` where a cache would bring a fallback along that is not there.
        let fallback = self.fallback.as_ref().map(fallback).or(self.cache.as_ref().map(|_| Json::Bool(false)));
        put(&mut policy, "fallback", fallback);
        put(&mut policy, "cache", self.cache.as_ref().map(cache));
        if !self.cost.is_empty() {
            policy.insert("cost".into(), self.cost.iter().map(cost).collect());
        }
        Json::Object(policy)
    }
}

fn put(table: &mut Map<String, Json>, key: &str, value: Option<impl Into<Json>>) {
    if let Some(value) = value {
        table.insert(key.to_owned(), value.into());
    }
}

fn span(table: &mut Map<String, Json>, key: &str, value: Option<crate::time::Span>) {
    put(table, key, value.map(|span| span.to_string()));
}

fn rate(rate: Rate) -> f64 {
    rate.as_f64()
}

fn breaker(b: &BreakerConfig) -> Json {
    let mut table = Map::new();
    put(&mut table, "name", b.name.as_deref());
    let (window, rules) = match b.window {
        Window::Consecutive { failures } => (json!({"kind": "consecutive", "failures": failures}), false),
        Window::Count { size } => (json!({"kind": "count", "size": size}), true),
        Window::Time { span, slices, aligned } => {
            (json!({"kind": "time", "span": span.to_string(), "slices": slices, "aligned": aligned}), true)
        }
    };
    table.insert("window".into(), window);
    if rules {
        put(&mut table, "failure_rate", b.failure_rate.map(rate));
        put(&mut table, "failure_count", b.failure_count);
        let slow = |s: SlowCall| json!({"longer_than": s.longer_than.to_string(), "rate": rate(s.rate)});
        put(&mut table, "slow_call", b.slow_call.map(slow));
        table.insert("minimum_calls".into(), b.minimum_calls.into());
    }
    let open = b.open_for;
    let open_for = json!({"base": open.base.to_string(), "factor": open.factor, "cap": open.cap.to_string(), "jitter": open.jitter});
    table.insert("open_for".into(), open_for);
    let mut half = Map::new();
    half.insert("permits".into(), b.half_open.permits.into());
    half.insert("mode".into(), b.half_open.mode.word().into());
    put(&mut half, "successes", b.half_open.successes);
    put(&mut half, "of", b.half_open.of);
    if b.half_open.max_wait.is_some() {
        span(&mut half, "max_wait", b.half_open.max_wait);
        half.insert("on_max_wait".into(), b.half_open.on_max_wait.word().into());
    }
    span(&mut half, "lease", Some(b.half_open.lease));
    table.insert("half_open".into(), Json::Object(half));
    table.insert("initial_state".into(), b.initial_state.word().into());
    table.insert("count_throttled".into(), b.count_throttled.into());
    table.insert("from_server_hint".into(), b.from_server_hint.into());
    Json::Object(table)
}

fn retry(r: &RetryConfig) -> Json {
    let mut table = Map::new();
    table.insert("attempts".into(), r.attempts.into());
    table.insert("backoff".into(), backoff(&r.delay.backoff));
    table.insert("jitter".into(), jitter(r.delay.jitter));
    span(&mut table, "max_elapsed", r.max_elapsed);
    table.insert("server_hint".into(), r.server_hint.word().into());
    span(&mut table, "hint_cap", Some(r.hint_cap));
    table.insert("retry_refused".into(), r.retry_refused.into());
    let mut by_outcome = Map::new();
    for (name, delay) in [("failure", &r.on_failure), ("timeout", &r.on_timeout), ("throttled", &r.on_throttled)] {
        let delay = delay.as_ref().map(|d| json!({"backoff": backoff(&d.backoff), "jitter": jitter(d.jitter)}));
        put(&mut by_outcome, name, delay);
    }
    if !by_outcome.is_empty() {
        table.insert("by_outcome".into(), Json::Object(by_outcome));
    }
    put(&mut table, "budget", r.budget.as_ref().map(budget));
    Json::Object(table)
}

fn backoff(b: &Backoff) -> Json {
    let mut table = Map::new();
    // A cap without bound was never written.
    let bounded = |cap: &crate::time::Span| Some(*cap).filter(|cap| *cap != crate::time::Span::MAX);
    let kind = match b {
        Backoff::Exponential { base, factor, cap } => {
            table.insert("factor".into(), (*factor).into());
            span(&mut table, "base", Some(*base));
            span(&mut table, "cap", Some(*cap));
            "exponential"
        }
        Backoff::Linear { base, cap } => {
            span(&mut table, "base", Some(*base));
            span(&mut table, "cap", Some(*cap));
            "linear"
        }
        Backoff::Fixed { base, cap } => {
            span(&mut table, "base", Some(*base));
            span(&mut table, "cap", bounded(cap));
            "fixed"
        }
        Backoff::List { delays, cap } => {
            table.insert("delays".into(), delays.iter().map(|delay| delay.to_string()).collect());
            span(&mut table, "cap", bounded(cap));
            "list"
        }
        Backoff::Uniform { min, max } => {
            span(&mut table, "min", Some(*min));
            span(&mut table, "max", Some(*max));
            "uniform"
        }
    };
    table.insert("kind".into(), kind.into());
    Json::Object(table)
}

fn jitter(j: Jitter) -> Json {
    match j {
        Jitter::None => json!({"kind": "none"}),
        Jitter::Full => json!({"kind": "full"}),
        Jitter::Equal => json!({"kind": "equal"}),
        Jitter::Proportional { factor } => json!({"kind": "proportional", "factor": factor}),
        Jitter::Additive { factor } => json!({"kind": "additive", "factor": factor}),
        Jitter::Absolute { span } => json!({"kind": "absolute", "span": span.to_string()}),
        Jitter::Decorrelated => json!({"kind": "decorrelated"}),
        Jitter::DecorrelatedV2 => json!({"kind": "decorrelated_v2"}),
    }
}

fn budget(b: &BudgetConfig) -> Json {
    let mut table = match b.rule {
        BudgetRule::Tokens { capacity, failure, timeout, throttled, hedge, refund } => json!({
            "kind": "tokens", "capacity": capacity, "refund": refund,
            "costs": {"failure": failure, "timeout": timeout, "throttled": throttled, "hedge": hedge},
        }),
        BudgetRule::Ratio { share, floor_per_second, span } => json!({
            "kind": "ratio", "share": share, "floor_per_second": floor_per_second, "span": span.to_string(),
        }),
        BudgetRule::Concurrent { share, floor } => json!({"kind": "concurrent", "share": share, "floor": floor}),
        BudgetRule::Cap { retries } => json!({"kind": "cap", "retries": retries}),
    };
    if let Some(name) = &b.name {
        table["name"] = name.as_str().into();
    }
    table
}

fn bulkhead(b: &BulkheadConfig) -> Json {
    let mut table = Map::new();
    put(&mut table, "name", b.name.as_deref());
    table.insert("limit".into(), b.limit.into());
    table.insert("queue".into(), b.queue.into());
    span(&mut table, "max_wait", b.max_wait);
    Json::Object(table)
}

fn timeout(t: &TimeoutConfig) -> Json {
    let mut table = Map::new();
    put(&mut table, "name", t.name.as_deref());
    span(&mut table, "attempt", t.attempt);
    span(&mut table, "deadline", t.deadline);
    put(&mut table, "mode", t.mode.map(Choice::word));
    span(&mut table, "slow_after", t.slow_after);
    span(&mut table, "idle", t.idle);
    let adaptive = |a: AdaptiveConfig| {
        json!({
            "quantile": a.quantile, "factor": a.factor, "min": a.min.to_string(), "span": a.span.to_string(),
            "minimum_calls": a.minimum_calls,
        })
    };
    put(&mut table, "adaptive", t.adaptive.map(adaptive));
    span(&mut table, "caller_deadline_after", Some(t.caller_deadline_after));
    Json::Object(table)
}

fn fallback(f: &FallbackConfig) -> Json {
    let on: Vec<&str> = if f.on_permanent || f.on_ignored {
        vec![FallbackOn::Any.word()]
    } else {
        let ends = [
            (FallbackOn::Refused, f.on_refused),
            (FallbackOn::Timeout, f.on_timeout),
            (FallbackOn::Failure, f.on_failure),
            (FallbackOn::Throttled, f.on_throttled),
        ];
        ends.into_iter().filter(|(_, is_on)| *is_on).map(|(end, _)| end.word()).collect()
    };
    let mut table = Map::new();
    table.insert("chain".into(), f.chain.iter().map(|step| step.word()).collect());
    let value = f.value.as_ref().map(|value| match value {
        Scalar::Bool(value) => Json::from(*value),
        Scalar::Integer(value) => Json::from(*value),
        Scalar::Float(value) => Json::from(*value),
        Scalar::Text(value) => Json::from(value.as_str()),
    });
    put(&mut table, "value", value);
    table.insert("on".into(), on.into());
    span(&mut table, "timeout", Some(f.timeout));
    Json::Object(table)
}

fn cache(c: &CacheConfig) -> Json {
    let mut table = Map::new();
    span(&mut table, "ttl", Some(c.ttl));
    span(&mut table, "stale_for", c.stale_for);
    table.insert("size".into(), c.size.into());
    table.insert("first".into(), c.first.into());
    Json::Object(table)
}

fn cost(c: &CostConfig) -> Json {
    let limits: Map<String, Json> = c.limits.iter().map(|(amount, limit)| (amount.clone(), (*limit).into())).collect();
    let mut table = Map::new();
    table.insert("name".into(), c.name.as_str().into());
    table.insert("limits".into(), limits.into());
    span(&mut table, "per", c.per);
    Json::Object(table)
}
