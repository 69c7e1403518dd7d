//! The driver on tokio. A dropped future reports its caller as gone: every permit goes back.

use super::attempt::Attempt;
#[cfg(feature = "cache")]
use super::drive::patience;
use super::drive::{Ended, Guarded, tell};
use super::error::Error;
use super::host::{Cause, Host, Later, Plain};
use super::judge::{Judged, by_chain, by_error, error_type};
use super::opened::Opened;
use super::scope::{self, Scope};
use super::wait::{self, Waiter};
use crate::call::{Call, CallOptions, Step};
use crate::config::FallbackStep;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::time::{Span, Tick};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

impl Policy {
    /// Awaits what `work` makes, again where the policy retries. At an attempt's limit its future is
    /// dropped. Errors are judged by [`crate::judge`].
    ///
    /// Needs tokio's timers (`enable_time`). The future may move between threads if those of `work` may.
    /// Dropped, it gives back whatever the call held and counts for nothing; a panic of the work is a
    /// failure and goes on unwinding.
    ///
    /// # Errors
    /// As [`Policy::run`].
    pub async fn run_async<T, E, F>(&self, mut work: impl FnMut() -> F) -> Result<T, Error<E>>
    where
        E: std::error::Error + 'static,
        F: Future<Output = Result<T, E>>,
    {
        awaiting(self, &by_chain, &mut Plain, |_| work()).await
    }

    /// The same; `classify` judges errors of any type.
    ///
    /// # Errors
    /// As [`Policy::run`].
    pub async fn run_async_with<T, E, F>(
        &self,
        classify: impl Fn(&E) -> Judged,
        mut work: impl FnMut() -> F,
    ) -> Result<T, Error<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        awaiting(self, &by_error(classify), &mut Plain, |_| work()).await
    }
}

/// Drives a call to its end.
pub(super) async fn awaiting<T, E, F>(
    policy: &Policy,
    judge: &impl Fn(&Result<T, E>) -> Judged,
    host: &mut impl Host<T, E>,
    work: impl FnMut(Attempt) -> F,
) -> Result<T, Error<E>>
where
    F: Future<Output = Result<T, E>>,
{
    following(policy, judge, host, || false, None, work).await.map(|(value, _)| value)
}

/// Drives a call; `is_last` says after an attempt that it cannot be repeated, `holds` of a good value
/// that the call goes on behind it.
pub(super) async fn following<T, E, F>(
    policy: &Policy,
    judge: &impl Fn(&Result<T, E>) -> Judged,
    host: &mut impl Host<T, E>,
    is_last: impl Fn() -> bool,
    holds: Option<fn(&T) -> bool>,
    mut work: impl FnMut(Attempt) -> F,
) -> Result<(T, Option<Box<Opened>>), Error<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let left = scope::left(policy);
    let (mut last, mut ended) = (None, Ended::default());
    let at_once = left.is_none() && !host.has_key() && holds.is_none();
    let brief = if at_once { policy.brief() } else { None };
    let (call, mut step) = match brief {
        Some(mut brief) => {
            let result = polled(&mut brief.running, || work(Attempt::FIRST)).await;
            let (outcome, hint) = judge(&result);
            match brief.end(outcome, hint) {
                None => {
                    let ended = result.map_err(|error| Error::User { error, attempts: 1, gave_up: None });
                    return ended.map(|value| (value, None));
                }
                Some(brief) => {
                    let (call, step) = brief.go_on(outcome, hint, is_last(), error_type(&result));
                    last = Some(result);
                    tell(&call, step, last.as_ref(), host);
                    (call, step)
                }
            }
        }
        None => {
            if at_once && let Some(refusal) = policy.refusal() {
                return Err(Error::Refused(refusal));
            }
            let options = CallOptions { deadline: left, cached: host.has_key(), ..CallOptions::default() };
            let mut call = policy.call_with(options);
            let step = call.start();
            (call, step)
        }
    };
    let mut guarded = Guarded::new(call);
    #[cfg(feature = "cache")]
    let (flight, mut turn) = (host.flight(), None);
    loop {
        wait::wake(guarded.0.take_wakes());
        step = match step {
            Step::Run { attempt, limit, .. } => {
                let until = scope::end_of(policy, &guarded.0);
                let told = Attempt::new(attempt, guarded.0.remaining());
                let mut begin = || work(told);
                let result = within(policy, limit, inside(until, &mut guarded.1, &mut begin)).await;
                if is_last() {
                    guarded.0.last_attempt();
                }
                let next = match result {
                    Some(result) => {
                        let (outcome, hint) = judge(&result);
                        let result = match result {
                            Ok(value) if outcome == Outcome::Success && goes_on(&guarded.0, holds, &value) => {
                                return Ok((value, Some(Opened::new(guarded))));
                            }
                            result => result,
                        };
                        error_type(&result).into_iter().for_each(|name| guarded.0.error_type(name));
                        last = Some(result);
                        guarded.0.done(attempt, outcome, hint)
                    }
                    None => guarded.0.expire(attempt),
                };
                tell(&guarded.0, next, last.as_ref(), host);
                next
            }
            Step::Wait { span, .. } => {
                sleep(policy, span).await;
                guarded.0.woke()
            }
            Step::Queue { ticket, span } => {
                let mut queued = Queued::new(ticket);
                queued.register().await;
                // Once more now that the ticket can be woken: the permit may have come before.
                match guarded.0.woke() {
                    Step::Queue { .. } => {
                        rest(policy, span, queued.woken()).await;
                        guarded.0.woke()
                    }
                    step => step,
                }
            }
            Step::LookUp { stale } => {
                #[cfg_attr(not(feature = "cache"), allow(unused_mut))]
                let mut value = host.look_up(stale);
                #[cfg(feature = "cache")]
                if let (None, None, Some(flight)) = (&value, &turn, &flight) {
                    turn = flight.wait_async(patience(&guarded.0)).await;
                    value = host.look_up(stale);
                }
                let found = ended.keep(value);
                guarded.0.looked_up(found)
            }
            Step::FallBack { step, limit, .. } => {
                let until = limit.map(|limit| scope::end_in(policy, limit));
                let value = match answer(&guarded.0, last.as_ref(), until, step, host) {
                    Ok(value) => value,
                    Err(later) => {
                        let mut later = Some(later);
                        let mut begin = || later.take().expect("it is begun once");
                        within(policy, limit, inside(until, &mut false, &mut begin)).await.flatten()
                    }
                };
                let found = ended.keep(value);
                guarded.0.fell_back(found)
            }
            Step::Finish(verdict) => {
                return ended.end(&guarded.0, verdict, last, host).map(|value| (value, None));
            }
        };
    }
}

/// Whether the call goes on behind a value that came in time.
fn goes_on<T>(call: &Call, holds: Option<fn(&T) -> bool>, value: &T) -> bool {
    let now = call.policy().registry().clock().now();
    holds.is_some_and(|holds| holds(value)) && call.limit_ends().is_none_or(|end| now <= end)
}

/// The answer of a link of the chain, or the future that has it.
fn answer<T, E>(
    call: &Call,
    last: Option<&Result<T, E>>,
    until: Option<(usize, Tick)>,
    step: FallbackStep,
    host: &mut impl Host<T, E>,
) -> Result<Option<T>, Later<T>> {
    let Some(cause) = Cause::of(call.refusal(), last) else { return Ok(None) };
    let mut left = false;
    let inside = Scope::enter(until, &mut left);
    let answer = match host.fall_back_later(step, cause) {
        Some(later) => Err(later),
        None => Ok(host.fall_back(step, cause)),
    };
    inside.leave();
    answer
}

/// The work, with what the call has left in force whenever it is polled.
async fn inside<F: Future>(
    until: Option<(usize, Tick)>,
    panicked: &mut bool,
    work: &mut impl FnMut() -> F,
) -> F::Output {
    let scope = Scope::enter(until, panicked);
    let work = work();
    scope.leave();
    let mut work = pin!(work);
    poll_fn(|cx| {
        let scope = Scope::enter(until, panicked);
        let polled = work.as_mut().poll(cx);
        scope.leave();
        polled
    })
    .await
}

/// The work of a call without a limit; who unwinds out of it is known.
async fn polled<F: Future>(running: &mut bool, work: impl FnOnce() -> F) -> F::Output {
    *running = true;
    let work = work();
    *running = false;
    let mut work = pin!(work);
    poll_fn(|cx| {
        *running = true;
        let polled = work.as_mut().poll(cx);
        *running = false;
        polled
    })
    .await
}

/// The output, or nothing at the limit: then the future is dropped. A manual clock has no timers.
async fn within<F: Future>(policy: &Policy, limit: Option<Span>, work: F) -> Option<F::Output> {
    match limit {
        Some(limit) if !policy.registry().clock().is_manual() => {
            tokio::time::timeout(limit.to_duration(), work).await.ok()
        }
        _ => Some(work.await),
    }
}

async fn sleep(policy: &Policy, span: Span) {
    let clock = policy.registry().clock();
    if clock.is_manual() { clock.advance(span) } else { tokio::time::sleep(span.to_duration()).await }
}

/// Until it is woken, or the span is over; a manual clock is advanced instead.
pub(super) async fn rest(policy: &Policy, span: Option<Span>, woken: impl Future<Output = ()>) {
    match span {
        Some(span) if policy.registry().clock().is_manual() => policy.registry().clock().advance(span),
        _ => drop(within(policy, span, woken).await),
    }
}

/// A place in the table of waiters; leaves it when it is dropped.
pub(super) struct Queued {
    ticket: u64,
    told: bool,
}

impl Queued {
    pub(super) fn new(ticket: u64) -> Queued {
        Queued { ticket, told: false }
    }

    pub(super) async fn register(&mut self) {
        poll_fn(|cx| {
            wait::register(self.ticket, Waiter::Task(cx.waker().clone()));
            Poll::Ready(())
        })
        .await;
    }

    /// Ready when the task is polled again: that is what waking the ticket does.
    pub(super) async fn woken(&mut self) {
        poll_fn(|_| if std::mem::replace(&mut self.told, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        wait::forget(self.ticket);
    }
}
