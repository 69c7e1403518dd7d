use crate::time::Span;

/// How an attempt that runs out of time is ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TimeoutMode {
    /// Ask the work to stop and wait until it does.
    Cooperative = 0,
    /// Go on without it; the orphan is counted until it ends.
    Abandon = 1,
}

/// A limit that follows the duration of past attempts.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct AdaptiveConfig {
    /// Which of them is taken (default: 0.95).
    pub quantile: f64,
    /// What it is multiplied by (default: 1.5).
    pub factor: f64,
    /// The shortest limit (default: 10 ms).
    pub min: Span,
    /// How far it looks back (default: 5 min).
    pub span: Span,
    /// Below so many attempts the fixed limit holds (default: 20).
    pub minimum_calls: u32,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        AdaptiveConfig { quantile: 0.95, factor: 1.5, min: Span::millis(10), span: Span::secs(300), minimum_calls: 20 }
    }
}

/// Limits on time, resolved and in range.
#[derive(Clone, PartialEq, Debug)]
pub struct TimeoutConfig {
    /// The name its metrics carry.
    pub name: Option<String>,
    /// For each attempt.
    pub attempt: Option<Span>,
    /// For the whole call, waits and retries included.
    pub deadline: Option<Span>,
    /// `None`: the default of the language.
    pub mode: Option<TimeoutMode>,
    /// A longer call raises the event `slow`.
    pub slow_after: Option<Span>,
    /// For the gaps between the items of a stream.
    pub idle: Option<Span>,
    /// A limit that follows past attempts; needs [`Self::attempt`].
    pub adaptive: Option<AdaptiveConfig>,
    /// How long an attempt must have run for the caller's own passed deadline to count as a timeout.
    pub caller_deadline_after: Span,
}

impl TimeoutConfig {
    /// How long a first attempt may run, if there is a limit that is known before.
    pub(crate) fn first(&self) -> Option<Span> {
        self.attempt.into_iter().chain(self.deadline).min().filter(|_| self.adaptive.is_none())
    }
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        TimeoutConfig {
            name: None,
            attempt: None,
            deadline: None,
            mode: None,
            slow_after: None,
            idle: None,
            adaptive: None,
            caller_deadline_after: Span::secs(1),
        }
    }
}
