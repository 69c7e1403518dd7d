//! Options that are one word of a list.

use crate::breaker::State;
use crate::config::{FallbackStep, OnMaxWait, ProbeMode, Scope, ServerHint, TimeoutMode};

/// Whether streams are protected.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Stream {
    Protect,
    Exempt,
}

/// Failures that a fallback answers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FallbackOn {
    Refused,
    Timeout,
    Failure,
    Throttled,
    Any,
}

pub use crate::config::presets::Preset;

choices! {
    /// Values for a kind of environment, under everything that is written out.
    Preset: Preset {
        "development" => Preset::Development, "2 failures, 5 s open, 2 attempts from 100 ms, 10 s timeout";
        "staging" => Preset::Staging, "3 failures, 10 s open, 3 attempts from 1 s, 30 s timeout";
        "production" => Preset::Production, "5 failures, 15 s open growing to 5 m, 3 attempts from 1 s to 30 s, 60 s timeout, slow after 20 s";
        "busy" => Preset::Busy, "a time window of 30 s, half of at least 20 calls, 5 probes, growing open time";
    }
    /// Who shares the state.
    Scope: Scope {
        "process" => Scope::Process, "every thread of this process";
        "host" => Scope::Host, "every process of this host";
    }
    /// Whether streams are protected.
    Stream: Stream {
        "protect" => Stream::Protect, "one attempt from the first item asked for to the end";
        "exempt" => Stream::Exempt, "passed through";
    }
    /// What a circuit is doing.
    State: State {
        "closed" => State::Closed, "calls pass and are counted";
        "open" => State::Open, "calls are rejected";
        "half_open" => State::HalfOpen, "probes decide";
        "forced_open" => State::ForcedOpen, "open by hand, until somebody ends it";
        "disabled" => State::Disabled, "everything passes, nothing is recorded";
        "metrics_only" => State::MetricsOnly, "everything passes and is recorded";
    }
    /// How probes are counted.
    ProbeMode: ProbeMode {
        "total" => ProbeMode::Total, "so many probes until the verdict";
        "concurrent" => ProbeMode::Concurrent, "so many probes at once";
    }
    /// Where a half-open circuit goes when `max_wait` ends without a verdict.
    OnMaxWait: OnMaxWait {
        "open" => OnMaxWait::Open, "open again";
        "closed" => OnMaxWait::Closed, "close";
    }
    /// What is done with the time a server asks for.
    ServerHint: ServerHint {
        "exact" => ServerHint::Exact, "wait the larger of delay and hint";
        "clamp" => ServerHint::Clamp, "wait the hint, at least the delay and at most 5 s more";
        "ignore" => ServerHint::Ignore, "wait the delay";
    }
    /// How an attempt that runs out of time is ended.
    TimeoutMode: TimeoutMode {
        "cooperative" => TimeoutMode::Cooperative, "ask the work to stop and wait until it does";
        "abandon" => TimeoutMode::Abandon, "go on without it";
    }
    /// One link of a fallback chain.
    FallbackStep: FallbackStep {
        "value" => FallbackStep::Value, "a fixed value";
        "function" => FallbackStep::Function, "a function given in code";
        "cached" => FallbackStep::Cached, "the last good result of the key, within its time to live";
        "stale" => FallbackStep::Stale, "the last good result of the key, past its time to live";
        "empty" => FallbackStep::Empty, "the empty value of the language";
        "fail_open" => FallbackStep::FailOpen, "answer yes";
        "fail_closed" => FallbackStep::FailClosed, "answer no";
    }
    /// Failures that a fallback answers.
    FallbackOn: FallbackOn {
        "refused" => FallbackOn::Refused, "a part of the policy refused";
        "timeout" => FallbackOn::Timeout, "an attempt or the deadline ran out";
        "failure" => FallbackOn::Failure, "the dependency failed";
        "throttled" => FallbackOn::Throttled, "the dependency asked for less";
        "any" => FallbackOn::Any, "these, and permanent and ignored errors too";
    }
}
