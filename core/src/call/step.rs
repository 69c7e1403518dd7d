//! The words between the stepper and its driver.

use crate::breaker::Shard;
use crate::config::{FallbackStep, TimeoutMode};
use crate::outcome::Outcome;
use crate::time::Span;

/// What the driver shall do next. It does that, reports, and gets the next step.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Step {
    /// Run the user's function; report [`super::Call::done`], or [`super::Call::expire`] when
    /// `limit` is over and the work has been stopped or left behind.
    Run {
        /// The attempt's number, from 1.
        attempt: u32,
        /// How long it may run; `None` without a limit.
        limit: Option<Span>,
        /// Asked for in the policy; `None` is the default of the language.
        mode: Option<TimeoutMode>,
    },
    /// Sleep before the next attempt; report [`super::Call::woke`]. A driver on a manual clock
    /// advances it instead.
    Wait {
        /// How long.
        span: Span,
        /// The attempt that ended, how, and what the backoff asked for before a deadline cut it.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
    },
    /// Wait until the ticket is woken or the span passes; report [`super::Call::woke`].
    Queue {
        /// Unique in the process.
        ticket: u64,
        /// The longest wait; `None` without an end.
        span: Option<Span>,
    },
    /// Look for the last good result in the host's cache; report [`super::Call::looked_up`].
    LookUp {
        /// Whether a value past its time to live will do.
        stale: bool,
    },
    /// Produce link `index` of the fallback chain; report [`super::Call::fell_back`].
    FallBack {
        /// The place in the chain, from 0.
        index: u32,
        /// What kind of answer it is.
        step: FallbackStep,
        /// How long a function may take.
        limit: Option<Span>,
    },
    /// The call has ended.
    Finish(Verdict),
}

/// How the call ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Verdict {
    /// With what the last attempt gave: its value, or the user's own error.
    Settle = 0,
    /// With the value that the last look-up found.
    Cached = 1,
    /// The same, past its TTL.
    Stale = 2,
    /// With the value of the last fallback link.
    FellBack = 3,
    /// [`super::Call::refusal`] says by whom and until when.
    Refused = 4,
    /// The last attempt ran out of time; [`super::Call::refusal`] has the limit.
    TimedOut = 5,
    /// The call ran out of time; [`super::Call::refusal`] has the limit.
    DeadlineExceeded = 6,
    /// The caller gave up; the driver raises what its language raises then.
    Cancelled = 7,
}

impl Verdict {
    /// Every verdict, by number.
    pub const ALL: [Verdict; 8] = [
        Verdict::Settle,
        Verdict::Cached,
        Verdict::Stale,
        Verdict::FellBack,
        Verdict::Refused,
        Verdict::TimedOut,
        Verdict::DeadlineExceeded,
        Verdict::Cancelled,
    ];

    /// The name used in vectors and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Settle => "settle",
            Verdict::Cached => "cached",
            Verdict::Stale => "stale",
            Verdict::FellBack => "fell_back",
            Verdict::Refused => "refused",
            Verdict::TimedOut => "timed_out",
            Verdict::DeadlineExceeded => "deadline_exceeded",
            Verdict::Cancelled => "cancelled",
        }
    }
}

/// What the driver knows about one call and the policy cannot.
#[derive(Clone, Default, Debug)]
pub struct CallOptions {
    /// What is left until the caller's own deadline (an enclosing policy's counts as the caller's).
    pub deadline: Option<Span>,
    /// The driver has a cache and a key for this call.
    pub cached: bool,
    /// What one attempt is expected to cost, by the names of the cost budgets.
    pub estimate: Vec<(String, u64)>,
    /// The line of the breaker's cell that this call is counted on.
    pub shard: Shard,
}
