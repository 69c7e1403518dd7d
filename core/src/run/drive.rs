//! The blocking driver: a loop over steps.

use super::error::Error;
use super::scope::{self, Scope};
use super::wait;
use crate::call::{Call, CallOptions, Step, Verdict};
use crate::error::Refusal;
use crate::outcome::{Hint, Outcome};
use crate::policy::Policy;
use crate::time::Span;
use std::thread;

/// Judges an error: how the attempt ended, and the server's wish.
pub type Classify<'a, E> = &'a dyn Fn(&E) -> (Outcome, Option<Hint>);

pub(super) fn blocking<T, E>(
    policy: &Policy,
    classify: Classify<'_, E>,
    mut work: impl FnMut() -> Result<T, E>,
) -> Result<T, Error<E>> {
    let left = scope::left(policy);
    // A call with a caller's deadline asks: the core watches it.
    if left.is_none()
        && let Some(pass) = policy.pass()
    {
        let guard = PassGuard(Some((policy, pass)));
        let result = work();
        return match result {
            Ok(value) => {
                guard.disarm();
                policy.succeed(pass);
                Ok(value)
            }
            Err(error) => {
                guard.disarm();
                let mut call = policy.call_after_pass(pass, CallOptions::default());
                let (outcome, hint) = classify(&error);
                let step = call.done(1, outcome, hint);
                follow(policy, Guarded::new(call), step, Some(Err(error)), classify, &mut work)
            }
        };
    }
    if let Some(refusal) = policy.refusal() {
        return Err(Error::Refused(refusal));
    }
    let mut call = policy.call_with(CallOptions { deadline: left, ..CallOptions::default() });
    let step = call.start();
    follow(policy, Guarded::new(call), step, None, classify, &mut work)
}

/// A panic under a pass is a failure of the work: it is recorded while unwinding.
struct PassGuard<'a>(Option<(&'a Policy, crate::policy::Pass)>);

impl PassGuard<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for PassGuard<'_> {
    fn drop(&mut self) {
        if let Some((policy, pass)) = self.0.take() {
            policy.record(crate::permit::Permit(pass.permit), Outcome::Failure, Span::ZERO, None);
        }
    }
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
    }
}

fn follow<T, E>(
    policy: &Policy,
    mut guarded: Guarded,
    mut step: Step,
    mut last: Option<Result<T, E>>,
    classify: Classify<'_, E>,
    work: &mut impl FnMut() -> Result<T, E>,
) -> Result<T, Error<E>> {
    loop {
        let call = &mut guarded.0;
        wait::wake(call.take_wakes());
        step = match step {
            Step::Run { attempt, .. } => {
                let until = scope::end_of(policy, call);
                let inside = Scope::enter(until, &mut guarded.1);
                let result = work();
                inside.leave();
                let (outcome, hint) = match &result {
                    Ok(_) => (Outcome::Success, None),
                    Err(error) => classify(error),
                };
                last = Some(result);
                guarded.0.done(attempt, outcome, hint)
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
            // The blocking driver keeps no cache: a key was not given.
            Step::LookUp { .. } => call.looked_up(false),
            // Nor values: the caller of `run_or` answers in its own words.
            Step::FallBack { .. } => call.fell_back(false),
            Step::Finish(verdict) => return end(&guarded.0, verdict, last),
        };
    }
}

pub(super) fn end<T, E>(call: &Call, verdict: Verdict, last: Option<Result<T, E>>) -> Result<T, Error<E>> {
    let limit = call.refusal().map_or(0, |refusal| refusal.limit);
    let (limit, attempts) = (Span(limit).to_duration(), call.attempts());
    match (verdict, last) {
        (Verdict::Settle, Some(Ok(value))) => Ok(value),
        (Verdict::TimedOut, _) => Err(Error::TimedOut { limit, attempts }),
        (Verdict::DeadlineExceeded, last) => {
            Err(Error::DeadlineExceeded { limit, attempts, last: last.and_then(Result::err) })
        }
        (_, Some(Err(error))) => Err(Error::User { error, attempts, reason: call.reason() }),
        (_, Some(Ok(value))) => Ok(value),
        (_, None) => Err(Error::Refused(refusal(call))),
    }
}

fn refusal(call: &Call) -> Refusal {
    call.refusal().cloned().unwrap_or_else(|| Refusal::new(crate::error::Code::CircuitOpen))
}

/// A manual clock is advanced instead of slept on.
fn sleep(policy: &Policy, span: Span) {
    let clock = policy.registry().clock();
    if clock.is_manual() { clock.advance(span) } else { thread::sleep(span.to_duration()) }
}

/// Until somebody wakes this thread, or the span is over.
fn park(policy: &Policy, span: Option<Span>) {
    match (span, policy.registry().clock().is_manual()) {
        (Some(span), true) => policy.registry().clock().advance(span),
        (Some(span), false) => thread::park_timeout(span.to_duration()),
        (None, _) => thread::park(),
    }
}
