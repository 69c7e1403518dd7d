use crate::error::Refusal;
use crate::outcome::Outcome;
use crate::retry::Stop;
use crate::time::Span;
use std::fmt;
use std::time::Duration;

/// How a call ended that gave no value.
#[derive(Debug)]
pub enum Error<E> {
    /// The work's own error, untouched, and why there was no further attempt.
    User { error: E, attempts: u32, reason: Option<Stop> },
    /// A part did not let the call through.
    Refused(Refusal),
    /// The last attempt ran out of time.
    TimedOut { limit: Duration, attempts: u32 },
    /// The whole call ran out of time; `last` is the work's last error, if there was one.
    DeadlineExceeded { limit: Duration, attempts: u32, last: Option<E> },
}

impl<E> Error<E> {
    /// When it is worth trying again, where the policy knows.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Refused(refusal) => refusal.retry_after.map(Span::to_duration),
            _ => None,
        }
    }

    pub fn is_refused(&self) -> bool {
        matches!(self, Error::Refused(_))
    }

    /// What this error says to an enclosing policy: a refusal of ours is no failure of the dependency.
    /// Give it to [`crate::Policy::run_with`] where policies are nested.
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::User { .. } => Outcome::Failure,
            Error::Refused(_) => Outcome::Refused,
            Error::TimedOut { .. } | Error::DeadlineExceeded { .. } => Outcome::Timeout,
        }
    }

    /// Attempts that were started.
    pub fn attempts(&self) -> u32 {
        match self {
            Error::User { attempts, .. }
            | Error::TimedOut { attempts, .. }
            | Error::DeadlineExceeded { attempts, .. } => *attempts,
            Error::Refused(_) => 0,
        }
    }

    /// The work's own error, where it is what ended the call.
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
            Error::DeadlineExceeded { limit, attempts, .. } => {
                write!(f, "deadline of {} exceeded after {attempts} attempts", Span::from(*limit))
            }
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::User { error, .. } => Some(error),
            Error::DeadlineExceeded { last: Some(error), .. } => Some(error),
            _ => None,
        }
    }
}
