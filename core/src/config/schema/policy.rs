//! The options of a policy and of its simpler parts.

use super::breaker::Breaker;
use super::choices::{FallbackOn, Stream};
use super::retry::Retry;
use super::shared::Name;
use crate::config::presets::Preset;
use crate::config::{FallbackStep, Scalar, Scope, TimeoutMode};
use crate::time::Span;
use std::collections::BTreeMap;

options! {
    /// A bound on calls under way at once.
    Bulkhead short "limit" {
        /// Policies that name the same bulkhead share its permits.
        name: Option<Name> [example "database"];
        /// How many calls may be under way at once.
        limit: Option<u32> [otherwise "that of `resource`, else 25", min "1", max "1000000", example "25", alias "max_concurrent,max_concurrency,permits,size"];
        /// How many callers may wait for a permit.
        queue: Option<u32> [otherwise "0, or unbounded where `max_wait` is given", min "0", max "4294967295", example "50", alias "queue_size,max_queue"];
        /// How long a caller may wait for a permit.
        max_wait: Option<Span> [min "0s", max "24h", example "200ms", alias "wait,wait_timeout,timeout"];
        /// A kind of resource whose limit is looked up in the `[resource]` table.
        resource: Option<Name> [example "llm"];
    }

    /// A limit that follows the duration of past attempts: quantile × factor, between `min` and the attempt timeout.
    Adaptive {
        /// Which of the past durations is taken.
        quantile: f64 [default "0.95", above "0", max "1"];
        /// What it is multiplied by.
        factor: f64 [default "1.5", above "0", max "1000"];
        /// The shortest limit.
        min: Span [default "10ms", min "1ns", max "24h"];
        /// How far is looked back.
        span: Span [default "5m", min "1ms", max "24h"];
        /// Below so many attempts the attempt timeout holds.
        minimum_calls: u32 [default "20", min "1", max "1000000"];
    }

    /// Limits on time.
    Timeout short "attempt" {
        /// The name its metrics carry.
        name: Option<Name> [example "identity"];
        /// The limit of each attempt.
        attempt: Option<Span> [otherwise "that of `operation`, else none", min "1ns", max "8784h", example "2s", alias "limit,attempt_timeout,seconds"];
        /// The limit of the whole call, waits and retries included.
        deadline: Option<Span> [min "1ns", max "8784h", example "10s", alias "total,total_timeout,overall"];
        /// How an attempt that runs out of time is ended.
        mode: Option<TimeoutMode> [otherwise "the way of the language", example "cooperative"];
        /// A call longer than this raises the event `slow`; nothing is cancelled.
        slow_after: Option<Span> [min "1ns", max "8784h", example "20s", alias "slow_threshold"];
        /// The limit of the gaps between the items of a stream.
        idle: Option<Span> [min "1ns", max "8784h", example "15s", alias "idle_timeout"];
        /// A kind of operation whose limit is looked up in the `[operation]` table.
        operation: Option<Name> [example "llm"];
        /// A limit that follows the duration of past attempts.
        adaptive: Option<Adaptive> [];
        /// A caller's own deadline that passes counts as a timeout if the attempt had run this long.
        caller_deadline_after: Span [default "1s", min "0s", max "24h"];
    }

    /// What is answered when the call fails.
    Fallback short "chain" {
        /// The answers that are tried, in their order.
        chain: Vec<FallbackStep> [otherwise "`value` where a value is given", example "cached, stale, fail_closed"];
        /// The answer of the step `value`.
        value: Option<Scalar> [example "unknown"];
        /// Which ends of a call it answers.
        on: Vec<FallbackOn> [default "refused, timeout, failure, throttled"];
        /// The limit of a function's own time.
        timeout: Span [default "1s", min "1ns", max "24h"];
    }

    /// Good results that are kept.
    Cache short "ttl" {
        /// How long a result is fresh.
        ttl: Span [default "5m", min "1ns", max "8784h"];
        /// How long past that it may still be served, marked as stale.
        stale_for: Option<Span> [min "1ns", max "8784h", example "1h"];
        /// How many results are kept.
        size: u32 [default "1024", min "1", max "10000000", alias "max_size,maxsize,capacity"];
        /// Whether it is looked at before the call, and not only when the call fails.
        first: bool [default "false"];
    }

    /// A limit on named amounts.
    CostLimits short "name" {
        /// Policies that give the same name share the budget.
        name: Name [example "llm-spend"];
        /// The amounts and their limits, at most eight.
        limits: BTreeMap<String, u64> [min "1", example "tokens = 100000"];
        /// The budget fills up again at the start of each period.
        per: Option<Span> [otherwise "never", min "1ms", max "8784h", example "1h"];
    }

    /// One policy.
    Policy {
        /// Its name: `[policy.NAME]` of the file and `SEAWALL_NAME_…` of the environment speak of it.
        name: Option<Name> [example "identity"];
        /// Values under everything that is written out.
        preset: Option<Preset> [example "production"];
        /// Whether it protects anything; off, it is a plain call.
        enabled: bool [default "true"];
        /// Who shares the state.
        scope: Scope [default "process"];
        /// In host scope: where processes differ in their settings, those with the higher number are in force.
        revision: u32 [default "0", min "0", max "4294967295"];
        /// In host scope: whether calls are refused (`host_unavailable`), rather than protected by this process alone, while the segment cannot be had.
        host_required: Option<bool> [otherwise "`true` where the policy has a cost budget, which each process would spend once more", example "true"];
        /// How many keys are kept, where calls are partitioned by key.
        max_keys: u32 [default "1024", min "1", max "1000000"];
        /// Whether streams are protected.
        stream: Stream [default "protect"];
        /// Stops calling a dependency that fails.
        breaker: Option<Breaker> [alias "circuit_breaker,circuit"];
        /// Calls again after a failure.
        retry: Option<Retry> [alias "retries"];
        /// A bound on calls under way at once.
        bulkhead: Option<Bulkhead> [];
        /// Limits on time.
        timeout: Option<Timeout> [alias "timeouts"];
        /// What is answered when the call fails.
        fallback: Option<Fallback> [];
        /// Good results that are kept.
        cache: Option<Cache> [];
        /// Limits on named amounts; several, each with its name.
        cost: Vec<CostLimits> [];
    }
}
