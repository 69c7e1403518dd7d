//! What an error says about a dependency where the caller does not judge it.

use super::error::OutOfTime;
use crate::classify::error_name;
use crate::error::{Code, Refusal};
use crate::outcome::{Hint, Outcome};
use std::any::TypeId;
use std::error::Error;
use std::io;

/// How an attempt ended, and when the dependency wishes to be asked again (`None`: it did not say).
pub type Judged = (Outcome, Option<Hint>);

/// What an error says where nobody classified it; [`crate::Policy::run`] judges by it.
///
/// The first error of the chain of sources that is known decides: a refusal or a time limit of a nested
/// policy, an [`io::Error`] by its kind and by what it wraps, tokio's `Elapsed`. What nobody knows is a
/// failure. A refusal is [`Outcome::Refused`], with its `retry_after` as the hint: it says nothing about
/// the dependency, in any breaker.
///
/// Errors that do not implement [`Error`], as boxes do not, are judged by what they hold:
///
/// ```
/// use seawall::outcome::Outcome;
/// use seawall::{Policy, judge};
///
/// # fn main() -> Result<(), seawall::error::ConfigError> {
/// type Boxed = Box<dyn std::error::Error + Send + Sync>;
/// let policy = Policy::builder("boxed").retry(2).build()?;
/// let parsed = policy.run_with(|error: &Boxed| judge(&**error), || Ok("7".parse::<u8>()?));
/// assert_eq!(parsed.ok(), Some(7));
///
/// assert_eq!(judge(&std::io::Error::from(std::io::ErrorKind::TimedOut)), (Outcome::Timeout, None));
/// assert_eq!(judge(&std::fmt::Error), (Outcome::Failure, None));
/// # Ok(())
/// # }
/// ```
pub fn judge(error: &(dyn Error + 'static)) -> Judged {
    known(error).unwrap_or((Outcome::Failure, None))
}

fn known(error: &(dyn Error + 'static)) -> Option<Judged> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Some(of_refusal(refusal));
        }
        if error.is::<OutOfTime>() {
            return Some((Outcome::Timeout, None));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // What it wraps knows more than its kind, and is no source of it.
            let inner = error.get_ref().and_then(|inner| known(inner));
            let kind = || error_name("rust", &format!("{:?}", error.kind())).map(|outcome| (outcome, None));
            if let Some(known) = inner.or_else(kind) {
                return Some(known);
            }
        }
        #[cfg(feature = "tokio")]
        if error.is::<tokio::time::error::Elapsed>() {
            return Some((Outcome::Timeout, None));
        }
        next = error.source();
    }
    None
}

/// What the metrics call the error of an attempt.
pub(super) fn error_type<T, E>(result: &Result<T, E>) -> Option<&'static str> {
    result.is_err().then(std::any::type_name::<E>)
}

/// A limit of ours that passed is an attempt that ran out of time; every other refusal kept it from running.
pub(super) fn of_refusal(refusal: &Refusal) -> Judged {
    match refusal.code {
        Code::AttemptTimeout | Code::DeadlineExceeded => (Outcome::Timeout, None),
        code if code.is_refusal() => (Outcome::Refused, refusal.retry_after.map(Hint::After)),
        _ => (Outcome::Failure, None),
    }
}

/// The judgement of those who do not classify.
pub(super) fn by_chain<T, E: Error + 'static>(result: &Result<T, E>) -> Judged {
    match result {
        Ok(_) => (Outcome::Success, None),
        Err(error) => judge_known(error),
    }
}

/// [`judge`] of an error whose type the compiler knows: whether it is one of those that are looked for is
/// decided beforehand.
#[inline(always)]
fn judge_known<E: Error + 'static>(error: &E) -> Judged {
    let is_one_of = [
        TypeId::of::<Refusal>(),
        TypeId::of::<OutOfTime>(),
        TypeId::of::<io::Error>(),
        #[cfg(feature = "tokio")]
        TypeId::of::<tokio::time::error::Elapsed>(),
    ];
    if is_one_of.contains(&TypeId::of::<E>()) {
        return judge(error);
    }
    error.source().map_or((Outcome::Failure, None), judge)
}

/// The judgement of errors by `classify`; a value is a success.
pub(super) fn by_error<T, E>(classify: impl Fn(&E) -> Judged) -> impl Fn(&Result<T, E>) -> Judged {
    move |result| match result {
        Ok(_) => (Outcome::Success, None),
        Err(error) => classify(error),
    }
}
