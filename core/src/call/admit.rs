//! What an attempt needs before it may run, in the fixed order of the composition.

use super::{Call, Limit, Phase, Step, Verdict, cx};
use crate::bulkhead::{Entry, Poll};
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::retry::Stop;
use crate::time::{Span, Tick};

impl Call {
    /// After the look-up: what is checked once, then the first attempt.
    pub(super) fn begin(&mut self, now: Tick) -> Step {
        if let Some(refusal) = self.live.refusal_without_host() {
            return self.refused(refusal, PartKind::Call, now);
        }
        for index in 0..self.live.parts.costs().len() {
            if let Err(refusal) = self.live.parts.costs()[index].check(cx!(self, now)) {
                return self.refused(refusal, PartKind::Cost, now);
            }
        }
        if let Some(budget) = self.live.parts.budget() {
            budget.begin(cx!(self, now));
            self.budget_begun = true;
        }
        self.admit(now)
    }

    /// Takes what the next attempt needs, up to the bulkhead's queue.
    pub(super) fn admit(&mut self, now: Tick) -> Step {
        if let Some(deadline) = self.past_deadline(now) {
            return self.out_of_time(deadline, now);
        }
        // An open circuit rejects at once, before any queue.
        if let Some(breaker) = &self.live.parts.breaker
            && let Some(refusal) = breaker.would_refuse(cx!(self, now))
        {
            return self.refused(refusal, PartKind::Breaker, now);
        }
        if let Err(refusal) = self.reserve_costs(now) {
            return self.refused(refusal, PartKind::Cost, now);
        }
        let Some(bulkhead) = &self.live.parts.bulkhead else {
            return self.run(now);
        };
        if let Some(slot) = bulkhead.try_enter() {
            self.held.slot = Some(slot);
            return self.run(now);
        }
        match bulkhead.enter(None, cx!(self, now)) {
            Entry::Admitted(slot) => {
                self.held.slot = Some(slot);
                self.run(now)
            }
            Entry::Queued { ticket, until } => {
                self.ticket = Some(ticket);
                self.queue(ticket, until, now)
            }
            Entry::Refused(refusal) => self.refused(refusal, PartKind::Bulkhead, now),
        }
    }

    /// The ticket was woken, its time ran out, or the driver just looks.
    pub(super) fn poll_ticket(&mut self, now: Tick) -> Step {
        let (Some(ticket), Some(bulkhead)) = (self.ticket, &self.live.parts.bulkhead) else {
            return self.pending;
        };
        match bulkhead.poll(ticket, cx!(self, now)) {
            Poll::Admitted(slot) => {
                self.ticket = None;
                self.held.slot = Some(slot);
                match self.past_deadline(now) {
                    Some(deadline) => self.out_of_time(deadline, now),
                    None => self.run(now),
                }
            }
            Poll::Waiting { until } => match self.past_deadline(now) {
                Some(deadline) => self.out_of_time(deadline, now),
                None => self.queue(ticket, until, now),
            },
            Poll::Refused(refusal) => {
                self.ticket = None;
                self.refused(refusal, PartKind::Bulkhead, now)
            }
        }
    }

    fn queue(&mut self, ticket: u64, until: Option<Tick>, now: Tick) -> Step {
        let look = self.policy.next_look(self.looks, now);
        self.looks = self.looks.saturating_add(1);
        let end = until.into_iter().chain(self.deadline.map(|deadline| deadline.at)).chain(look).min();
        let span = end.map(|at| now.until(at));
        self.move_to(Phase::Queued, Step::Queue { ticket, span })
    }

    /// The breaker's permit and the attempt's limit; then the user's function.
    fn run(&mut self, now: Tick) -> Step {
        if let Some(breaker) = &self.live.parts.breaker {
            match breaker.acquire(cx!(self, now)) {
                Ok(permit) => self.held.permit = Some(permit),
                Err(refusal) => return self.refused(refusal, PartKind::Breaker, now),
            }
        }
        self.attempt += 1;
        self.attempt_started = now;
        self.limit = self.attempt_limit(now);
        let mode = self.live.config.timeout.as_ref().and_then(|timeout| timeout.mode);
        let limit = self.limit.map(|limit| limit.span);
        self.move_to(Phase::Running, Step::Run { attempt: self.attempt, limit, mode })
    }

    pub(super) fn attempt_limit(&mut self, now: Tick) -> Option<Limit> {
        let fixed = self.live.config.timeout.as_ref().and_then(|timeout| timeout.attempt);
        let own = match (fixed, self.live.parts.adaptive()) {
            (Some(fixed), Some(adaptive)) => Some(adaptive.limit(fixed, cx!(self, now))),
            (fixed, _) => fixed,
        };
        let left = self.deadline.map(|deadline| now.until(deadline.at));
        match (own, left) {
            (Some(own), Some(left)) if left < own => Some(Limit { span: left, is_deadline: true }),
            (Some(own), _) => Some(Limit { span: own, is_deadline: false }),
            (None, Some(left)) => Some(Limit { span: left, is_deadline: true }),
            (None, None) => None,
        }
    }

    fn reserve_costs(&mut self, now: Tick) -> Result<(), Refusal> {
        let estimate = std::mem::take(&mut self.options.estimate);
        let mut result = Ok(());
        for index in 0..self.live.parts.costs().len() {
            let cost = &self.live.parts.costs()[index];
            match cost.reserve(&estimate, cx!(self, now)) {
                Ok(reservation) => self.held.reserved.push((index, reservation)),
                Err(refusal) => {
                    result = Err(refusal);
                    break;
                }
            }
        }
        self.options.estimate = estimate;
        result
    }

    /// A part refused: what the parts before it took goes back, and the call ends, falls back, or,
    /// where the policy says so, tries again later.
    fn refused(&mut self, refusal: Refusal, part: PartKind, now: Tick) -> Step {
        self.give_back(now);
        self.policy.metrics().refused(refusal.code);
        if matches!(part, PartKind::Call | PartKind::Cost) {
            self.notes.push(Note { reason: refusal.code.as_str(), ..Note::new(EventKind::Rejected, part, now) });
        }
        let retry_refused = self.live.config.retry.as_ref().is_some_and(|retry| retry.retry_refused);
        if retry_refused && let Some(step) = self.retry_after_refusal(&refusal, now) {
            return step;
        }
        self.refusal = Some(refusal);
        self.stop = self.live.config.retry.is_some().then_some(Stop::Refused);
        // Only a call whose first attempt was refused ends with the refusal.
        match self.last {
            None => self.end(Verdict::Refused, Some(Outcome::Refused), now),
            Some(last) => self.end_with_last(last, now),
        }
    }

    /// What was taken for an attempt that will not run.
    pub(super) fn give_back(&mut self, now: Tick) {
        for (index, reservation) in std::mem::take(&mut self.held.reserved) {
            self.live.parts.costs()[index].give_back(reservation, cx!(self, now));
        }
        self.leave_bulkhead(now);
        if let Some(permit) = self.held.permit.take() {
            self.record(permit, Outcome::Cancelled, Span::ZERO, None, now);
        }
        self.end_retry(now);
    }

    pub(super) fn leave_bulkhead(&mut self, now: Tick) {
        let Some(bulkhead) = &self.live.parts.bulkhead else { return };
        if let Some(ticket) = self.ticket.take() {
            let wakes = bulkhead.cancel(ticket, cx!(self, now));
            self.wakes.extend(wakes);
        }
        if let Some(slot) = self.held.slot.take() {
            let wakes = bulkhead.leave_held(slot, cx!(self, now));
            self.wakes.extend(wakes);
        }
    }

    pub(super) fn end_retry(&mut self, now: Tick) {
        if let (Some(cost), Some(budget)) = (self.retry_cost.take(), self.live.parts.budget()) {
            budget.retry_end(cost, cx!(self, now));
        }
    }

    pub(super) fn record(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        took: Span,
        hint: Option<crate::outcome::Hint>,
        now: Tick,
    ) {
        if let Some(breaker) = &self.live.parts.breaker {
            breaker.record_on(self.options.shard, permit, outcome, took, hint, cx!(self, now));
        }
    }

    /// The call's deadline has come.
    pub(super) fn out_of_time(&mut self, deadline: super::Deadline, now: Tick) -> Step {
        self.give_back(now);
        self.stop = self.live.config.retry.is_some().then_some(Stop::Deadline);
        self.refusal = Some(Call::timed_refusal(Code::DeadlineExceeded, deadline.span));
        self.notes.push(Note {
            span: deadline.span,
            reason: "deadline",
            count: u64::from(self.attempt),
            ..Note::new(EventKind::TimedOut, PartKind::Timeout, now)
        });
        self.policy.metrics().timed_out(true);
        self.end(Verdict::DeadlineExceeded, Some(Outcome::Timeout), now)
    }
}
