//! What a driver holds for the core: values, and the judgement of results.

use super::judge::Judged;
#[cfg(feature = "cache")]
use super::store::Flight;
use crate::call::Verdict;
use crate::config::FallbackStep;
use crate::error::{Code, Refusal};
#[cfg(feature = "cache")]
use crate::sync::Arc;
use crate::time::Span;

/// An answer that is not there yet.
#[cfg(feature = "tokio")]
pub(super) type Later<T> = std::pin::Pin<Box<dyn Future<Output = Option<T>> + Send>>;

/// Judges what an attempt gave.
pub(super) type Judge<'a, T, E> = &'a dyn Fn(&Result<T, E>) -> Judged;

/// What an attempt, or a call, came to that gave no good value.
#[derive(Debug)]
pub enum Cause<'a, T, E> {
    /// The last attempt gave an error.
    Error(&'a E),
    /// The last attempt gave a value that was judged no success.
    Value(&'a T),
    /// A part refused, or time ran out: [`Refusal::code`] says which.
    Refused(&'a Refusal),
}

impl<T, E> Copy for Cause<'_, T, E> {}

impl<T, E> Clone for Cause<'_, T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T, E> Cause<'a, T, E> {
    /// From the call's refusal and the last result: where time ran out, that result came too late or is
    /// of an earlier attempt; any other refusal kept a later attempt from running.
    pub(super) fn of(refusal: Option<&'a Refusal>, last: Option<&'a Result<T, E>>) -> Option<Self> {
        match (refusal, last) {
            (Some(refusal), _) if Self::limit(refusal).is_some() => Some(Cause::Refused(refusal)),
            (_, Some(Err(error))) => Some(Cause::Error(error)),
            (_, Some(Ok(value))) => Some(Cause::Value(value)),
            (Some(refusal), None) => Some(Cause::Refused(refusal)),
            (None, None) => None,
        }
    }

    /// The limit that ran out, if that is what the refusal says.
    pub(super) fn limit(refusal: &Refusal) -> Option<Span> {
        matches!(refusal.code, Code::AttemptTimeout | Code::DeadlineExceeded).then_some(Span(refusal.limit))
    }
}

/// Values that the core knows nothing of, and the hooks of whoever runs the call.
pub(super) trait Host<T, E> {
    /// The call has a key, and there is a cache.
    fn has_key(&self) -> bool {
        false
    }
    /// The last good result of the key, past its time where `stale` allows it.
    fn look_up(&mut self, _stale: bool) -> Option<T> {
        None
    }
    /// Whom calls of the key wait for, where one of them fetches for all.
    #[cfg(feature = "cache")]
    fn flight(&self) -> Option<Arc<Flight>> {
        None
    }
    /// The answer of a link of the chain.
    fn fall_back(&mut self, _step: FallbackStep, _cause: Cause<'_, T, E>) -> Option<T> {
        None
    }
    /// The same where the answer is a future.
    #[cfg(feature = "tokio")]
    fn fall_back_later(&mut self, _step: FallbackStep, _cause: Cause<'_, T, E>) -> Option<Later<T>> {
        None
    }
    fn store(&mut self, _value: &T) {}
    fn forget(&mut self) {}
    /// Attempt number `attempt` failed; another follows after `delay`.
    fn retrying(&mut self, _attempt: u32, _cause: Cause<'_, T, E>, _delay: Span) {}
    /// Attempt number `attempt` ran out of its limit.
    fn timed_out(&mut self, _attempt: u32, _limit: Span) {}
    /// Something else than the work answered: the cache, stale or not, or the fallback.
    fn answered(&mut self, _by: Verdict, _cause: Cause<'_, T, E>) {}
}

/// Neither cache nor fallback, and nobody who listens.
pub(super) struct Plain;

impl<T, E> Host<T, E> for Plain {}
