//! The options of a breaker.

use super::shared::Name;
use crate::breaker::State;
use crate::config::{OnMaxWait, ProbeMode, Rate};
use crate::time::Span;

options! {
    /// So many failures in a row open the circuit.
    ConsecutiveWindow {
        /// Failures in a row that open the circuit.
        failures: u32 [default "5", min "1", max "1000000", alias "max_failures,threshold,failure_threshold"];
    }
    /// The last calls decide.
    CountWindow {
        /// How many calls are looked back on.
        size: u32 [default "100", min "1", max "1000000"];
    }
    /// The calls of the last moments decide.
    TimeWindow {
        /// How far is looked back.
        span: Span [default "30s", min "1ms", max "24h"];
        /// Into how many slices the span is cut; the oldest is forgotten whole.
        slices: u32 [default "10", min "1", max "64"];
        /// Whether slices begin at multiples of their length, and not with the first call.
        aligned: bool [default "false"];
    }
}

variants! {
    /// Which calls the rules of a breaker look at.
    Window default "consecutive" short "kind" {
        "consecutive" => Consecutive(ConsecutiveWindow),
        "count" => Count(CountWindow),
        "time" => Time(TimeWindow),
    }
}

options! {
    /// A rule on calls that succeed too slowly.
    SlowCall short "longer_than" {
        /// A success that took strictly longer is slow.
        longer_than: Span [min "1ns", example "2s", alias "threshold"];
        /// The share of slow calls that opens the circuit.
        rate: Rate [default "1.0", above "0", max "1"];
    }

    /// How long the circuit stays open: base × factor^(re-openings since it was last closed), capped.
    OpenFor short "base" {
        /// The first open time.
        base: Span [default "30s", min "1ms", max "24h"];
        /// What each re-opening multiplies it by.
        factor: f64 [default "1.0", min "1", max "1000", alias "multiplier"];
        /// The longest open time.
        cap: Span [default "5m", otherwise "`5m`, or `base` where that is longer", min "1ms", max "24h", alias "max"];
        /// The share of the open time that chance may add or take away.
        jitter: f64 [default "0", min "0", max "1"];
    }

    /// How a circuit finds out whether it may close.
    HalfOpen short "permits" {
        /// How many probes are let through.
        permits: Option<u32> [otherwise "`of` where it is given, else 1", min "1", max "65535"];
        /// Whether `permits` counts all probes until the verdict or those under way at once.
        mode: ProbeMode [default "total"];
        /// How many successes close the circuit.
        successes: Option<u32> [min "1", max "65535", example "3", alias "success_threshold"];
        /// Out of how many results.
        of: Option<u32> [otherwise "`successes`, where that is given", min "1", max "65535", example "5"];
        /// How long the circuit waits half-open for a verdict.
        max_wait: Option<Span> [min "1ms", max "24h", example "60s"];
        /// Where it goes when `max_wait` ends.
        on_max_wait: OnMaxWait [default "open"];
        /// How long a probe may take before its permit is given to another.
        lease: Option<Span> [otherwise "the longest of 30s, `slow_call.longer_than` and the attempt timeout", min "1ms", max "1h", example "30s"];
    }

    /// A circuit breaker: stops calling a dependency that fails.
    Breaker {
        /// Policies that name the same breaker share its state.
        name: Option<Name> [example "identity"];
        /// Which calls the rules look at.
        window: Window [];
        /// The share of failures that opens the circuit; for count and time windows.
        failure_rate: Option<Rate> [otherwise "0.5 on count and time windows where no other rule is named", above "0", max "1", example "0.5", alias "failure_ratio,error_rate,failure_rate_threshold"];
        /// So many failures in the window open the circuit; for count and time windows.
        failure_count: Option<u32> [min "1", max "1000000", example "10"];
        /// Opens the circuit when calls succeed too slowly; for count and time windows.
        slow_call: Option<SlowCall> [];
        /// Rates decide nothing before so many calls; for count and time windows.
        minimum_calls: u32 [default "20", otherwise "`20`, at most the size of a count window", min "1", max "1000000", alias "min_calls,minimum_throughput,volume_threshold"];
        /// How long the circuit stays open.
        open_for: OpenFor [alias "open_duration,open_timeout,reset_timeout,recovery_timeout,cooldown,timeout"];
        /// How the circuit finds out whether it may close.
        half_open: HalfOpen [];
        /// The state it starts in.
        initial_state: State [default "closed"];
        /// Whether a throttled call counts as a failure.
        count_throttled: bool [default "true"];
        /// Whether the time a server asks for sets the open time.
        from_server_hint: bool [default "false"];
    }
}
