use super::judge::{Judged, of_refusal};
use crate::call::Call;
use crate::error::Refusal;
use crate::outcome::Outcome;
use crate::retry::Stop;
use crate::time::Span;
use std::fmt;
use std::time::Duration;

/// How a call ended that gave no value.
///
/// Its chain of sources begins with the work's own error, so that it can be asked for there, and holds
/// what [`crate::judge`] needs to know a nested policy's refusal again.
#[derive(Debug)]
pub enum Error<E> {
    /// The work's own error.
    User {
        /// What the last attempt ended with, untouched.
        error: E,
        /// Attempts that were started.
        attempts: u32,
        /// Why there was no further attempt; `None` where the policy does not retry.
        gave_up: Option<Box<GaveUp>>,
    },
    /// A part did not let the call through; the work did not run.
    Refused(Refusal),
    /// The last attempt ran out of time.
    TimedOut {
        /// How long an attempt may take.
        limit: Duration,
        /// Attempts that were started.
        attempts: u32,
    },
    /// The whole call ran out of time.
    DeadlineExceeded {
        /// How long the call may take.
        limit: Duration,
        /// Attempts that were started.
        attempts: u32,
        /// The work's last error, if there was one.
        last: Option<E>,
    },
}

/// The end of the retries of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct GaveUp {
    /// Why there was no further attempt.
    pub reason: Stop,
    /// Since the call began.
    pub elapsed: Duration,
    /// Of the part that did not let the next attempt through, where that is the reason.
    pub refusal: Option<Refusal>,
}

impl GaveUp {
    pub(super) fn of(call: &Call) -> Option<Box<GaveUp>> {
        let reason = call.reason()?;
        let refusal = call.refusal().filter(|_| reason == Stop::Refused).cloned();
        Some(Box::new(GaveUp { reason, elapsed: call.elapsed().to_duration(), refusal }))
    }
}

impl<E> Error<E> {
    /// Why there was no further attempt; `None` where the policy does not retry, or no attempt was made.
    pub fn reason(&self) -> Option<Stop> {
        match self {
            Error::User { gave_up, .. } => gave_up.as_ref().map(|gave_up| gave_up.reason),
            _ => None,
        }
    }

    /// When it is worth trying again, where the policy knows.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Refused(refusal) => refusal.retry_after,
            Error::User { gave_up, .. } => gave_up.as_ref().and_then(|it| it.refusal.as_ref()?.retry_after),
            _ => None,
        }
        .map(Span::to_duration)
    }

    /// Whether a part of the policy refused, so that the work did not run at all.
    pub fn is_refused(&self) -> bool {
        matches!(self, Error::Refused(_))
    }

    /// What this error says to an enclosing policy, for [`crate::Policy::run_with`] where `E` is no
    /// [`std::error::Error`]. Knows nothing of the work's own error: that is a failure.
    pub fn judged(&self) -> Judged {
        match self {
            Error::User { .. } => (Outcome::Failure, None),
            Error::Refused(refusal) => of_refusal(refusal),
            Error::TimedOut { .. } | Error::DeadlineExceeded { .. } => (Outcome::Timeout, None),
        }
    }

    /// Attempts that were started; 0 where the first was refused.
    pub fn attempts(&self) -> u32 {
        match self {
            Error::User { attempts, .. }
            | Error::TimedOut { attempts, .. }
            | Error::DeadlineExceeded { attempts, .. } => *attempts,
            Error::Refused(_) => 0,
        }
    }

    /// The work's own error: what ended the call, or the last before its deadline passed.
    pub fn into_user(self) -> Option<E> {
        match self {
            Error::User { error, .. } => Some(error),
            Error::DeadlineExceeded { last, .. } => last,
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::User { error, .. } => error.fmt(f),
            Error::Refused(refusal) => refusal.fmt(f),
            Error::TimedOut { limit, .. } => write!(f, "attempt took longer than {}", Span::from(*limit)),
            Error::DeadlineExceeded { limit, attempts, last } => {
                write!(f, "deadline of {} exceeded after {attempts} attempts", Span::from(*limit))?;
                last.as_ref().map_or(Ok(()), |last| write!(f, "; the last ended with: {last}"))
            }
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::User { error, .. } => Some(error),
            Error::Refused(refusal) => Some(refusal),
            Error::TimedOut { .. } | Error::DeadlineExceeded { .. } => Some(&OutOfTime),
        }
    }
}

/// Marks the chain of an error that says that time ran out: [`Error`] itself is a type for every `E`,
/// which nobody can ask a chain for.
#[derive(Debug)]
pub(super) struct OutOfTime;

impl fmt::Display for OutOfTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of time")
    }
}

impl std::error::Error for OutOfTime {}
