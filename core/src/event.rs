//! What happened, as plain data, and the bounded ring that keeps it until somebody reads.

use crate::outcome::Outcome;
use crate::time::{Span, Tick};

#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum EventKind {
    Opened = 1,
    HalfOpened = 2,
    Closed = 3,
    /// A manual transition to `forced_open`, `disabled` or `metrics_only`, or a reset.
    Forced = 4,
    Rejected = 5,
    Retrying = 6,
    GaveUp = 7,
    Queued = 8,
    TimedOut = 9,
    Slow = 10,
    FellBack = 11,
    StaleServed = 12,
    ConfigConflict = 13,
    PermitReclaimed = 14,
    Internal = 15,
}

impl EventKind {
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
    Call = 0,
    Breaker = 1,
    Retry = 2,
    Budget = 3,
    Bulkhead = 4,
    Timeout = 5,
    Fallback = 6,
    Cache = 7,
    Cost = 8,
}

impl PartKind {
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
    pub kind: EventKind,
    pub part: PartKind,
    /// States of a transition (`closed`, `open`, …), else empty.
    pub from: &'static str,
    pub to: &'static str,
    /// Why: `failure_rate`, `slow_call_rate`, `failure_count`, `consecutive`, `manual`, `probe_failed`, …
    pub reason: &'static str,
    pub at: Tick,
    /// A length that belongs to it: the delay before a retry, the open time, the limit hit.
    pub span: Span,
    /// A number that belongs to it: the attempt, the failures in the window, the used permits.
    pub count: u64,
    pub outcome: Option<Outcome>,
}

impl Note {
    pub fn new(kind: EventKind, part: PartKind, at: Tick) -> Note {
        Note { kind, part, from: "", to: "", reason: "", at, span: Span::ZERO, count: 0, outcome: None }
    }
}
