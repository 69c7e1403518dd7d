//! A call that goes on behind a value which comes piece by piece: a stream, the body of a response.

use super::drive::Guarded;
use super::error::{Error, GaveUp};
use super::judge::Judged;
use super::scope::{self, Scope};
use crate::outcome::Outcome;
use crate::time::{Span, Tick};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Sleep, sleep};

/// Holds the permits of an attempt whose first piece is out. Dropped before its end it was left early.
pub(super) struct Opened {
    guarded: Guarded,
    /// The limit of the gap before the next piece.
    idle: Option<Span>,
    /// How long the whole call may take.
    deadline: Option<Span>,
    /// When the next piece was first asked for.
    asked: Option<Tick>,
    /// Wakes who waits for a piece that is late; none on a manual clock.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Which limit a piece missed.
#[derive(Copy, Clone)]
enum Late {
    Idle(Span),
    Deadline(Span),
}

impl Opened {
    /// The running attempt of `guarded` has begun to answer.
    pub(super) fn new(mut guarded: Guarded) -> Box<Opened> {
        let call = &mut guarded.0;
        call.commit();
        let idle = call.policy().live().config.timeout.as_ref().and_then(|timeout| timeout.idle);
        let deadline = call.deadline();
        Box::new(Opened { guarded, idle, deadline, asked: None, timer: None })
    }

    /// The next piece; where it does not come in time the call ends, and `held` is empty.
    pub(super) fn poll<P, E>(
        held: &mut Option<Box<Opened>>,
        cx: &mut Context<'_>,
        piece: impl FnOnce(&mut Context<'_>) -> Poll<P>,
    ) -> Poll<Result<P, Error<E>>> {
        let Some(mut opened) = held.take() else { return piece(cx).map(Ok) };
        match opened.poll_in_time(cx, piece) {
            Poll::Ready(Err(late)) => Poll::Ready(Err(opened.miss(late))),
            Poll::Ready(Ok(piece)) => {
                *held = Some(opened);
                Poll::Ready(Ok(piece))
            }
            Poll::Pending => {
                *held = Some(opened);
                Poll::Pending
            }
        }
    }

    /// The last piece is out, or somebody has enough.
    pub(super) fn end(mut self, outcome: Outcome) {
        let call = &mut self.guarded.0;
        call.done(call.attempts(), outcome, None);
    }

    /// The pieces end with an error of the work.
    pub(super) fn fail<E>(mut self, error: E, (outcome, hint): Judged) -> Error<E> {
        let call = &mut self.guarded.0;
        call.error_type(std::any::type_name::<E>());
        call.done(call.attempts(), outcome, hint);
        Error::User { error, attempts: call.attempts(), gave_up: GaveUp::of(call) }
    }

    fn miss<E>(mut self, late: Late) -> Error<E> {
        let call = &mut self.guarded.0;
        let attempts = call.attempts();
        match late {
            Late::Idle(limit) => {
                call.done(attempts, Outcome::Timeout, None);
                Error::TimedOut { limit: limit.to_duration(), attempts }
            }
            Late::Deadline(limit) => {
                call.expire(attempts);
                Error::DeadlineExceeded { limit: limit.to_duration(), attempts, last: None }
            }
        }
    }

    fn poll_in_time<P>(
        &mut self,
        cx: &mut Context<'_>,
        piece: impl FnOnce(&mut Context<'_>) -> Poll<P>,
    ) -> Poll<Result<P, Late>> {
        let Guarded(call, panicked) = &mut self.guarded;
        let asked = *self.asked.get_or_insert_with(|| call.policy().registry().clock().now());
        let inside = Scope::enter(scope::end_of(call.policy(), call), panicked);
        let polled = piece(cx);
        inside.leave();
        let clock = call.policy().registry().clock();
        let gap = clock.now().since(asked);
        let idle_left = self.idle.map(|idle| idle.minus(gap));
        let late = match (self.deadline.zip(call.remaining()), self.idle) {
            (Some((deadline, Span::ZERO)), _) => Some(Late::Deadline(deadline)),
            (_, Some(idle)) if gap > idle => Some(Late::Idle(idle)),
            _ => None,
        };
        let left = idle_left.into_iter().chain(call.remaining()).min().filter(|_| !clock.is_manual());
        match (polled, late) {
            (_, Some(late)) => Poll::Ready(Err(late)),
            (Poll::Ready(piece), None) => {
                (self.asked, self.timer) = (None, None);
                Poll::Ready(Ok(piece))
            }
            (Poll::Pending, None) => {
                if let Some(left) = left {
                    // A little later than the limit, so that the clock agrees when it wakes us.
                    let wake = || Box::pin(sleep(left.plus(Span::millis(1)).to_duration()));
                    let _ = self.timer.get_or_insert_with(wake).as_mut().poll(cx);
                }
                Poll::Pending
            }
        }
    }
}
