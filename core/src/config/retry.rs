use crate::time::Span;

/// The delay before a retry, before chance changes it.
#[derive(Clone, PartialEq, Debug)]
pub enum Backoff {
    /// base × factor^(retry − 1).
    Exponential {
        /// Before the first retry (default: 100 ms).
        base: Span,
        /// What each further retry multiplies it by (default: 2).
        factor: f64,
        /// The longest delay (default: 20 s).
        cap: Span,
    },
    /// base × retry.
    Linear {
        /// Before the first retry, and what each further one adds (default: 100 ms).
        base: Span,
        /// The longest delay (default: 20 s).
        cap: Span,
    },
    /// The same each time.
    Fixed {
        /// The delay (default: 100 ms).
        base: Span,
        /// The longest delay, jitter included.
        cap: Span,
    },
    /// One by one; the last repeats.
    List {
        /// The delays in their order.
        delays: Vec<Span>,
        /// The longest delay, jitter included.
        cap: Span,
    },
    /// By chance between two ends; no jitter on top.
    Uniform {
        /// The shortest delay.
        min: Span,
        /// The longest delay.
        max: Span,
    },
}

/// What chance does to a delay e; r is uniform in [0, 1).
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Jitter {
    /// e.
    None,
    /// r·e.
    Full,
    /// e/2 + r·e/2.
    Equal,
    /// e·(1 − f + 2fr).
    Proportional {
        /// f, a share (default: 0.25).
        factor: f64,
    },
    /// e·(1 + f·r).
    Additive {
        /// f, a share (default: 0.25).
        factor: f64,
    },
    /// e − d + 2dr.
    Absolute {
        /// d.
        span: Span,
    },
    /// min(cap, base + r·(3·previous − base)).
    Decorrelated,
    /// A smooth curve whose median doubles with each retry.
    DecorrelatedV2,
}

/// A backoff with its jitter.
#[derive(Clone, PartialEq, Debug)]
pub struct Delay {
    /// Before chance.
    pub backoff: Backoff,
    /// Chance.
    pub jitter: Jitter,
}

/// What is done with the time a server asks for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ServerHint {
    /// Wait the larger of delay and hint.
    Exact,
    /// Wait the hint, at least the delay and at most 5 s more.
    Clamp,
    /// Wait the delay.
    Ignore,
}

/// Retries, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct RetryConfig {
    /// Counts the first.
    pub attempts: u32,
    /// After a failure, and after what has no delay of its own.
    pub delay: Delay,
    /// A delay of its own for a class of outcome.
    pub on_failure: Option<Delay>,
    /// After a timeout, where that differs.
    pub on_timeout: Option<Delay>,
    /// After throttling, where that differs.
    pub on_throttled: Option<Delay>,
    /// No retry begins later than this after the first attempt (default: none).
    pub max_elapsed: Option<Span>,
    /// What a server's wish does (default: exact).
    pub server_hint: ServerHint,
    /// A server that asks for more is not called again (default: 60 s).
    pub hint_cap: Span,
    /// Whether a refusal is retried, after its `retry_after` (default: no).
    pub retry_refused: bool,
    /// The limit on retries, if there is one.
    pub budget: Option<BudgetConfig>,
}

/// A limit on retries.
#[derive(Clone, PartialEq, Debug)]
pub struct BudgetConfig {
    /// Policies that give the same name share the budget; without one it is the policy's own.
    pub name: Option<String>,
    /// How retries are counted.
    pub rule: BudgetRule,
}

/// How retries are counted.
#[derive(Clone, PartialEq, Debug)]
pub enum BudgetRule {
    /// A bucket: retries take, successes give back.
    Tokens {
        /// Tokens it holds; it starts full (default: 500).
        capacity: u32,
        /// What a retry after a failure costs (default: 14).
        failure: u32,
        /// What a retry after a timeout costs (default: 14).
        timeout: u32,
        /// What a retry after throttling costs (default: 5).
        throttled: u32,
        /// What an extra attempt costs (default: 14).
        hedge: u32,
        /// What a success at the first attempt gives back (default: 1).
        refund: u32,
    },
    /// Retries as a share of the calls of the last moments.
    Ratio {
        /// Retries for each call (default: 0.2).
        share: f64,
        /// Retries a second that are always allowed (default: 10).
        floor_per_second: f64,
        /// How far it looks back (default: 10 s).
        span: Span,
    },
    /// Retries under way as a share of the calls under way.
    Concurrent {
        /// Retries for each call (default: 0.2).
        share: f64,
        /// Retries at once that are always allowed (default: 3).
        floor: u32,
    },
    /// At most this many retries at once.
    Cap {
        /// Retries at once.
        retries: u32,
    },
}

impl Default for RetryConfig {
    fn default() -> Self {
        RetryConfig {
            attempts: 3,
            delay: Delay {
                backoff: Backoff::Exponential { base: Span::millis(100), factor: 2.0, cap: Span::secs(20) },
                jitter: Jitter::Full,
            },
            on_failure: None,
            on_timeout: None,
            on_throttled: None,
            max_elapsed: None,
            server_hint: ServerHint::Exact,
            hint_cap: Span::secs(60),
            retry_refused: false,
            budget: None,
        }
    }
}
