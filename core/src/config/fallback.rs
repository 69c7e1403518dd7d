use crate::time::Span;

/// One link of the fallback chain; the host language holds values and functions, the core their order.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FallbackStep {
    /// A value given in code or in the file.
    Value = 0,
    /// A function of the host language; gets the error and the arguments.
    Function = 1,
    /// The last good result of the key, within its TTL.
    Cached = 2,
    /// The last good result of the key, past its TTL, marked as stale.
    Stale = 3,
    /// The empty value of the host language (`None`, `undefined`, the zero value).
    Empty = 4,
    /// Answer "yes".
    FailOpen = 5,
    /// Answer "no".
    FailClosed = 6,
}

impl FallbackStep {
    /// Every link, by number.
    pub const ALL: [FallbackStep; 7] = [
        FallbackStep::Value,
        FallbackStep::Function,
        FallbackStep::Cached,
        FallbackStep::Stale,
        FallbackStep::Empty,
        FallbackStep::FailOpen,
        FallbackStep::FailClosed,
    ];

    /// The name used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            FallbackStep::Value => "value",
            FallbackStep::Function => "function",
            FallbackStep::Cached => "cached",
            FallbackStep::Stale => "stale",
            FallbackStep::Empty => "empty",
            FallbackStep::FailOpen => "fail_open",
            FallbackStep::FailClosed => "fail_closed",
        }
    }
}

/// A value that means the same in every language.
#[derive(Clone, PartialEq, Debug)]
pub enum Scalar {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

/// A fallback chain, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct FallbackConfig {
    /// The answers that are tried, in their order.
    pub chain: Vec<FallbackStep>,
    /// The answer of the step `value`, where the configuration gives it and not the code.
    pub value: Option<Scalar>,
    /// Whether it answers a refusal (default: yes).
    pub on_refused: bool,
    /// Whether it answers when time ran out (default: yes).
    pub on_timeout: bool,
    /// Whether it answers a failure (default: yes).
    pub on_failure: bool,
    /// Whether it answers throttling (default: yes).
    pub on_throttled: bool,
    /// Whether it answers a permanent error (default: no).
    pub on_permanent: bool,
    /// Whether it answers an ignored error (default: no).
    pub on_ignored: bool,
    /// For a function; values cost no time.
    pub timeout: Span,
}

impl Default for FallbackConfig {
    fn default() -> Self {
        FallbackConfig {
            chain: Vec::new(),
            value: None,
            on_refused: true,
            on_timeout: true,
            on_failure: true,
            on_throttled: true,
            on_permanent: false,
            on_ignored: false,
            timeout: Span::secs(1),
        }
    }
}

/// A cache of good results, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct CacheConfig {
    /// How long a result is fresh (default: 5 min).
    pub ttl: Span,
    /// How long past its TTL a value may still be served as stale; `None`: not at all.
    pub stale_for: Option<Span>,
    /// Entries kept by the host language's cache.
    pub size: u32,
    /// Look here before calling (a response cache), not only when the call fails.
    pub first: bool,
}

impl Default for CacheConfig {
    fn default() -> Self {
        CacheConfig { ttl: Span::secs(300), stale_for: None, size: 1024, first: false }
    }
}
