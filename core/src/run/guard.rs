//! A policy for one kind of call, with the values and judgements that only its caller can give.

#[cfg(feature = "tokio")]
use super::asynchronous::awaiting;
use super::attempt::Attempt;
use super::drive::blocking;
use super::error::Error;
#[cfg(feature = "tokio")]
use super::host::Later;
use super::host::{Cause, Host};
use super::judge::Judged;
#[cfg(feature = "cache")]
use super::store::{Flight, Store};
use crate::call::Verdict;
use crate::config::FallbackStep;
use crate::policy::Policy;
use crate::sync::Arc;
use crate::time::Span;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

type Judging<T, E> = dyn Fn(&Result<T, E>) -> Judged + Send + Sync;
type Answer<T, E> = dyn Fn(Cause<'_, T, E>) -> Option<T> + Send + Sync;
#[cfg(feature = "tokio")]
type AnswerLater<T, E> = dyn Fn(Cause<'_, T, E>) -> Later<T> + Send + Sync;
type RetryHook<T, E> = dyn Fn(u32, Cause<'_, T, E>, Duration) + Send + Sync;
type TimeoutHook = dyn Fn(u32, Duration) + Send + Sync;
type FallbackHook<T, E> = dyn Fn(Verdict, Cause<'_, T, E>) + Send + Sync;

/// A policy for one kind of call. Cloning is cheap; clones share the cache.
///
/// ```
/// use seawall::settings::FallbackStep;
/// use seawall::{Policy, run::Cause};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = Policy::builder("users")
///     .consecutive_failures(1)
///     .fallback(FallbackStep::Function)
///     .build()?
///     .guard::<String, std::io::Error>()
///     .fallback(|cause| match cause {
///         Cause::Error(_) | Cause::Refused(_) => Some("guest".to_owned()),
///         Cause::Value(_) => None,
///     });
///
/// let name = users.run(|_| Err(std::io::ErrorKind::ConnectionRefused.into()))?;
/// assert_eq!(name, "guest");
/// # Ok(())
/// # }
/// ```
pub struct Guard<T, E> {
    policy: Policy,
    judge: Arc<Judging<T, E>>,
    answer: Option<Arc<Answer<T, E>>>,
    #[cfg(feature = "tokio")]
    answer_later: Option<Arc<AnswerLater<T, E>>>,
    value: Option<Arc<dyn Fn() -> T + Send + Sync>>,
    on_retry: Option<Arc<RetryHook<T, E>>>,
    on_timeout: Option<Arc<TimeoutHook>>,
    on_fallback: Option<Arc<FallbackHook<T, E>>>,
    #[cfg(feature = "cache")]
    store: Option<Arc<Store<T>>>,
}

impl<T, E> Clone for Guard<T, E> {
    fn clone(&self) -> Self {
        Guard {
            policy: self.policy.clone(),
            judge: self.judge.clone(),
            answer: self.answer.clone(),
            #[cfg(feature = "tokio")]
            answer_later: self.answer_later.clone(),
            value: self.value.clone(),
            on_retry: self.on_retry.clone(),
            on_timeout: self.on_timeout.clone(),
            on_fallback: self.on_fallback.clone(),
            #[cfg(feature = "cache")]
            store: self.store.clone(),
        }
    }
}

impl<T, E> Guard<T, E> {
    pub(super) fn new(policy: Policy, judge: impl Fn(&Result<T, E>) -> Judged + Send + Sync + 'static) -> Guard<T, E> {
        Guard {
            policy,
            judge: Arc::new(judge),
            answer: None,
            #[cfg(feature = "tokio")]
            answer_later: None,
            value: None,
            on_retry: None,
            on_timeout: None,
            on_fallback: None,
            #[cfg(feature = "cache")]
            store: None,
        }
    }

    /// The policy behind it.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Answers for the link `function` of the policy's fallback chain; `None` leaves it to the next.
    /// Nothing stops it at `fallback.timeout` (1 s), but calls that it makes itself inherit that limit.
    #[must_use]
    pub fn fallback(mut self, answer: impl Fn(Cause<'_, T, E>) -> Option<T> + Send + Sync + 'static) -> Self {
        self.answer = Some(Arc::new(answer));
        self
    }

    /// The same where the answer is a future, for the calls of [`Guard::run_async`] and
    /// [`Guard::run_key_async`]: it is dropped after `fallback.timeout` (1 s), or where the caller's own
    /// deadline is nearer, and the next link answers. Comes before [`Guard::fallback`]; what it needs of the
    /// cause it copies before it begins.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn fallback_async<F>(mut self, answer: impl Fn(Cause<'_, T, E>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        self.answer_later = Some(Arc::new(move |cause| Box::pin(answer(cause))));
        self
    }

    /// Answers for the links `value`, `empty`, `fail_open` and `fail_closed` of the chain.
    #[must_use]
    pub fn fallback_value(mut self, value: T) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        self.value = Some(Arc::new(move || value.clone()));
        self
    }

    /// Hears of each attempt that another follows: its number from 1, what it came to, the delay. Called
    /// before the wait, where the call runs. A hook that panics changes nothing; it is counted as
    /// `internal`.
    #[must_use]
    pub fn on_retry(mut self, hook: impl Fn(u32, Cause<'_, T, E>, Duration) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Arc::new(hook));
        self
    }

    /// Hears of each attempt that ran out of time: its number from 1, and the limit it hit, its own or
    /// the call's. Otherwise as [`Guard::on_retry`].
    #[must_use]
    pub fn on_timeout(mut self, hook: impl Fn(u32, Duration) + Send + Sync + 'static) -> Self {
        self.on_timeout = Some(Arc::new(hook));
        self
    }

    /// Hears of each answer that is not the work's: by the cache ([`Verdict::Cached`]), past its time
    /// ([`Verdict::Stale`]) or by another link of the chain ([`Verdict::FellBack`]), and what made it
    /// necessary. Otherwise as [`Guard::on_retry`].
    #[must_use]
    pub fn on_fallback(mut self, hook: impl Fn(Verdict, Cause<'_, T, E>) + Send + Sync + 'static) -> Self {
        self.on_fallback = Some(Arc::new(hook));
        self
    }

    /// Keeps good results by key, as the policy's `cache` says: `size`, `ttl`, `stale_for`. Nothing
    /// is kept where the policy has no cache.
    #[cfg(feature = "cache")]
    #[must_use]
    pub fn cached(mut self) -> Self
    where
        T: Clone,
    {
        self.store = self.policy.config().cache.as_ref().map(|cache| Arc::new(Store::new(cache, T::clone)));
        self
    }

    /// Runs `work`, again where the policy retries, and blocks while it waits.
    ///
    /// # Errors
    /// As [`Policy::run`].
    pub fn run(&self, work: impl FnMut(Attempt) -> Result<T, E>) -> Result<T, Error<E>> {
        blocking(&self.policy, &*self.judge, &mut Held { guard: self, key: None }, work)
    }

    /// The same for the call that `key` names: its last good result is what `cached` and `stale`
    /// links find. Where the policy looks first (`cache.first`), one call of a key fetches for those
    /// that come meanwhile; each waits as long as its own deadline allows.
    ///
    /// # Errors
    /// As [`Policy::run`].
    #[cfg(feature = "cache")]
    pub fn run_key(&self, key: &str, work: impl FnMut(Attempt) -> Result<T, E>) -> Result<T, Error<E>> {
        blocking(&self.policy, &*self.judge, &mut Held { guard: self, key: Some(key) }, work)
    }

    /// [`Guard::run`] on tokio: at an attempt's limit its future is dropped.
    ///
    /// # Errors
    /// As [`Policy::run`].
    #[cfg(feature = "tokio")]
    pub async fn run_async<F>(&self, work: impl FnMut(Attempt) -> F) -> Result<T, Error<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        awaiting(&self.policy, &&*self.judge, &mut Held { guard: self, key: None }, work).await
    }

    /// [`Guard::run_key`] on tokio. Calls that one task makes side by side do not wait for each other.
    ///
    /// # Errors
    /// As [`Policy::run`].
    #[cfg(all(feature = "tokio", feature = "cache"))]
    pub async fn run_key_async<F>(&self, key: &str, work: impl FnMut(Attempt) -> F) -> Result<T, Error<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        awaiting(&self.policy, &&*self.judge, &mut Held { guard: self, key: Some(key) }, work).await
    }
}

/// One call's hold on the guard's values.
struct Held<'a, T, E> {
    guard: &'a Guard<T, E>,
    #[cfg_attr(not(feature = "cache"), allow(dead_code))]
    key: Option<&'a str>,
}

impl<T, E> Held<'_, T, E> {
    /// A hook's panic is said by the process's panic hook; the call goes on.
    fn tell(&self, hook: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(hook)).is_err() {
            let policy = &self.guard.policy;
            policy.registry().internal(policy.name(), "a hook panicked");
        }
    }
}

impl<T, E> Host<T, E> for Held<'_, T, E> {
    #[cfg(feature = "cache")]
    fn has_key(&self) -> bool {
        self.key.is_some() && self.guard.store.is_some()
    }

    #[cfg(feature = "cache")]
    fn look_up(&mut self, stale: bool) -> Option<T> {
        self.guard.store.as_ref()?.look(self.key?, stale, self.guard.policy.registry().clock().now())
    }

    #[cfg(feature = "cache")]
    fn flight(&self) -> Option<Arc<Flight>> {
        self.guard.store.as_ref()?.flight(self.key?)
    }

    #[cfg(feature = "tokio")]
    fn fall_back_later(&mut self, step: FallbackStep, cause: Cause<'_, T, E>) -> Option<Later<T>> {
        let answer = self.guard.answer_later.as_ref().filter(|_| step == FallbackStep::Function)?;
        Some(answer(cause))
    }

    fn fall_back(&mut self, step: FallbackStep, cause: Cause<'_, T, E>) -> Option<T> {
        match step {
            FallbackStep::Function => self.guard.answer.as_ref()?(cause),
            _ => self.guard.value.as_ref().map(|value| value()),
        }
    }

    fn retrying(&mut self, attempt: u32, cause: Cause<'_, T, E>, delay: Span) {
        if let Some(hook) = &self.guard.on_retry {
            self.tell(|| hook(attempt, cause, delay.to_duration()));
        }
    }

    fn timed_out(&mut self, attempt: u32, limit: Span) {
        if let Some(hook) = &self.guard.on_timeout {
            self.tell(|| hook(attempt, limit.to_duration()));
        }
    }

    fn answered(&mut self, by: Verdict, cause: Cause<'_, T, E>) {
        if let Some(hook) = &self.guard.on_fallback {
            self.tell(|| hook(by, cause));
        }
    }

    #[cfg(feature = "cache")]
    fn store(&mut self, value: &T) {
        if let (Some(store), Some(key)) = (&self.guard.store, self.key) {
            store.keep(key, value, self.guard.policy.registry().clock().now());
        }
    }

    #[cfg(feature = "cache")]
    fn forget(&mut self) {
        if let (Some(store), Some(key)) = (&self.guard.store, self.key) {
            store.forget(key);
        }
    }
}
