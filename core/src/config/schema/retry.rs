//! The options of a retry and of its budget.

use super::shared::Name;
use crate::config::ServerHint;
use crate::time::Span;

options! {
    /// base × factor^(retry − 1).
    ExponentialBackoff {
        /// The delay before the first retry.
        base: Span [default "100ms", min "1ns", max "24h", alias "initial,initial_delay,initial_interval,min"];
        /// What each further retry multiplies it by.
        factor: f64 [default "2", min "1", max "1000", alias "multiplier"];
        /// The longest delay.
        cap: Option<Span> [otherwise "`20s`, or `base` where that is longer", min "1ns", max "24h", example "20s", alias "max,max_delay,max_interval"];
    }
    /// base × retry.
    LinearBackoff {
        /// The delay before the first retry, and what each further retry adds.
        base: Span [default "100ms", min "1ns", max "24h", alias "initial,initial_delay,min"];
        /// The longest delay.
        cap: Option<Span> [otherwise "`20s`, or `base` where that is longer", min "1ns", max "24h", example "20s", alias "max,max_delay"];
    }
    /// The same delay each time.
    FixedBackoff {
        /// The delay.
        base: Span [default "100ms", min "0s", max "24h", alias "delay,interval"];
        /// The longest delay, jitter included.
        cap: Option<Span> [otherwise "none", min "1ns", max "24h", example "20s", alias "max,max_delay"];
    }
    /// Delays one by one; the last repeats.
    ListBackoff {
        /// The delays in their order.
        delays: Vec<Span> [min "0s", max "24h", example "100ms, 500ms, 2s"];
        /// The longest delay, jitter included.
        cap: Option<Span> [otherwise "none", min "1ns", max "24h", example "20s", alias "max,max_delay"];
    }
    /// By chance between two ends; no jitter on top.
    UniformBackoff {
        /// The shortest delay.
        min: Span [min "0s", max "24h", example "100ms"];
        /// The longest delay.
        max: Span [min "1ns", max "24h", example "1s"];
    }
}

variants! {
    /// The delay before the next retry, before chance changes it.
    Backoff default "exponential" short "kind" list "list" "delays" {
        "exponential" => Exponential(ExponentialBackoff),
        "linear" => Linear(LinearBackoff),
        "fixed" => Fixed(FixedBackoff),
        "list" => List(ListBackoff),
        "uniform" => Uniform(UniformBackoff),
    }
}

options! {
    /// Anything from nothing to the whole delay.
    FullJitter {}
    /// Half of the delay, and anything up to the other half.
    EqualJitter {}
    /// The delay as it is.
    NoJitter {}
    /// Anything between base and three times the delay before.
    DecorrelatedJitter {}
    /// Smooth exponential growth whose median is the base times two to the retry.
    DecorrelatedV2Jitter {}
    /// The delay, plus or minus a share of it.
    ProportionalJitter {
        /// The share.
        factor: f64 [default "0.25", min "0", max "1"];
    }
    /// The delay, and up to a share of it on top.
    AdditiveJitter {
        /// The share.
        factor: f64 [default "0.25", min "0", max "10"];
    }
    /// The delay, plus or minus a length of time.
    AbsoluteJitter {
        /// The length of time.
        span: Span [min "0s", max "24h", example "50ms"];
    }
}

variants! {
    /// What chance does to a delay, so that callers do not come back all at once.
    Jitter default "full" short "kind" {
        "full" => Full(FullJitter),
        "equal" => Equal(EqualJitter),
        "proportional" => Proportional(ProportionalJitter),
        "additive" => Additive(AdditiveJitter),
        "absolute" => Absolute(AbsoluteJitter),
        "decorrelated" => Decorrelated(DecorrelatedJitter),
        "decorrelated_v2" => DecorrelatedV2(DecorrelatedV2Jitter),
        "none" => None(NoJitter),
    }
}

options! {
    /// What a retry costs, by the outcome it follows.
    TokenCosts {
        /// After a failure.
        failure: u32 [default "14", min "0", max "1000000"];
        /// After a timeout.
        timeout: u32 [default "14", min "0", max "1000000"];
        /// After a throttled call.
        throttled: u32 [default "5", min "0", max "1000000"];
        /// An extra attempt beside a running one.
        hedge: u32 [default "14", min "0", max "1000000"];
    }
    /// A bucket of tokens: retries take, successes give back.
    TokenBudget {
        /// Policies that give the same name share the budget.
        name: Option<Name> [example "identity"];
        /// How many tokens the bucket holds; it starts full.
        capacity: u32 [default "500", min "1", max "1000000000"];
        /// What a retry costs.
        costs: TokenCosts [];
        /// What a call that succeeds at its first attempt gives back.
        refund: u32 [default "1", min "0", max "1000000"];
    }
    /// Retries may be so large a share of the calls.
    RatioBudget {
        /// Policies that give the same name share the budget.
        name: Option<Name> [example "identity"];
        /// Retries for each call.
        share: f64 [default "0.2", min "0", max "100"];
        /// Retries that are always allowed.
        floor_per_second: f64 [default "10", min "0", max "1000000"];
        /// How far is looked back.
        span: Span [default "10s", min "1ms", max "24h"];
    }
    /// So large a share of the calls under way may be retries.
    ConcurrentBudget {
        /// Policies that give the same name share the budget.
        name: Option<Name> [example "identity"];
        /// Retries for each call under way.
        share: f64 [default "0.2", min "0", max "100"];
        /// Retries at once that are always allowed.
        floor: u32 [default "3", min "0", max "1000000"];
    }
    /// So many retries at once.
    CapBudget {
        /// Policies that give the same name share the budget.
        name: Option<Name> [example "identity"];
        /// Retries at once.
        retries: u32 [min "1", max "1000000", example "10"];
    }
}

variants! {
    /// A limit on retries, so that they cannot multiply the load on a dependency in trouble.
    Budget default "tokens" short "name" {
        "tokens" => Tokens(TokenBudget),
        "ratio" => Ratio(RatioBudget),
        "concurrent" => Concurrent(ConcurrentBudget),
        "cap" => Cap(CapBudget),
    }
}

options! {
    /// Delays of its own for one class of outcome.
    OwnDelay {
        /// The delay before chance changes it.
        backoff: Option<Backoff> [otherwise "the retry's own"];
        /// What chance does to it.
        jitter: Option<Jitter> [otherwise "the retry's own"];
    }
    /// Delays by the class of the outcome before the retry.
    ByOutcome {
        /// After a failure.
        failure: Option<OwnDelay> [];
        /// After a timeout.
        timeout: Option<OwnDelay> [];
        /// After a throttled call.
        throttled: Option<OwnDelay> [];
    }
    /// Calls again after a failure.
    Retry short "attempts" {
        /// How often the function is called at most; the first call counts.
        attempts: u32 [default "3", min "1", max "4294967295", alias "max_attempts,tries,retries,max_retries"];
        /// The delay before the next retry.
        backoff: Backoff [];
        /// What chance does to the delay.
        jitter: Option<Jitter> [otherwise "full; none on `uniform` delays"];
        /// No retry begins later than this after the first attempt.
        max_elapsed: Option<Span> [min "1ns", max "8784h", example "1m", alias "max_duration,max_time"];
        /// What is done with the time a server asks for.
        server_hint: ServerHint [default "exact", alias "retry_after"];
        /// A server that asks for more than this is not called again.
        hint_cap: Span [default "60s", min "0s", max "24h"];
        /// Whether the refusal of a nested policy is retried, after its `retry_after`.
        retry_refused: bool [default "false"];
        /// Delays of its own for a class of outcome.
        by_outcome: ByOutcome [];
        /// A limit on retries; bare text names a budget of the `[budget]` table.
        budget: Option<Budget> [];
    }
}
