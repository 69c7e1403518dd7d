//! The stepper: one call through a composed policy.
//!
//! A [`Call`] is a state machine. The driver asks [`Call::start`], does what the [`Step`] says,
//! reports, and gets the next one until [`Step::Finish`]. All order between the parts lives here:
//! fallback and cache, then the deadline, the cost check, retries, and for each attempt the open
//! circuit, the cost reservation, the bulkhead, the breaker's permit and the attempt's limit.
//!
//! `admit.rs` takes what an attempt needs, `settle.rs` gives it back and judges, `rescue.rs` is the
//! fallback chain, `asked.rs` what a driver may ask at any time.

mod admit;
mod asked;
mod rescue;
mod settle;
mod step;

pub use step::{CallOptions, Step, Verdict};

use crate::budget::Cost;
use crate::bulkhead::{Bulkhead, Wakes};
use crate::cost::Reservation;
use crate::error::{Code, Refusal};
use crate::event::Note;
use crate::outcome::{Hint, Outcome};
use crate::pass::Pass;
use crate::permit::Permit;
use crate::policy::{Live, Policy};
use crate::retry::{Schedule, Stop};
use crate::sync::{Arc, Link};
use crate::time::{Span, Tick};

/// The surroundings of a decision within a call. A macro, because a part is borrowed from the call
/// while its notes are written: a method would borrow all of it.
macro_rules! cx {
    ($call:ident, $now:expr) => {
        &mut crate::cx::Cx { now: $now, rng: $call.policy.registry().rng(), notes: &mut $call.notes }
    };
}
use cx;

/// Where a call stands: what it waits for its driver to report.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Phase {
    New,
    /// Looking for a fresh value before the first attempt.
    FirstLookUp,
    Running,
    Waiting,
    Queued,
    /// In the fallback chain, at this link.
    Rescue(usize),
    Done,
}

/// The end of the call's time, and who set it.
#[derive(Copy, Clone, Debug)]
struct Deadline {
    at: Tick,
    span: Span,
    /// The caller's own: an attempt that hits it may be no fault of the dependency.
    inherited: bool,
}

/// The limit that an attempt runs under.
#[derive(Copy, Clone, PartialEq, Debug)]
struct Limit {
    span: Span,
    /// What is left to the call's deadline, rather than the attempt's own limit.
    is_deadline: bool,
}

/// What an attempt holds while it runs.
#[derive(Default)]
struct Held {
    permit: Option<Permit>,
    slot: Option<Permit>,
    reserved: Vec<(usize, Reservation)>,
}

/// One call through a policy. Dropping it unfinished reports the caller as gone.
pub struct Call {
    policy: Policy,
    live: Arc<Link<Live>>,
    options: CallOptions,
    phase: Phase,
    /// Answered again when a report comes out of order.
    pending: Step,
    started: Tick,
    deadline: Option<Deadline>,
    attempt: u32,
    attempt_started: Tick,
    limit: Option<Limit>,
    held: Held,
    ticket: Option<u64>,
    /// Of which process it is, as forks are counted.
    forks: usize,
    /// How often it was looked for a place among those of other processes.
    looks: u32,
    schedule: Option<Schedule>,
    /// Paid for the retry that runs, and for the last one that was made.
    retry_cost: Option<Cost>,
    last_cost: Option<Cost>,
    budget_begun: bool,
    actual: Option<Vec<(String, u64)>>,
    error_type: Option<Box<str>>,
    last: Option<Outcome>,
    stop: Option<Stop>,
    refusal: Option<Refusal>,
    /// How the call ends unless the fallback chain has something better.
    primary: Verdict,
    bypass: bool,
    /// The value has begun to come out: no further attempt, no fallback, no limit on the rest.
    committed: bool,
    /// There is no further attempt, though a fallback may answer.
    once: bool,
    slow: Option<Span>,
    wakes: Wakes,
    notes: Vec<Note>,
    ended: Tick,
}

impl Call {
    pub(crate) fn new(policy: Policy, options: CallOptions) -> Call {
        let live = policy.keep_live(policy.asked());
        let bypass = !live.enabled;
        Call::under(policy, live, bypass, options)
    }

    fn under(policy: Policy, live: Arc<Link<Live>>, bypass: bool, options: CallOptions) -> Call {
        Call {
            policy,
            live,
            options,
            phase: Phase::New,
            pending: Step::Finish(Verdict::Settle),
            started: Tick::ZERO,
            deadline: None,
            attempt: 0,
            attempt_started: Tick::ZERO,
            limit: None,
            held: Held::default(),
            ticket: None,
            forks: crate::fork::count(),
            looks: 0,
            schedule: None,
            retry_cost: None,
            last_cost: None,
            budget_begun: false,
            actual: None,
            error_type: None,
            last: None,
            stop: None,
            refusal: None,
            primary: Verdict::Settle,
            bypass,
            committed: false,
            once: false,
            slow: None,
            wakes: Wakes::new(),
            notes: Vec::new(),
            ended: Tick::ZERO,
        }
    }

    /// A call whose first attempt already runs under `pass`; `placed` with a place in the bulkhead
    /// where `live` has one.
    pub(crate) fn running_under(
        policy: Policy,
        live: Arc<Link<Live>>,
        pass: Pass,
        placed: bool,
        options: CallOptions,
    ) -> Call {
        let mut call = Call::under(policy, live, false, options);
        call.started = pass.began().unwrap_or_else(|| call.policy.registry().clock().now());
        call.attempt_started = call.started;
        call.deadline = call.first_deadline(call.started);
        call.attempt = 1;
        call.held.permit = call.live.parts.breaker.is_some().then_some(Permit(pass.permit));
        call.held.slot = (placed && call.live.parts.bulkhead.is_some()).then_some(Bulkhead::UNNAMED);
        call.phase = Phase::Running;
        call.limit = if call.live.limited { call.attempt_limit(call.started) } else { None };
        call.pending = Step::Run { attempt: 1, limit: call.limit.map(|limit| limit.span), mode: None };
        call
    }

    /// The first step.
    pub fn start(&mut self) -> Step {
        self.report(Phase::New, |call, now| {
            call.started = now;
            if call.bypass {
                call.attempt = 1;
                return call.move_to(Phase::Running, Step::Run { attempt: 1, limit: None, mode: None });
            }
            call.deadline = call.first_deadline(now);
            if call.options.cached && call.live.config.cache.as_ref().is_some_and(|cache| cache.first) {
                return call.move_to(Phase::FirstLookUp, Step::LookUp { stale: false });
            }
            call.begin(now)
        })
    }

    /// Attempt number `attempt` ended. A value or error that comes later than the attempt's limit
    /// is judged a timeout, whatever `outcome` says.
    pub fn done(&mut self, attempt: u32, outcome: Outcome, hint: Option<Hint>) -> Step {
        if attempt != self.attempt {
            return self.pending;
        }
        self.report(Phase::Running, |call, now| {
            if call.bypass {
                return call.finish(Verdict::Settle, now);
            }
            let late = call.limit.is_some_and(|limit| now.since(call.attempt_started) > limit.span);
            if late && !matches!(outcome, Outcome::Cancelled) {
                return call.run_out(now);
            }
            call.settle(outcome, hint, now)
        })
    }

    /// The limit of the running attempt is over and its work was stopped or left behind.
    pub fn expire(&mut self, attempt: u32) -> Step {
        if attempt != self.attempt {
            return self.pending;
        }
        self.report(Phase::Running, |call, now| match call.limit {
            Some(_) => call.run_out(now),
            None => call.settle(Outcome::Timeout, None, now),
        })
    }

    /// The wait is over, or the ticket was woken.
    pub fn woke(&mut self) -> Step {
        match self.phase {
            Phase::Waiting => self.report(Phase::Waiting, |call, now| call.admit(now)),
            _ => self.report(Phase::Queued, |call, now| call.poll_ticket(now)),
        }
    }

    /// The caller gave up; `by_deadline` if its own deadline had passed.
    pub fn cancelled(&mut self, by_deadline: bool) -> Step {
        if matches!(self.phase, Phase::Done) {
            return self.pending;
        }
        self.report(self.phase, |call, now| call.give_up(by_deadline, now))
    }

    /// The look-up in the host's cache found a value, or did not.
    pub fn looked_up(&mut self, hit: bool) -> Step {
        match self.phase {
            Phase::Rescue(link) => self.report(self.phase, |call, now| call.rescued(link, hit, now)),
            _ => self.report(Phase::FirstLookUp, |call, now| {
                call.policy.metrics().looked_up(hit);
                if hit { call.finish(Verdict::Cached, now) } else { call.begin(now) }
            }),
        }
    }

    /// The fallback link produced a value, or failed.
    pub fn fell_back(&mut self, ok: bool) -> Step {
        match self.phase {
            Phase::Rescue(link) => self.report(self.phase, |call, now| call.rescued(link, ok, now)),
            _ => self.pending,
        }
    }

    /// The first item of a stream is out, or a block has begun: from here on the attempt has no
    /// limit of its own and its end is the end of the call.
    pub fn commit(&mut self) {
        self.committed = true;
        self.unenforced();
    }

    /// The work cannot be repeated: whatever the running attempt gives, there is no further one.
    pub fn last_attempt(&mut self) {
        self.once = true;
    }

    /// The host cannot hold the running attempt to its own limit (blocking work, and nobody said how
    /// it is to end): whatever it gives counts, however late. The call's deadline holds.
    pub fn unenforced(&mut self) {
        if self.limit.is_some_and(|limit| !limit.is_deadline) {
            self.limit = None;
        }
    }

    /// Tickets of other callers that the last step admitted or refused: wake their holders.
    pub fn take_wakes(&mut self) -> Wakes {
        std::mem::take(&mut self.wakes)
    }

    /// Whether [`Call::take_wakes`] has any.
    pub fn has_wakes(&self) -> bool {
        !self.wakes.is_empty()
    }

    /// Names the class of the error that the next [`Call::done`] reports, for metrics.
    pub fn error_type(&mut self, name: &str) {
        self.error_type = Some(name.into());
    }

    /// What the running attempt really cost, said before [`Call::done`].
    pub fn settle_cost(&mut self, actual: &[(String, u64)]) {
        self.actual = Some(actual.to_vec());
    }

    /// In a forked child the call is the parent's: what it holds is given back there.
    fn let_parent_end(&mut self) {
        self.forks = crate::fork::count();
        self.held = Held::default();
        (self.ticket, self.retry_cost, self.budget_begun) = (None, None, false);
    }

    /// Runs `react` if the call stands at `expected`, publishes what happened, remembers the answer.
    fn report(&mut self, expected: Phase, react: impl FnOnce(&mut Call, Tick) -> Step) -> Step {
        if self.phase != expected || self.phase == Phase::Done {
            return self.pending;
        }
        if self.forks != crate::fork::count() {
            self.let_parent_end();
        }
        let now = self.policy.registry().clock().now();
        self.pending = react(self, now);
        self.wakes.extend(self.policy.registry().take_stranded());
        self.policy.publish(&mut self.notes);
        self.pending
    }

    fn move_to(&mut self, phase: Phase, step: Step) -> Step {
        self.phase = phase;
        step
    }

    fn finish(&mut self, verdict: Verdict, now: Tick) -> Step {
        if std::mem::take(&mut self.budget_begun)
            && let Some(budget) = self.live.parts.budget()
        {
            budget.end(cx!(self, now));
        }
        self.ended = now;
        if !self.bypass {
            self.policy.metrics().finished(verdict);
        }
        self.move_to(Phase::Done, Step::Finish(verdict))
    }

    fn first_deadline(&self, now: Tick) -> Option<Deadline> {
        let own = self.live.config.timeout.as_ref().and_then(|timeout| timeout.deadline);
        let own = own.map(|span| Deadline { at: now.after(span), span, inherited: false });
        let theirs = self.options.deadline.map(|span| Deadline { at: now.after(span), span, inherited: true });
        own.into_iter().chain(theirs).min_by_key(|deadline| deadline.at)
    }

    fn past_deadline(&self, now: Tick) -> Option<Deadline> {
        self.deadline.filter(|deadline| now >= deadline.at)
    }

    fn timed_refusal(code: Code, limit: Span) -> Refusal {
        Refusal { limit: limit.0, ..Refusal::new(code) }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !matches!(self.phase, Phase::New | Phase::Done) {
            self.cancelled(false);
            // Nobody is left to wake them: they look for themselves, at the latest when their time is up.
            self.policy.registry().strand(std::mem::take(&mut self.wakes));
        }
    }
}
