//! What happened, as plain data, and the bounded ring that keeps it until somebody reads.

use crate::outcome::Outcome;
use crate::time::{Span, Tick};

/// What happened. The numbers are part of the ABI.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum EventKind {
    /// A circuit opened.
    Opened = 1,
    /// A circuit lets probes through.
    HalfOpened = 2,
    /// A circuit closed.
    Closed = 3,
    /// A manual transition to `forced_open`, `disabled` or `metrics_only`, or a reset.
    Forced = 4,
    /// A part let a call not through.
    Rejected = 5,
    /// An attempt failed, and another follows after a delay.
    Retrying = 6,
    /// No further attempt.
    GaveUp = 7,
    /// A call waits for a bulkhead's permit.
    Queued = 8,
    /// An attempt or a call ran out of time.
    TimedOut = 9,
    /// A call took longer than `slow_after`.
    Slow = 10,
    /// A fallback answered.
    FellBack = 11,
    /// A kept result past its time to live answered.
    StaleServed = 12,
    /// A part was given other settings under the same name; the first are kept.
    ConfigConflict = 13,
    /// A probe's lease ended without a report.
    PermitReclaimed = 14,
    /// A fault of ours let a call through, or something could not be enforced.
    Internal = 15,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [EventKind; 15] = [
        EventKind::Opened,
        EventKind::HalfOpened,
        EventKind::Closed,
        EventKind::Forced,
        EventKind::Rejected,
        EventKind::Retrying,
        EventKind::GaveUp,
        EventKind::Queued,
        EventKind::TimedOut,
        EventKind::Slow,
        EventKind::FellBack,
        EventKind::StaleServed,
        EventKind::ConfigConflict,
        EventKind::PermitReclaimed,
        EventKind::Internal,
    ];

    /// The name used in vectors and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::Opened => "opened",
            EventKind::HalfOpened => "half_opened",
            EventKind::Closed => "closed",
            EventKind::Forced => "forced",
            EventKind::Rejected => "rejected",
            EventKind::Retrying => "retrying",
            EventKind::GaveUp => "gave_up",
            EventKind::Queued => "queued",
            EventKind::TimedOut => "timed_out",
            EventKind::Slow => "slow",
            EventKind::FellBack => "fell_back",
            EventKind::StaleServed => "stale_served",
            EventKind::ConfigConflict => "config_conflict",
            EventKind::PermitReclaimed => "permit_reclaimed",
            EventKind::Internal => "internal",
        }
    }
}

/// The part of a policy that something happened in.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum PartKind {
    /// The call as a whole.
    Call = 0,
    /// The breaker.
    Breaker = 1,
    /// The retries.
    Retry = 2,
    /// The retry budget.
    Budget = 3,
    /// The bulkhead.
    Bulkhead = 4,
    /// A limit on time.
    Timeout = 5,
    /// The fallback chain.
    Fallback = 6,
    /// The cache.
    Cache = 7,
    /// A cost budget.
    Cost = 8,
}

impl PartKind {
    /// The name used in vectors and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            PartKind::Call => "call",
            PartKind::Breaker => "breaker",
            PartKind::Retry => "retry",
            PartKind::Budget => "budget",
            PartKind::Bulkhead => "bulkhead",
            PartKind::Timeout => "timeout",
            PartKind::Fallback => "fallback",
            PartKind::Cache => "cache",
            PartKind::Cost => "cost",
        }
    }
}

/// What a part reports: it knows neither its name nor its policy, the caller adds them.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// What happened.
    pub kind: EventKind,
    /// Where.
    pub part: PartKind,
    /// States of a transition (`closed`, `open`, …), else empty.
    pub from: &'static str,
    /// The state it entered.
    pub to: &'static str,
    /// Why: `failure_rate`, `slow_call_rate`, `failure_count`, `consecutive`, `manual`, `probe_failed`, …
    pub reason: &'static str,
    /// When, on the registry's clock.
    pub at: Tick,
    /// A length that belongs to it: the delay before a retry, the open time, the limit hit.
    pub span: Span,
    /// A number that belongs to it: the attempt, the failures in the window, the used permits.
    pub count: u64,
    /// How the attempt ended that it is about.
    pub outcome: Option<Outcome>,
}

impl Note {
    /// One without numbers.
    pub fn new(kind: EventKind, part: PartKind, at: Tick) -> Note {
        Note { kind, part, from: "", to: "", reason: "", at, span: Span::ZERO, count: 0, outcome: None }
    }
}
