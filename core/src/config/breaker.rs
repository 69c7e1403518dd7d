use crate::time::Span;

/// A ratio between 0 and 1, kept as whole parts per billion so that rates are compared, never rounded.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rate(pub u32);

impl Rate {
    pub const ONE: Rate = Rate(1_000_000_000);

    pub fn from_f64(ratio: f64) -> Rate {
        Rate((ratio.clamp(0.0, 1.0) * 1e9).round() as u32)
    }

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

#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Window {
    Consecutive { failures: u32 },
    Count { size: u32 },
    Time { span: Span, slices: u32, aligned: bool },
}

#[derive(Copy, Clone, PartialEq, Debug)]
pub struct SlowCall {
    /// Strictly longer than this is slow.
    pub longer_than: Span,
    pub rate: Rate,
}

#[derive(Copy, Clone, PartialEq, Debug)]
pub struct OpenFor {
    pub base: Span,
    pub factor: f64,
    pub cap: Span,
    /// Proportional: the open time is drawn from ± this share of it.
    pub jitter: f64,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ProbeMode {
    Total,
    Concurrent,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum OnMaxWait {
    Open,
    Closed,
}

#[derive(Copy, Clone, PartialEq, Debug)]
pub struct HalfOpen {
    pub permits: u32,
    pub mode: ProbeMode,
    pub successes: Option<u32>,
    pub of: Option<u32>,
    pub max_wait: Option<Span>,
    pub on_max_wait: OnMaxWait,
    /// Resolved: max(30s, slow threshold, attempt timeout) where the user gave none.
    pub lease: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub struct BreakerConfig {
    pub name: Option<String>,
    pub window: Window,
    /// Resolved: 0.5 where the window is not `consecutive` and no other rule is named.
    pub failure_rate: Option<Rate>,
    pub failure_count: Option<u32>,
    pub slow_call: Option<SlowCall>,
    /// Resolved: clamped to the size of a count window.
    pub minimum_calls: u32,
    pub open_for: OpenFor,
    pub half_open: HalfOpen,
    pub initial_state: crate::breaker::State,
    pub count_throttled: bool,
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
