//! Looking at a breaker without touching it.

use super::layout::{
    CANCELLED, IGNORED, KEPT_CALLS, KEPT_FAILURES, KEPT_SLOW, KEPT_STREAK, LAST, LAST_AT, OTHER_SUCCESS,
    PROBE_FAILURES, RECLAIMED, REJECTED, REJECTED_BEFORE, SLOW_TOTAL, STALE, TRANSITIONS,
};
use super::tally::TALLY;
use super::transition::Reason;
use super::word::Word;
use super::{Breaker, State};
use crate::config::Window;
use crate::cx::Cx;
use crate::sync::Ordering;
use crate::time::{Span, Tick};
use crate::window::Counts;

/// A breaker at one instant.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct BreakerSnapshot {
    /// What the circuit is doing.
    pub state: State,
    /// Rises with every change of state, and with a reset.
    pub generation: u32,
    /// Results in the window shown: the current one, while open the one that tripped, in half-open
    /// those of the probes.
    pub calls: u64,
    /// Of [`Self::calls`], those that succeeded, slow ones included.
    pub successes: u64,
    /// Of [`Self::calls`], those that failed.
    pub failures: u64,
    /// Of [`Self::calls`], those that were slow.
    pub slow: u64,
    /// Failures since the last success; while open, what it was then.
    pub consecutive_failures: u64,
    /// `None` below the minimum that applies to the results shown.
    pub failure_rate: Option<f64>,
    /// The share of slow calls; `None` as for [`Self::failure_rate`].
    pub slow_rate: Option<f64>,
    /// Probes that may still be sent, in half-open.
    pub permits_left: Option<u64>,
    /// Re-openings since the circuit was last closed.
    pub step: u32,
    /// The time left until a probe is let through, while open.
    pub open_remaining: Option<Span>,
    /// When a rejected caller may try again; `None` where nobody is rejected, or nobody knows.
    pub retry_after: Option<Span>,
    /// Rejections since the state was entered.
    pub not_permitted: u64,
    /// Counted since the breaker was made.
    pub totals: Totals,
    /// The latest change of state, if there was one.
    pub last_transition: Option<LastTransition>,
    /// A transition is due that nobody has applied yet.
    pub due: bool,
}

/// Counted since the breaker was made; no state change resets them.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Successful calls, slow ones included.
    pub success: u64,
    /// Failed calls.
    pub failure: u64,
    /// Calls longer than `slow_call.longer_than`.
    pub slow: u64,
    /// Calls that said nothing about the dependency.
    pub ignored: u64,
    /// Calls that their caller gave up, and permits dropped without a report.
    pub cancelled: u64,
    /// Reports of another generation, and second reports: they decided nothing.
    pub stale: u64,
    /// Calls that were not let through.
    pub rejected: u64,
    /// Probes whose lease ended without a report.
    pub reclaimed: u64,
    /// Changes of state.
    pub transitions: u64,
}

/// A change of state.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LastTransition {
    /// The state it left.
    pub from: State,
    /// The state it entered.
    pub to: State,
    /// Why.
    pub reason: Reason,
    /// When, on the registry's clock.
    pub at: Tick,
}

impl Breaker {
    /// Applies a transition that is due, then looks.
    pub fn snapshot(&self, cx: &mut Cx) -> BreakerSnapshot {
        self.help(cx);
        self.peek(cx.now)
    }

    /// Looks, and changes nothing.
    pub fn peek(&self, now: Tick) -> BreakerSnapshot {
        let word = self.word();
        let state = word.state();
        let counts = self.shown_counts(word, now).plausible();
        let (failure_rate, slow_rate) = self.rates(word, counts);
        let probing = state == State::HalfOpen;
        BreakerSnapshot {
            state,
            generation: word.generation(),
            calls: counts.all(),
            successes: counts.all().saturating_sub(counts.failures),
            failures: counts.failures,
            slow: counts.slow,
            consecutive_failures: match state {
                State::Open => self.total(KEPT_STREAK),
                _ => self.streak(word),
            },
            failure_rate,
            slow_rate,
            permits_left: probing.then(|| self.probes_left(word.generation(), now)),
            step: word.step(),
            open_remaining: (state == State::Open).then(|| now.until(self.deadline(word))),
            retry_after: self.retry_after(word, now),
            not_permitted: self.sum(REJECTED).saturating_sub(self.total(REJECTED_BEFORE)),
            totals: self.totals(),
            last_transition: self.last_transition(),
            due: self.due(word, now).is_some(),
        }
    }

    /// The results that a snapshot of this state shows.
    pub(super) fn shown_counts(&self, word: Word, now: Tick) -> Counts {
        match word.state() {
            State::Closed | State::MetricsOnly => self.window_counts(word, now),
            State::HalfOpen => self.probes(word.generation(), now).results,
            State::Open => Counts {
                calls: self.total(KEPT_CALLS),
                failures: self.total(KEPT_FAILURES),
                slow: self.total(KEPT_SLOW),
                maybe: 0,
            },
            State::ForcedOpen | State::Disabled => Counts::default(),
        }
    }

    fn rates(&self, word: Word, counts: Counts) -> (Option<f64>, Option<f64>) {
        let half_open = &self.config.half_open;
        let minimum = match (word.state(), &self.config.window) {
            (_, Window::Consecutive { .. }) => return (None, None),
            (State::HalfOpen, _) => self.config.minimum_calls.min(half_open.permits),
            // A re-opened circuit shows its probes, and those had a minimum of their own.
            (State::Open, _) if word.step() > 0 => self.config.minimum_calls.min(half_open.permits),
            _ => self.config.minimum_calls,
        };
        if counts.calls < u64::from(minimum.max(1)) {
            return (None, None);
        }
        let rate = |part: u64| Some(part as f64 / counts.all() as f64);
        (rate(counts.failures), rate(counts.slow))
    }

    /// When a rejected caller may come back.
    pub(super) fn retry_after(&self, word: Word, now: Tick) -> Option<Span> {
        match word.state() {
            State::Open => Some(now.until(self.deadline(word))),
            State::HalfOpen => {
                let lease = self.probes(word.generation(), now).earliest_end;
                let wait = self.config.half_open.max_wait.map(|_| now.until(self.deadline(word)));
                let soonest = lease.into_iter().chain(wait).min().unwrap_or(self.config.open_for.base);
                Some(soonest.min(self.config.open_for.base))
            }
            _ => None,
        }
    }

    fn totals(&self) -> Totals {
        Totals {
            success: self.sum(TALLY).wrapping_add(self.sum(OTHER_SUCCESS)),
            failure: self.failures().wrapping_add(self.total(PROBE_FAILURES)),
            slow: self.total(SLOW_TOTAL),
            ignored: self.total(IGNORED),
            cancelled: self.total(CANCELLED),
            stale: self.total(STALE),
            rejected: self.sum(REJECTED),
            reclaimed: self.total(RECLAIMED),
            transitions: self.total(TRANSITIONS),
        }
    }

    fn last_transition(&self) -> Option<LastTransition> {
        let last = self.total(LAST);
        let reason = Reason::from_u8(last as u8);
        if reason == Reason::None {
            return None;
        }
        let state = |shift: u32| State::from_u8((last >> shift) as u8).unwrap_or(State::Closed);
        Some(LastTransition { from: state(8), to: state(16), reason, at: Tick(self.total(LAST_AT)) })
    }

    fn total(&self, word: usize) -> u64 {
        // Acquire: only to show; each word stands for itself.
        self.cell.word(word).load(Ordering::Acquire)
    }
}
