//! How an attempt ended, in the eight words that every policy understands.

use crate::time::Span;

/// How an attempt ended. The numbers are part of the ABI and never change their meaning.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Outcome {
    /// The dependency did what it was asked for.
    Success = 0,
    /// The dependency failed, or an error nobody classified.
    Failure = 1,
    /// An attempt ran out of time.
    Timeout = 2,
    /// The dependency asked for less (429, `RESOURCE_EXHAUSTED`).
    Throttled = 3,
    /// The dependency answered: the request is wrong.
    Permanent = 4,
    /// Excluded by the user, or a programming error: says nothing about the dependency.
    Ignored = 5,
    /// A nested Seawall policy refused.
    Refused = 6,
    /// The caller gave up.
    Cancelled = 7,
}

impl Outcome {
    /// Every outcome, by number.
    pub const ALL: [Outcome; 8] = [
        Outcome::Success,
        Outcome::Failure,
        Outcome::Timeout,
        Outcome::Throttled,
        Outcome::Permanent,
        Outcome::Ignored,
        Outcome::Refused,
        Outcome::Cancelled,
    ];

    /// The name used in vectors, events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Timeout => "timeout",
            Outcome::Throttled => "throttled",
            Outcome::Permanent => "permanent",
            Outcome::Ignored => "ignored",
            Outcome::Refused => "refused",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// The outcome of that name.
    pub fn parse(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|o| o.as_str() == name)
    }

    /// The outcome of that number.
    pub const fn from_u8(number: u8) -> Option<Outcome> {
        if (number as usize) < Outcome::ALL.len() { Some(Outcome::ALL[number as usize]) } else { None }
    }
}

/// When the server asked to be called again (`Retry-After`, a gRPC pushback).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Hint {
    /// After so long, and not before.
    After(Span),
    /// A negative hint: do not come back.
    Never,
}

impl Hint {
    /// From signed nanoseconds, the form that crosses language boundaries.
    pub const fn from_nanos(nanos: i64) -> Hint {
        if nanos < 0 { Hint::Never } else { Hint::After(Span(nanos as u64)) }
    }
}
