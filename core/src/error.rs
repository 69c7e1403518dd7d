//! Refusals and configuration errors: the kind first, the words second.

use crate::time::Span;
use std::fmt;

/// Numbers of everything that can go wrong, one list for all languages. A number is never reused.
///
/// 16–63: a policy refused or ran out of time. 96–127: misuse. 200 and above: a fault of ours.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(i32)]
pub enum Code {
    /// Nothing went wrong.
    Ok = 0,
    /// The breaker let nothing through.
    CircuitOpen = 16,
    /// No permit, and no place in the queue.
    BulkheadFull = 17,
    /// No permit within `max_wait`.
    BulkheadTimeout = 18,
    /// The last attempt took longer than its limit.
    AttemptTimeout = 19,
    /// The call took longer than its deadline.
    DeadlineExceeded = 20,
    /// A cost budget is spent.
    CostExceeded = 21,
    /// State that processes share cannot be had, and the policy requires it.
    HostUnavailable = 22,
    /// A number that means nothing here.
    UnknownValue = 96,
    /// A null pointer where none may be.
    NullArgument = 97,
    /// A [`ConfigError`].
    InvalidConfig = 98,
    /// Bytes that are no UTF-8.
    InvalidText = 99,
    /// The policy has no such part.
    NoSuchPart = 100,
    /// A handle that is no longer good.
    StaleHandle = 101,
    /// A structure of a size that nobody knows.
    InvalidSize = 102,
    /// No policy has that name.
    UnknownPolicy = 103,
    /// A report that nobody waited for.
    WrongOrder = 104,
    /// A fault of ours; the call itself went on.
    Panicked = 200,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 18] = [
        Code::Ok,
        Code::CircuitOpen,
        Code::BulkheadFull,
        Code::BulkheadTimeout,
        Code::AttemptTimeout,
        Code::DeadlineExceeded,
        Code::CostExceeded,
        Code::HostUnavailable,
        Code::UnknownValue,
        Code::NullArgument,
        Code::InvalidConfig,
        Code::InvalidText,
        Code::NoSuchPart,
        Code::StaleHandle,
        Code::InvalidSize,
        Code::UnknownPolicy,
        Code::WrongOrder,
        Code::Panicked,
    ];

    /// The name used in vectors, snapshots and the `code` of a TypeScript error (upper case there).
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Ok => "ok",
            Code::CircuitOpen => "circuit_open",
            Code::BulkheadFull => "bulkhead_full",
            Code::BulkheadTimeout => "bulkhead_timeout",
            Code::AttemptTimeout => "attempt_timeout",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::CostExceeded => "cost_exceeded",
            Code::HostUnavailable => "host_unavailable",
            Code::UnknownValue => "unknown_value",
            Code::NullArgument => "null_argument",
            Code::InvalidConfig => "invalid_config",
            Code::InvalidText => "invalid_text",
            Code::NoSuchPart => "no_such_part",
            Code::StaleHandle => "stale_handle",
            Code::InvalidSize => "invalid_size",
            Code::UnknownPolicy => "unknown_policy",
            Code::WrongOrder => "wrong_order",
            Code::Panicked => "panicked",
        }
    }

    /// Whether a part refused, or its time limit passed.
    pub const fn is_refusal(self) -> bool {
        matches!(self as i32, 16..64)
    }
}

/// Why a policy did not let a call through, or took it back.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The kind of refusal.
    pub code: Code,
    /// The state of the circuit, where a breaker refused.
    pub state: Option<crate::breaker::State>,
    /// When it is worth trying again, where that is known.
    pub retry_after: Option<Span>,
    /// What was used and what is allowed: permits of a bulkhead, amount of a cost budget, the limit
    /// of a timeout in nanoseconds.
    pub used: u64,
    /// What is allowed.
    pub limit: u64,
    /// What it is about, in words: see [`Refusal::amount`], [`Refusal::problem`] and [`Refusal::without`].
    pub about: Option<Box<str>>,
}

impl Refusal {
    /// A refusal without numbers.
    pub fn new(code: Code) -> Refusal {
        Refusal { code, state: None, retry_after: None, used: 0, limit: 0, about: None }
    }

    /// A part was asked for that the policy does not have; `part` is where its settings would stand.
    pub fn without(part: &str) -> Refusal {
        Refusal { about: Some(part.into()), ..Refusal::new(Code::NoSuchPart) }
    }

    /// The amount of a cost budget that was exceeded ("tokens").
    pub fn amount(&self) -> Option<&str> {
        self.about.as_deref().filter(|_| self.code == Code::CostExceeded)
    }

    /// Why the state that processes share cannot be had, where, and what to do about it.
    pub fn problem(&self) -> Option<&str> {
        self.about.as_deref().filter(|_| self.code == Code::HostUnavailable)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Code::CircuitOpen => match self.state {
                Some(state) => {
                    f.write_str("circuit is")?;
                    state.as_str().split('_').try_for_each(|word| write!(f, " {word}"))?;
                }
                None => f.write_str("circuit is open")?,
            },
            Code::BulkheadFull => write!(f, "bulkhead is full ({} of {} permits in use)", self.used, self.limit)?,
            Code::BulkheadTimeout => {
                // It was measured: parts of a millisecond tell nobody anything.
                const MILLISECOND: u64 = 1_000_000;
                write!(
                    f,
                    "no bulkhead permit within {}",
                    Span(self.limit.div_ceil(MILLISECOND).saturating_mul(MILLISECOND))
                )?;
            }
            Code::AttemptTimeout => write!(f, "attempt took longer than {}", Span(self.limit))?,
            Code::DeadlineExceeded => write!(f, "deadline of {} exceeded", Span(self.limit))?,
            Code::CostExceeded => {
                let amount = self.amount().unwrap_or("cost");
                let is_spent = if self.used < self.limit { "has too little left" } else { "is spent" };
                write!(f, "cost budget for {amount} {is_spent} ({} of {} used)", self.used, self.limit)?;
            }
            Code::HostUnavailable => {
                f.write_str("not called: the state it shares with other processes cannot be had")?;
                self.problem().iter().try_for_each(|problem| write!(f, ": {problem}"))?;
            }
            Code::NoSuchPart => {
                let part = self.about.as_deref().unwrap_or("part of that kind");
                write!(f, "the policy has no `{part}`, which this call is about: add it to its settings")?;
            }
            Code::StaleHandle => f.write_str("the ticket is known no more: it was given back, or its wait is over")?,
            other => f.write_str(other.as_str())?,
        }
        match self.retry_after {
            // Whole numbers: to write a fraction of a real takes longer than to refuse.
            Some(after) => {
                let millis = after.0.saturating_add(500_000) / 1_000_000;
                write!(f, "; retry in {}.{:03}s", millis / 1000, millis % 1000)
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// What is wrong with a configuration, where, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// The kind of mistake.
    pub code: ConfigCode,
    /// A JSON pointer from the root of the configuration: `/policy/llm/retry/backoff/cap`.
    pub path: String,
    /// One sentence without the path.
    pub reason: String,
    /// The nearest right name, where a name was wrong.
    pub suggestion: Option<String>,
    /// Which layer said it: `preset production`, a file's path, `code`, an environment variable.
    pub source: Option<String>,
}

/// Kinds of configuration errors; vectors assert these and the path, never the words.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum ConfigCode {
    /// Not TOML, not JSON, not UTF-8.
    Syntax,
    /// No option has that name here.
    UnknownOption,
    /// None of the words that may stand here.
    UnknownValue,
    /// A text where a number belongs, and the like.
    WrongType,
    /// A length of time without its unit.
    MissingUnit,
    /// Too small or too large.
    OutOfRange,
    /// Something that must be said and is not.
    Required,
    /// Two settings that rule each other out.
    Conflict,
    /// Empty, too long, or with characters that no name has.
    BadName,
}

impl ConfigCode {
    /// Every kind.
    pub const ALL: [ConfigCode; 9] = [
        ConfigCode::Syntax,
        ConfigCode::UnknownOption,
        ConfigCode::UnknownValue,
        ConfigCode::WrongType,
        ConfigCode::MissingUnit,
        ConfigCode::OutOfRange,
        ConfigCode::Required,
        ConfigCode::Conflict,
        ConfigCode::BadName,
    ];

    /// The name used in vectors and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConfigCode::Syntax => "syntax",
            ConfigCode::UnknownOption => "unknown_option",
            ConfigCode::UnknownValue => "unknown_value",
            ConfigCode::WrongType => "wrong_type",
            ConfigCode::MissingUnit => "missing_unit",
            ConfigCode::OutOfRange => "out_of_range",
            ConfigCode::Required => "required",
            ConfigCode::Conflict => "conflict",
            ConfigCode::BadName => "bad_name",
        }
    }

    /// Whether a file with such a mistake may be a whole configuration once code has had its say.
    pub const fn may_be_mended_by_code(self) -> bool {
        matches!(self, ConfigCode::Required | ConfigCode::Conflict)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is wrong with the whole is told of its source.
        let (place, source) = match self.source.as_deref() {
            Some(source) if self.path.is_empty() => (source, None),
            source => (self.path.as_str(), source),
        };
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.reason)?;
        if let Some(name) = &self.suggestion {
            write!(f, "; did you mean `{name}`?")?;
        }
        match source {
            Some(source) => write!(f, " (in {source})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::State;

    #[test]
    fn a_refusal_says_which_state_and_how_long() {
        let said = |state, nanos| {
            let refusal = Refusal { state: Some(state), retry_after: nanos, ..Refusal::new(Code::CircuitOpen) };
            refusal.to_string()
        };
        assert_eq!(said(State::Open, Some(Span(3_599_999_600_000))), "circuit is open; retry in 3600.000s");
        assert_eq!(said(State::Open, Some(Span(30_007_499_999))), "circuit is open; retry in 30.007s");
        assert_eq!(said(State::HalfOpen, Some(Span(0))), "circuit is half open; retry in 0.000s");
        assert_eq!(said(State::ForcedOpen, None), "circuit is forced open");
        assert!(said(State::Open, Some(Span(u64::MAX))).starts_with("circuit is open; retry in 18446744073.7"));
    }
}
