//! The blocking driver: a loop over steps.

use super::attempt::Attempt;
use super::error::{Error, GaveUp};
use super::host::{Cause, Host, Judge};
use super::judge::error_type;
use super::scope::{self, Scope};
use super::wait;
use crate::breaker::Breaker;
use crate::brief::Brief;
use crate::call::{Call, CallOptions, Step, Verdict};
use crate::config::TimeoutMode;
use crate::error::Refusal;
use crate::outcome::{Hint, Outcome};
use crate::policy::{Live, Policy};
use crate::time::Span;
use std::thread;

/// What a call runs.
pub(super) trait Work<T, E> {
    /// An attempt can be left behind at its limit.
    const ABANDONS: bool;

    /// `None` where that happened; without a `limit` it cannot.
    fn run(&mut self, attempt: Attempt, limit: Option<Span>) -> Option<Result<T, E>>;
}

/// On the caller's own thread.
impl<T, E, W: FnMut(Attempt) -> Result<T, E>> Work<T, E> for W {
    const ABANDONS: bool = false;

    fn run(&mut self, attempt: Attempt, _: Option<Span>) -> Option<Result<T, E>> {
        Some(self(attempt))
    }
}

/// What most calls need, for the caller's own code: it is let in, and it succeeds. All else is out of line, and
/// called cold, whether it is seldom or not: so these have their code in one piece.
#[inline(always)]
pub(super) fn blocking<T, E>(
    policy: &Policy,
    judge: Judge<'_, T, E>,
    host: &mut impl Host<T, E>,
    work: impl FnMut(Attempt) -> Result<T, E>,
) -> Result<T, Error<E>> {
    // A call with a caller's deadline or a key asks: the core watches it.
    if scope::is_unlimited() && !host.has_key() {
        let (live, epoch) = policy.last_live();
        // By itself, so that in the way of the simplest calls stands nothing that only others need.
        if live.simple_in >= epoch
            && let Some((brief, breaker)) = policy.brief_simply(live)
        {
            return at_once(brief, Some(breaker), judge, host, work);
        }
        if live.epoch >= epoch {
            return match policy.brief_at_once(live) {
                Some(brief) => at_once(brief, None, judge, host, work),
                None => asked(policy, Some(live), judge, host, work),
            };
        }
    }
    asked(policy, None, judge, host, work)
}

/// A call that was let in; where it asked nothing but a breaker, that.
#[inline(always)]
fn at_once<T, E>(
    mut brief: Brief<'_>,
    alone: Option<&Breaker>,
    judge: Judge<'_, T, E>,
    host: &mut impl Host<T, E>,
    mut work: impl FnMut(Attempt) -> Result<T, E>,
) -> Result<T, Error<E>> {
    brief.running = true;
    let result = work(Attempt::FIRST);
    brief.running = false;
    match (judge(&result), alone) {
        ((Outcome::Success, _), Some(breaker)) => brief.succeed_at(breaker),
        ((Outcome::Success, _), None) if !brief.may_be_slow() => brief.succeed(Span::ZERO),
        ((outcome, hint), _) if outcome != Outcome::Success && brief.is_last(outcome) => {
            // Found before the locked instruction of the breaker's count, and asked after it.
            let registry = brief.policy.registry();
            let events = registry.events();
            brief.fail(outcome, hint);
            if events.wanted() {
                registry.tell();
            }
        }
        ((outcome, hint), _) => return attempted(brief, outcome, hint, result, judge, host, work),
    }
    ended(result)
}

/// A call that was not let in at the first look: at `live`, where nothing else spoke against it.
#[cold]
#[inline(never)]
fn asked<T, E>(
    policy: &Policy,
    live: Option<&Live>,
    judge: Judge<'_, T, E>,
    host: &mut impl Host<T, E>,
    mut work: impl FnMut(Attempt) -> Result<T, E>,
) -> Result<T, Error<E>> {
    // First, as most who come here find the circuit open.
    if let Some(refusal) = live.and_then(|live| policy.refusal_under(live)) {
        return Err(Error::Refused(refusal));
    }
    let left = scope::left(policy);
    if left.is_none() && !host.has_key() {
        if live.is_none()
            && let Some(refusal) = policy.refusal()
        {
            return Err(Error::Refused(refusal));
        }
        if let Some(mut brief) = policy.brief() {
            brief.running = true;
            let result = work(Attempt::FIRST);
            brief.running = false;
            let (outcome, hint) = judge(&result);
            return attempted(brief, outcome, hint, result, judge, host, work);
        }
    }
    stepped(policy, left, judge, host, &mut work)
}

/// After a first attempt that nobody stepped.
#[cold]
#[inline(never)]
fn attempted<T, E>(
    brief: Brief<'_>,
    outcome: Outcome,
    hint: Option<Hint>,
    result: Result<T, E>,
    judge: Judge<'_, T, E>,
    host: &mut impl Host<T, E>,
    mut work: impl FnMut(Attempt) -> Result<T, E>,
) -> Result<T, Error<E>> {
    let policy = brief.policy;
    match brief.end(outcome, hint) {
        None => {
            policy.registry().tell();
            ended(result)
        }
        Some(brief) => {
            let (call, step) = brief.go_on(outcome, hint, false, error_type(&result));
            policy.registry().tell();
            let last = Some(result);
            tell(&call, step, last.as_ref(), host);
            follow(policy, Guarded::new(call), step, last, judge, host, &mut work)
        }
    }
}

/// The first attempt was the last.
#[inline(always)]
fn ended<T, E>(result: Result<T, E>) -> Result<T, Error<E>> {
    result.map_err(|error| Error::User { error, attempts: 1, gave_up: None })
}

/// Out of line, so that those who need no stepper carry none of it.
#[inline(never)]
pub(super) fn stepped<T, E>(
    policy: &Policy,
    left: Option<Span>,
    judge: Judge<'_, T, E>,
    host: &mut impl Host<T, E>,
    work: &mut impl Work<T, E>,
) -> Result<T, Error<E>> {
    let options = CallOptions { deadline: left, cached: host.has_key(), ..CallOptions::default() };
    let mut call = policy.call_with(options);
    let step = call.start();
    follow(policy, Guarded::new(call), step, None, judge, host, work)
}

/// A call whose attempt is recorded as a failure if the work itself panics. Unwinding that began
/// elsewhere, as in a task that holds this call among others, says nothing about the dependency.
pub(super) struct Guarded(pub Call, pub bool);

impl Guarded {
    pub(super) fn new(call: Call) -> Guarded {
        Guarded(call, false)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.1 {
            let attempt = self.0.attempts();
            self.0.done(attempt, Outcome::Failure, None);
        }
        self.0.cancelled(false);
        wait::wake(self.0.take_wakes());
        self.0.policy().registry().tell();
    }
}

#[inline(never)]
fn follow<T, E>(
    policy: &Policy,
    mut guarded: Guarded,
    mut step: Step,
    mut last: Option<Result<T, E>>,
    judge: Judge<'_, T, E>,
    host: &mut impl Host<T, E>,
    work: &mut impl Work<T, E>,
) -> Result<T, Error<E>> {
    let mut ended = Ended::default();
    #[cfg(feature = "cache")]
    let (flight, mut turn) = (host.flight(), None);
    loop {
        let call = &mut guarded.0;
        wait::wake(call.take_wakes());
        step = match step {
            Step::Run { attempt, limit, mode } => {
                if limit.is_some() && mode != Some(TimeoutMode::Cooperative) && !abandons(work) {
                    call.unenforced();
                    policy.tell_unenforced();
                }
                let until = scope::end_of(policy, call);
                let remaining = call.remaining();
                let inside = Scope::enter(until, &mut guarded.1);
                let result = work.run(Attempt::new(attempt, remaining), limit);
                inside.leave();
                let next = match result {
                    Some(result) => {
                        let (outcome, hint) = judge(&result);
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
                sleep(policy, span);
                call.woke()
            }
            Step::Queue { ticket, span } => {
                wait::register(ticket, wait::this_thread());
                // Once more after the ticket can be woken: the permit may have come before.
                let mut again = call.woke();
                if matches!(again, Step::Queue { .. }) {
                    park(policy, span);
                    again = call.woke();
                }
                wait::forget(ticket);
                again
            }
            Step::LookUp { stale } => {
                #[cfg_attr(not(feature = "cache"), allow(unused_mut))]
                let mut value = host.look_up(stale);
                #[cfg(feature = "cache")]
                if let (None, None, Some(flight)) = (&value, &turn, &flight) {
                    turn = flight.wait(patience(call));
                    value = host.look_up(stale);
                }
                let found = ended.keep(value);
                call.looked_up(found)
            }
            Step::FallBack { step, limit, .. } => {
                let cause = Cause::of(call.refusal(), last.as_ref());
                let until = limit.map(|limit| scope::end_in(policy, limit));
                let mut left = false;
                let inside = Scope::enter(until, &mut left);
                let value = cause.and_then(|cause| host.fall_back(step, cause));
                inside.leave();
                let found = ended.keep(value);
                call.fell_back(found)
            }
            Step::Finish(verdict) => return ended.end(call, verdict, last, host),
        };
    }
}

fn abandons<T, E, W: Work<T, E>>(_: &W) -> bool {
    W::ABANDONS
}

/// What the cache or the fallback chain produced.
pub(super) struct Ended<T>(Option<T>);

impl<T> Default for Ended<T> {
    fn default() -> Self {
        Ended(None)
    }
}

impl<T> Ended<T> {
    pub(super) fn keep(&mut self, value: Option<T>) -> bool {
        let found = value.is_some();
        self.0 = value.or(self.0.take());
        found
    }

    pub(super) fn end<E>(
        self,
        call: &Call,
        verdict: Verdict,
        last: Option<Result<T, E>>,
        host: &mut impl Host<T, E>,
    ) -> Result<T, Error<E>> {
        if let (true, Some(Ok(value))) = (call.should_store(), &last) {
            host.store(value);
        }
        if call.should_forget() {
            host.forget();
        }
        match (verdict, self.0) {
            (Verdict::Cached | Verdict::Stale | Verdict::FellBack, Some(value)) => {
                if let Some(cause) = Cause::of(call.refusal(), last.as_ref()) {
                    host.answered(verdict, cause);
                }
                Ok(value)
            }
            _ => end(call, verdict, last),
        }
    }
}

/// Tells the host of what its hooks wait for: `step` is the answer to the attempt that just ended.
pub(super) fn tell<T, E>(call: &Call, step: Step, last: Option<&Result<T, E>>, host: &mut impl Host<T, E>) {
    if let Some(limit) = call.refusal().and_then(|refusal| Cause::<T, E>::limit(refusal)) {
        host.timed_out(call.attempts(), limit);
    }
    if let (Step::Wait { span, attempt, .. }, Some(cause)) = (step, Cause::of(call.refusal(), last)) {
        host.retrying(attempt, cause, span);
    }
}

fn end<T, E>(call: &Call, verdict: Verdict, last: Option<Result<T, E>>) -> Result<T, Error<E>> {
    let limit = call.refusal().map_or(0, |refusal| refusal.limit);
    let (limit, attempts) = (Span(limit).to_duration(), call.attempts());
    match (verdict, last) {
        (Verdict::Settle, Some(Ok(value))) => Ok(value),
        (Verdict::TimedOut, _) => Err(Error::TimedOut { limit, attempts }),
        (Verdict::DeadlineExceeded, last) => {
            Err(Error::DeadlineExceeded { limit, attempts, last: last.and_then(Result::err) })
        }
        (_, Some(Err(error))) => Err(Error::User { error, attempts, gave_up: GaveUp::of(call) }),
        (_, Some(Ok(value))) => Ok(value),
        (_, None) => Err(Error::Refused(refusal(call))),
    }
}

fn refusal(call: &Call) -> Refusal {
    call.refusal().cloned().unwrap_or_else(|| Refusal::new(crate::error::Code::CircuitOpen))
}

/// How long the call may wait for somebody else's fetch of its key; a manual clock has no timers.
#[cfg(feature = "cache")]
pub(super) fn patience(call: &Call) -> Option<std::time::Duration> {
    let is_manual = call.policy().registry().clock().is_manual();
    call.remaining().filter(|_| !is_manual).map(Span::to_duration)
}

/// A manual clock is advanced instead of slept on.
fn sleep(policy: &Policy, span: Span) {
    let clock = policy.registry().clock();
    if clock.is_manual() { clock.advance(span) } else { thread::sleep(span.to_duration()) }
}

/// Until somebody wakes this thread, or the span is over.
pub(super) fn park(policy: &Policy, span: Option<Span>) {
    match (span, policy.registry().clock().is_manual()) {
        (Some(span), true) => policy.registry().clock().advance(span),
        (Some(span), false) => thread::park_timeout(span.to_duration()),
        (None, _) => thread::park(),
    }
}
