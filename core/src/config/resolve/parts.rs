//! The policy as a whole, and the rules of its simpler parts.

use super::{Scene, breaker, retry};
use crate::config::node::Layer;
use crate::config::schema::choices::{FallbackOn, Stream};
use crate::config::schema::decode::Fault;
use crate::config::schema::policy as options;
use crate::config::{
    AdaptiveConfig, BulkheadConfig, CacheConfig, CostConfig, FallbackConfig, FallbackStep, PolicyConfig, Scope,
    TimeoutConfig, operation_timeout, resource_limit,
};
use crate::error::ConfigCode;
use std::collections::BTreeMap;

/// Amounts of one cost budget: a cell has so many words for them.
const AMOUNTS: usize = 8;

pub(super) fn policy(o: &options::Policy, name: Option<&str>, scene: &Scene<'_>) -> Result<PolicyConfig, Fault> {
    let timeout = o.timeout.value.as_ref().map(|o| timeout(o, scene)).transpose()?;
    let attempt = timeout.as_ref().and_then(|timeout| timeout.attempt);
    let (fallback, cache) = fallback_and_cache(o, scene)?;
    let config = PolicyConfig {
        name: name.map(str::to_owned),
        enabled: *o.enabled,
        scope: *o.scope,
        revision: *o.revision,
        host_required: *o.host_required,
        max_keys: *o.max_keys,
        stream_exempt: *o.stream == Stream::Exempt,
        breaker: o.breaker.value.as_ref().map(|o| breaker::breaker(o, attempt, scene)).transpose()?,
        retry: o.retry.value.as_ref().map(|o| retry::retry(o, scene)).transpose()?,
        bulkhead: o.bulkhead.value.as_ref().map(|o| bulkhead(o, scene)),
        timeout,
        fallback,
        cache,
        cost: costs(&o.cost, scene)?,
    };
    shared(&config, o, scene)?;
    Ok(config)
}

/// Processes share a part by its name: its own, or the policy's.
fn shared(config: &PolicyConfig, o: &options::Policy, scene: &Scene<'_>) -> Result<(), Fault> {
    let breaker = config.breaker.as_ref().is_some_and(|part| part.name.is_none());
    let bulkhead = config.bulkhead.as_ref().is_some_and(|part| part.name.is_none());
    let budget = config.retry.as_ref().and_then(|retry| retry.budget.as_ref()).is_some_and(|part| part.name.is_none());
    if config.scope == Scope::Host && config.name.is_none() && (breaker || bulkhead || budget) {
        let reason = "a policy in host scope needs a name: processes find what they share by it";
        return Err(scene.fault(ConfigCode::Required, "/name", o.scope.layer, reason));
    }
    if config.scope == Scope::Process && config.host_required == Some(true) {
        let reason = "is of use with `scope = \"host\"` only: say that too, or leave this out";
        return Err(scene.fault(ConfigCode::Conflict, "/host_required", o.host_required.layer, reason));
    }
    Ok(())
}

fn bulkhead(o: &options::Bulkhead, scene: &Scene<'_>) -> BulkheadConfig {
    let resource = o.resource.value.as_ref().map(|resource| resource_limit(scene.file, &resource.0));
    // A wait of no length is no reason to let callers queue.
    let waits = o.max_wait.is_some_and(|span| !span.is_zero());
    BulkheadConfig {
        name: o.name.value.as_ref().map(|name| name.0.clone()),
        limit: o.limit.or(resource).unwrap_or(25),
        queue: o.queue.unwrap_or(if waits { u32::MAX } else { 0 }),
        max_wait: *o.max_wait,
    }
}

fn timeout(o: &options::Timeout, scene: &Scene<'_>) -> Result<TimeoutConfig, Fault> {
    let operation = o.operation.value.as_ref().map(|operation| operation_timeout(scene.file, &operation.0));
    let attempt = o.attempt.or(operation);
    let adaptive = o.adaptive.value.as_ref().map(|a| AdaptiveConfig {
        quantile: *a.quantile,
        factor: *a.factor,
        min: *a.min,
        span: *a.span,
        minimum_calls: *a.minimum_calls,
    });
    match (&adaptive, attempt) {
        (Some(_), None) => {
            let reason = "an adaptive limit needs the attempt timeout above it";
            return Err(scene.fault(ConfigCode::Required, "/timeout/attempt", o.adaptive.layer, reason));
        }
        (Some(adaptive), Some(attempt)) if adaptive.min > attempt => {
            let reason = format!("the shortest limit {} is above the attempt timeout {attempt}", adaptive.min);
            return Err(scene.fault(ConfigCode::Conflict, "/timeout/adaptive/min", o.adaptive.layer, reason));
        }
        _ => {}
    }
    Ok(TimeoutConfig {
        name: o.name.value.as_ref().map(|name| name.0.clone()),
        attempt,
        deadline: *o.deadline,
        mode: *o.mode,
        slow_after: *o.slow_after,
        idle: *o.idle,
        adaptive,
        caller_deadline_after: *o.caller_deadline_after,
    })
}

fn fallback_and_cache(
    o: &options::Policy,
    scene: &Scene<'_>,
) -> Result<(Option<FallbackConfig>, Option<CacheConfig>), Fault> {
    let mut cache = o.cache.value.as_ref().map(|c| CacheConfig {
        ttl: *c.ttl,
        stale_for: *c.stale_for,
        size: *c.size,
        first: *c.first,
    });
    let Some(f) = &o.fallback.value else {
        // A cache alone answers with what it has.
        let chain = cache.as_ref().map(|cache| {
            let stale = cache.stale_for.map(|_| FallbackStep::Stale);
            std::iter::once(FallbackStep::Cached).chain(stale).collect()
        });
        let switched_off = o.fallback.is_given();
        let fallback = chain.filter(|_| !switched_off).map(|chain| FallbackConfig { chain, ..Default::default() });
        return Ok((fallback, cache));
    };
    let fallback = fallback(f, o.fallback.layer, scene)?;
    let has = |step| fallback.chain.contains(&step);
    if has(FallbackStep::Stale) && cache.as_ref().is_none_or(|cache| cache.stale_for.is_none()) {
        let reason = "the fallback `stale` needs to know how long a stale result may be served";
        return Err(scene.fault(ConfigCode::Required, "/cache/stale_for", f.chain.layer, reason));
    }
    if has(FallbackStep::Cached) && cache.is_none() {
        cache = Some(CacheConfig::default());
    }
    Ok((Some(fallback), cache))
}

fn fallback(f: &options::Fallback, layer: Option<Layer>, scene: &Scene<'_>) -> Result<FallbackConfig, Fault> {
    let mut chain = f.chain.value.clone();
    if chain.is_empty() && f.value.is_some() {
        chain.push(FallbackStep::Value);
    }
    if chain.is_empty() {
        let reason = "a fallback needs at least one answer";
        return Err(scene.fault(ConfigCode::Required, "/fallback/chain", f.chain.layer.or(layer), reason));
    }
    if f.on.is_empty() {
        let reason = "a fallback needs at least one end of a call that it answers";
        return Err(scene.fault(ConfigCode::Required, "/fallback/on", f.on.layer, reason));
    }
    let any = f.on.contains(&FallbackOn::Any);
    let on = |end| any || f.on.contains(&end);
    Ok(FallbackConfig {
        chain,
        value: f.value.value.clone(),
        on_refused: on(FallbackOn::Refused),
        on_timeout: on(FallbackOn::Timeout),
        on_failure: on(FallbackOn::Failure),
        on_throttled: on(FallbackOn::Throttled),
        on_permanent: any,
        on_ignored: any,
        timeout: *f.timeout,
    })
}

fn costs(costs: &[options::CostLimits], scene: &Scene<'_>) -> Result<Vec<CostConfig>, Fault> {
    let mut resolved: Vec<CostConfig> = Vec::new();
    for (index, cost) in costs.iter().enumerate() {
        check_limits(&cost.limits, &scene.at(&format!("/cost/{index}/limits")))
            .map_err(|fault| fault.layer(cost.limits.layer.or(cost.name.layer)))?;
        let name = cost.name.0.clone();
        if resolved.iter().any(|other| other.name == name) {
            let reason = format!("two cost budgets are called `{name}`");
            return Err(scene.fault(ConfigCode::Conflict, &format!("/cost/{index}/name"), cost.name.layer, reason));
        }
        let limits = cost.limits.value.iter().map(|(amount, limit)| (amount.clone(), *limit)).collect();
        resolved.push(CostConfig { name, limits, per: *cost.per });
    }
    Ok(resolved)
}

/// At least one amount, and no more than a cell can count.
pub(crate) fn check_limits(limits: &BTreeMap<String, u64>, path: &str) -> Result<(), Fault> {
    match limits.len() {
        0 => Err(Fault::new(ConfigCode::Required, path, "a cost budget needs at least one amount")),
        1..=AMOUNTS => Ok(()),
        more => {
            let reason = format!("a cost budget has at most {AMOUNTS} amounts, not {more}");
            Err(Fault::new(ConfigCode::OutOfRange, path, reason))
        }
    }
}
