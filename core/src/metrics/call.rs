//! What the calls of one policy came to. Written off the pass path only.

use super::errors::Errors;
use crate::call::Verdict;
use crate::cell::{LINE, Writer, Writers, known_slot, slot, slot_below};
use crate::config::FallbackStep;
use crate::error::Code;
use crate::outcome::Outcome;
use crate::retry::Stop;
use crate::sync::{AtomicU64, OnceLock, Ordering};
use crate::time::Span;
use std::collections::BTreeMap;

/// Attempts 1 to 5 have a count of their own, the rest share one.
pub(crate) const ATTEMPTS: usize = 6;
/// Upper ends of the histogram of durations, in seconds.
pub(crate) const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
// Words of a writer's lines: calls by verdict, attempts by outcome, early refusals, and calls that ended at once, by an
// outcome that is no success: each is a call that settled and an attempt.
const VERDICTS: usize = 0;
const ATTEMPTS_BY_OUTCOME: usize = VERDICTS + Verdict::ALL.len();
const EARLY: usize = ATTEMPTS_BY_OUTCOME + Outcome::ALL.len();
const ENDS: usize = (ended(Outcome::ALL[Outcome::ALL.len() - 1]) + 1).next_multiple_of(LINE);

/// Success, which there is none of, would have the word before them.
#[inline(always)]
const fn ended(outcome: Outcome) -> usize {
    EARLY + outcome as usize
}

/// The lines of one writer.
#[cfg_attr(not(loom), repr(align(64)))]
#[derive(Default)]
struct Ends([AtomicU64; ENDS]);

#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        // Relaxed: a total that nothing is decided by.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct Histogram {
    pub buckets: [Counter; SECONDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    fn add(&self, span: Span) {
        let seconds = span.as_secs_f64();
        let bucket = SECONDS.iter().position(|end| seconds <= *end).unwrap_or(SECONDS.len());
        self.buckets[bucket].add();
        self.nanos.fetch_add(span.0, Ordering::Relaxed);
    }
    pub(crate) fn sum(&self) -> Span {
        Span(self.nanos.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
pub(crate) struct CallMetrics {
    pub retries: [Counter; ATTEMPTS],
    pub exhausted: [Counter; Stop::ALL.len() + 1],
    pub success_after_retry: Counter,
    pub budget_denied: Counter,
    pub attempt_timeouts: Counter,
    pub deadlines: Counter,
    pub slow: Counter,
    pub fallbacks: [Counter; FallbackStep::ALL.len()],
    pub cache_hits: Counter,
    pub cache_misses: Counter,
    /// In the order of [`Code::ALL`].
    refusals: [Counter; Code::ALL.len()],
    pub errors: Errors,
    /// How calls and attempts ended, on lines of their writers; made with the first one.
    ends: OnceLock<Box<[Ends; Writers::HEAP.lines()]>>,
    pub retry_delay: Histogram,
    pub timed: Histogram,
}

impl CallMetrics {
    pub(crate) fn finished(&self, verdict: Verdict) {
        self.add(VERDICTS + verdict as usize);
    }
    pub(crate) fn attempted(&self, outcome: Outcome, error_type: Option<&str>) {
        self.add(ATTEMPTS_BY_OUTCOME + outcome as usize);
        if let Some(name) = error_type {
            self.error(outcome, name);
        }
    }
    /// An attempt ended with an error of the class `name`.
    pub(crate) fn error(&self, outcome: Outcome, name: &str) {
        self.errors.add(outcome, name);
    }
    /// A call that needed no stepper did not succeed.
    #[inline(always)]
    pub(crate) fn ended_at_once(&self, outcome: Outcome) {
        self.add(ended(outcome));
    }
    /// The same by a thread that has counted before; `false`: nothing is counted.
    #[inline(always)]
    pub(crate) fn ended_quickly(&self, outcome: Outcome) -> bool {
        let Some(ends) = self.ends.get() else { return false };
        // Relaxed, both: nothing is decided by it.
        if let Some(line) = slot_below(Writers::HEAP.own) {
            Writer { line, alone: true }.add_one(&ends[line].0[ended(outcome)], Ordering::Relaxed);
            return true;
        }
        let Some(slot) = known_slot() else { return false };
        let writer = Writers::HEAP.of_slot(slot);
        writer.add_one(&ends[writer.line].0[ended(outcome)], Ordering::Relaxed);
        true
    }
    pub(crate) fn retrying(&self, attempt: u32, delay: Span) {
        self.retries[(attempt as usize).clamp(1, ATTEMPTS) - 1].add();
        self.retry_delay.add(delay);
    }
    pub(crate) fn exhausted(&self, stop: Stop) {
        self.exhausted[stop as usize].add();
    }
    pub(crate) fn success_after_retry(&self) {
        self.success_after_retry.add();
    }
    pub(crate) fn budget_denied(&self) {
        self.budget_denied.add();
    }
    pub(crate) fn refused(&self, code: Code) {
        let place = Code::ALL.iter().position(|known| *known == code);
        self.refusals[place.unwrap_or_default()].add();
    }
    /// An open circuit refused at once.
    #[inline]
    pub(crate) fn refused_early(&self) {
        self.add(EARLY);
    }
    /// How many calls ended with `verdict`.
    pub(crate) fn verdict(&self, verdict: Verdict) -> u64 {
        let early = if verdict == Verdict::Refused { self.sum(EARLY) } else { 0 };
        let ended = if verdict == Verdict::Settle { Outcome::ALL.into_iter().map(|o| self.ended(o)).sum() } else { 0 };
        self.sum(VERDICTS + verdict as usize) + early + ended
    }
    /// How many attempts ended with `outcome`.
    pub(crate) fn attempts(&self, outcome: Outcome) -> u64 {
        self.sum(ATTEMPTS_BY_OUTCOME + outcome as usize) + self.ended(outcome)
    }
    /// Calls whose first attempt was their end, with `outcome`.
    fn ended(&self, outcome: Outcome) -> u64 {
        let here = if outcome == Outcome::Success { 0 } else { self.sum(ended(outcome)) };
        here + self.errors.ended_with(outcome)
    }
    /// Refusals by their code.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let counts = Code::ALL.iter().zip(&self.refusals).map(|(code, count)| (code.as_str(), count.get()));
        let mut refusals: BTreeMap<&'static str, u64> = counts.filter(|(_, count)| *count > 0).collect();
        let early = self.sum(EARLY);
        if early > 0 {
            *refusals.entry(Code::CircuitOpen.as_str()).or_default() += early;
        }
        refusals
    }

    #[inline]
    fn add(&self, column: usize) {
        let ends = self.ends.get_or_init(Box::default);
        let writer = Writers::HEAP.of_slot(slot());
        // Relaxed: a total that nothing is decided by.
        writer.add_one(&ends[writer.line].0[column], Ordering::Relaxed);
    }
    fn sum(&self, column: usize) -> u64 {
        let Some(ends) = self.ends.get() else { return 0 };
        ends.iter().map(|line| line.0[column].load(Ordering::Relaxed)).sum()
    }
    pub(crate) fn timed_out(&self, whole_call: bool) {
        if whole_call { &self.deadlines } else { &self.attempt_timeouts }.add();
    }
    pub(crate) fn took(&self, span: Span) {
        self.timed.add(span);
    }
    pub(crate) fn slow(&self) {
        self.slow.add();
    }
    pub(crate) fn fell_back(&self, step: FallbackStep) {
        self.fallbacks[step as usize].add();
    }
    pub(crate) fn looked_up(&self, hit: bool) {
        if hit { &self.cache_hits } else { &self.cache_misses }.add();
    }
}
