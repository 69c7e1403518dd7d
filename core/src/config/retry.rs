use crate::time::Span;

#[derive(Clone, PartialEq, Debug)]
pub enum Backoff {
    Exponential { base: Span, factor: f64, cap: Span },
    Linear { base: Span, cap: Span },
    Fixed { base: Span, cap: Span },
    List { delays: Vec<Span>, cap: Span },
    Uniform { min: Span, max: Span },
}

#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Jitter {
    None,
    Full,
    Equal,
    Proportional { factor: f64 },
    Additive { factor: f64 },
    Absolute { span: Span },
    Decorrelated,
    DecorrelatedV2,
}

/// A backoff with its jitter.
#[derive(Clone, PartialEq, Debug)]
pub struct Delay {
    pub backoff: Backoff,
    pub jitter: Jitter,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ServerHint {
    Exact,
    Clamp,
    Ignore,
}

#[derive(Clone, PartialEq, Debug)]
pub struct RetryConfig {
    /// Counts the first.
    pub attempts: u32,
    pub delay: Delay,
    /// A delay of its own for a class of outcome.
    pub on_failure: Option<Delay>,
    pub on_timeout: Option<Delay>,
    pub on_throttled: Option<Delay>,
    pub max_elapsed: Option<Span>,
    pub server_hint: ServerHint,
    pub hint_cap: Span,
    pub retry_refused: bool,
    pub budget: Option<BudgetConfig>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct BudgetConfig {
    /// Policies that give the same name share the budget; without one it is the policy's own.
    pub name: Option<String>,
    pub rule: BudgetRule,
}

#[derive(Clone, PartialEq, Debug)]
pub enum BudgetRule {
    Tokens {
        capacity: u32,
        failure: u32,
        timeout: u32,
        throttled: u32,
        hedge: u32,
        refund: u32,
    },
    Ratio {
        share: f64,
        floor_per_second: f64,
        span: Span,
    },
    Concurrent {
        share: f64,
        floor: u32,
    },
    /// At most this many retries at once.
    Cap {
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
