//! The end of an attempt: its outcome is recorded, what it held goes back, and either the call ends
//! or there is another attempt.

use super::{Call, Phase, Step, Verdict, cx};
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::{Hint, Outcome};
use crate::retry::{Next, Stop};
use crate::time::{Span, Tick};

impl Call {
    /// The running attempt ended with `outcome`.
    pub(super) fn settle(&mut self, outcome: Outcome, hint: Option<Hint>, now: Tick) -> Step {
        self.close_attempt(outcome, hint, now);
        self.last = Some(outcome);
        match outcome {
            Outcome::Success => {
                if let Some(budget) = self.live.parts.budget() {
                    budget.success(self.last_cost.take(), cx!(self, now));
                }
                if self.attempt > 1 {
                    self.policy.metrics().success_after_retry();
                }
                self.finish(Verdict::Settle, now)
            }
            Outcome::Cancelled => self.finish(Verdict::Cancelled, now),
            Outcome::Permanent => {
                self.stop = self.live.config.retry.is_some().then_some(Stop::Permanent);
                self.end(Verdict::Settle, Some(outcome), now)
            }
            Outcome::Ignored => self.end(Verdict::Settle, Some(outcome), now),
            Outcome::Failure | Outcome::Timeout | Outcome::Throttled | Outcome::Refused => {
                self.refusal = None;
                self.retry_or_end(outcome, hint, now)
            }
        }
    }

    /// The running attempt hit its limit.
    pub(super) fn run_out(&mut self, now: Tick) -> Step {
        let Some(limit) = self.limit else { return self.settle(Outcome::Timeout, None, now) };
        if limit.is_deadline {
            return self.run_out_of_call(now);
        }
        self.note_timeout(limit.span, "attempt", now);
        self.policy.metrics().timed_out(false);
        self.close_attempt(Outcome::Timeout, None, now);
        self.last = Some(Outcome::Timeout);
        self.refusal = Some(Call::timed_refusal(Code::AttemptTimeout, limit.span));
        self.retry_or_end(Outcome::Timeout, None, now)
    }

    /// The running attempt hit the deadline of the whole call.
    fn run_out_of_call(&mut self, now: Tick) -> Step {
        let Some(deadline) = self.deadline else { return self.settle(Outcome::Timeout, None, now) };
        let outcome = match deadline.inherited {
            true => self.callers_deadline(now),
            false => Outcome::Timeout,
        };
        self.close_attempt(outcome, None, now);
        self.last = Some(outcome);
        self.out_of_time(deadline, now)
    }

    /// The caller's own deadline blames the dependency only if the attempt had its chance.
    fn callers_deadline(&self, now: Tick) -> Outcome {
        let chance = match &self.live.config.timeout {
            Some(timeout) => timeout.caller_deadline_after,
            None => crate::config::TimeoutConfig::default().caller_deadline_after,
        };
        if now.since(self.attempt_started) >= chance { Outcome::Timeout } else { Outcome::Cancelled }
    }

    /// The caller gave up, in whatever phase.
    pub(super) fn give_up(&mut self, by_deadline: bool, now: Tick) -> Step {
        if self.phase == Phase::Running && !self.bypass {
            let outcome = if by_deadline { self.callers_deadline(now) } else { Outcome::Cancelled };
            self.close_attempt(outcome, None, now);
            self.last = Some(Outcome::Cancelled);
        }
        self.give_back(now);
        self.stop = self.live.config.retry.is_some().then_some(Stop::Cancelled);
        self.finish(Verdict::Cancelled, now)
    }

    /// Everything the attempt held goes back, and the parts that keep count hear of it.
    fn close_attempt(&mut self, outcome: Outcome, hint: Option<Hint>, now: Tick) {
        let took = now.since(self.attempt_started);
        if let Some(permit) = self.held.permit.take() {
            self.record(permit, outcome, took, hint, now);
        }
        self.leave_bulkhead(now);
        self.settle_reserved(outcome, now);
        self.measure(outcome, took, now);
        self.end_retry(now);
        let error_type = self.error_type.take();
        self.policy.metrics().attempted(outcome, error_type.as_deref());
    }

    /// What the driver said it cost; else the estimate, which an attempt that ran has used.
    fn settle_reserved(&mut self, outcome: Outcome, now: Tick) {
        let actual = self.actual.take();
        for (index, reservation) in std::mem::take(&mut self.held.reserved) {
            let cost = &self.live.parts.costs()[index];
            match &actual {
                Some(actual) => cost.settle(reservation, actual, cx!(self, now)),
                None if outcome == Outcome::Cancelled => cost.give_back(reservation, cx!(self, now)),
                None => cost.settle_as_reserved(reservation, cx!(self, now)),
            }
        }
    }

    fn measure(&mut self, outcome: Outcome, took: Span, now: Tick) {
        let counts = !matches!(outcome, Outcome::Cancelled | Outcome::Ignored | Outcome::Refused);
        if counts && let Some(adaptive) = self.live.parts.adaptive() {
            // A timed-out attempt enters with the limit it hit, so that the limit can grow.
            let sample = match (outcome, self.limit) {
                (Outcome::Timeout, Some(limit)) => limit.span,
                _ => took,
            };
            adaptive.record(sample, cx!(self, now));
        }
        let Some(timeout) = &self.live.config.timeout else { return };
        self.policy.metrics().took(took);
        self.slow = timeout.slow_after.filter(|slow| took > *slow).map(|_| took);
        if self.slow.is_some() {
            self.policy.metrics().slow();
            let count = u64::from(self.attempt);
            self.notes.push(Note { span: took, count, ..Note::new(EventKind::Slow, PartKind::Timeout, now) });
        }
    }

    fn note_timeout(&mut self, span: Span, reason: &'static str, now: Tick) {
        let count = u64::from(self.attempt);
        self.notes.push(Note { span, reason, count, ..Note::new(EventKind::TimedOut, PartKind::Timeout, now) });
    }

    fn retry_or_end(&mut self, outcome: Outcome, hint: Option<Hint>, now: Tick) -> Step {
        match self.next_delay(outcome, hint, now) {
            Some(Ok(span)) => self.wait(span, outcome, now),
            Some(Err(stop)) => {
                self.stop = Some(stop);
                if self.attempt > 1 || stop != Stop::Refused {
                    self.policy.metrics().exhausted(stop);
                    self.note_gave_up(stop, outcome, now);
                }
                self.end_with_last(outcome, now)
            }
            None => self.end_with_last(outcome, now),
        }
    }

    /// Where refusals are retried: the wait before the next try, or `None` if there is none.
    pub(super) fn retry_after_refusal(&mut self, refusal: &Refusal, now: Tick) -> Option<Step> {
        let hint = refusal.retry_after.map(Hint::After);
        match self.next_delay(Outcome::Refused, hint, now)? {
            Ok(span) => Some(self.wait(span, Outcome::Refused, now)),
            Err(_) => None,
        }
    }

    /// `None` without a retry part; else the delay before the next attempt, paid for, or why not.
    fn next_delay(&mut self, outcome: Outcome, hint: Option<Hint>, now: Tick) -> Option<Result<Span, Stop>> {
        if self.committed || self.once {
            return None;
        }
        let config = self.live.config.retry.as_ref()?;
        let mut schedule = self.schedule.take().unwrap_or_default();
        let elapsed = now.since(self.started);
        let left = self.deadline.map(|deadline| now.until(deadline.at));
        let next = schedule.next(outcome, hint, elapsed, left, config, cx!(self, now));
        self.schedule = Some(schedule);
        Some(match next {
            Next::After(span) => match self.pay(outcome, now) {
                true => Ok(span),
                false => Err(Stop::Budget),
            },
            Next::Stop(stop) => Err(stop),
        })
    }

    fn pay(&mut self, outcome: Outcome, now: Tick) -> bool {
        let Some(budget) = self.live.parts.budget() else { return true };
        match budget.withdraw(outcome, cx!(self, now)) {
            Some(cost) => {
                self.retry_cost = Some(cost);
                self.last_cost = Some(cost);
                true
            }
            None => {
                self.policy.metrics().budget_denied();
                false
            }
        }
    }

    fn wait(&mut self, span: Span, outcome: Outcome, now: Tick) -> Step {
        self.notes.push(Note {
            span,
            count: u64::from(self.attempt),
            outcome: Some(outcome),
            ..Note::new(EventKind::Retrying, PartKind::Retry, now)
        });
        self.policy.metrics().retrying(self.attempt, span);
        let left = self.deadline.map_or(Span::MAX, |deadline| now.until(deadline.at));
        let step = Step::Wait { span: span.min(left), attempt: self.attempt, outcome };
        self.move_to(Phase::Waiting, step)
    }

    fn note_gave_up(&mut self, stop: Stop, outcome: Outcome, now: Tick) {
        self.notes.push(Note {
            reason: stop.as_str(),
            count: u64::from(self.attempt),
            outcome: Some(outcome),
            ..Note::new(EventKind::GaveUp, PartKind::Retry, now)
        });
    }

    /// No further attempt: the call ends as its last attempt did.
    pub(super) fn end_with_last(&mut self, outcome: Outcome, now: Tick) -> Step {
        let ours = self.refusal.as_ref().is_some_and(|refusal| refusal.code == Code::AttemptTimeout);
        let verdict = if outcome == Outcome::Timeout && ours { Verdict::TimedOut } else { Verdict::Settle };
        self.end(verdict, Some(outcome), now)
    }
}
