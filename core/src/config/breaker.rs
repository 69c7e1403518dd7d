use crate::time::Span;

/// A ratio between 0 and 1, kept as whole parts per billion so that rates are compared, never rounded.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rate(pub u32);

impl Rate {
    /// All of them.
    pub const ONE: Rate = Rate(1_000_000_000);

    /// From a share, rounded to a billionth.
    pub fn from_f64(ratio: f64) -> Rate {
        Rate((ratio.clamp(0.0, 1.0) * 1e9).round() as u32)
    }

    /// As a share.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1e9
    }

    /// Whether `part` of `whole` has reached this rate; nothing of nothing has not.
    pub fn is_reached(self, part: u64, whole: u64) -> bool {
        whole > 0 && u128::from(part) * 1_000_000_000 >= u128::from(whole) * u128::from(self.0)
    }

    /// The smallest `part` that reaches this rate of `whole`.
    pub fn needed_of(self, whole: u64) -> u64 {
        // The short way is the usual one: it divides in registers.
        match u32::try_from(whole) {
            Ok(whole) => (u64::from(whole) * u64::from(self.0)).div_ceil(1_000_000_000),
            Err(_) => (u128::from(whole) * u128::from(self.0)).div_ceil(1_000_000_000) as u64,
        }
    }
}

/// Which calls the rules look at.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Window {
    /// So many failures in a row.
    Consecutive {
        /// At this many it opens (default: 5).
        failures: u32,
    },
    /// The last calls.
    Count {
        /// How many of them (default: 100).
        size: u32,
    },
    /// The calls of the last moments.
    Time {
        /// How far it looks back (default: 30 s).
        span: Span,
        /// Into how many equal parts the span is cut (default: 10).
        slices: u32,
        /// Whether a part begins at whole multiples of its length on the clock, rather than with the first call.
        aligned: bool,
    },
}

/// The rule on calls that succeed too slowly.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct SlowCall {
    /// Strictly longer than this is slow.
    pub longer_than: Span,
    /// At this share of them it opens (default: 1.0).
    pub rate: Rate,
}

/// How long a circuit stays open: base × factor^(re-openings since it was last closed), capped, ± jitter.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct OpenFor {
    /// The first time (default: 30 s).
    pub base: Span,
    /// What each re-opening multiplies it by (default: 1).
    pub factor: f64,
    /// The longest time (default: 5 min).
    pub cap: Span,
    /// Proportional: the open time is drawn from ± this share of it.
    pub jitter: f64,
}

/// How probes are counted.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ProbeMode {
    /// So many until the verdict.
    Total,
    /// So many at once.
    Concurrent,
}

/// Where a half-open circuit goes when `max_wait` ends without a verdict.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum OnMaxWait {
    /// Open again.
    Open,
    /// Closed.
    Closed,
}

/// How a circuit finds out whether it may close.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct HalfOpen {
    /// Probes [`of`, where that is given; else 1].
    pub permits: u32,
    /// How they are counted (default: total).
    pub mode: ProbeMode,
    /// So many successes close it, where that is the rule.
    pub successes: Option<u32>,
    /// Out of so many results.
    pub of: Option<u32>,
    /// The longest time without a verdict (default: none).
    pub max_wait: Option<Span>,
    /// Where it goes then (default: open).
    pub on_max_wait: OnMaxWait,
    /// Resolved: max(30s, slow threshold, attempt timeout) where the user gave none.
    pub lease: Span,
}

/// A breaker, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct BreakerConfig {
    /// Policies that name the same breaker share its state; a private one has no name.
    pub name: Option<String>,
    /// Which calls the rules look at (default: five failures in a row).
    pub window: Window,
    /// Resolved: 0.5 where the window is not `consecutive` and no other rule is named.
    pub failure_rate: Option<Rate>,
    /// Opens at this many failures in the window.
    pub failure_count: Option<u32>,
    /// Opens at a share of slow calls.
    pub slow_call: Option<SlowCall>,
    /// Resolved: clamped to the size of a count window.
    pub minimum_calls: u32,
    /// How long it stays open.
    pub open_for: OpenFor,
    /// How it finds out whether it may close.
    pub half_open: HalfOpen,
    /// Where it begins (default: closed).
    pub initial_state: crate::breaker::State,
    /// Whether a throttled call is a failure (default: yes); else it is ignored.
    pub count_throttled: bool,
    /// Whether the wish of a throttling server sets the open time (default: no).
    pub from_server_hint: bool,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        BreakerConfig {
            name: None,
            window: Window::Consecutive { failures: 5 },
            failure_rate: None,
            failure_count: None,
            slow_call: None,
            minimum_calls: 20,
            open_for: OpenFor { base: Span::secs(30), factor: 1.0, cap: Span::secs(300), jitter: 0.0 },
            half_open: HalfOpen {
                permits: 1,
                mode: ProbeMode::Total,
                successes: None,
                of: None,
                max_wait: None,
                on_max_wait: OnMaxWait::Open,
                lease: Span::secs(30),
            },
            initial_state: crate::breaker::State::Closed,
            count_throttled: true,
            from_server_hint: false,
        }
    }
}
