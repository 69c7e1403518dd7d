//! A call that failed while the circuit is closed, where that takes no clock.

use super::layout::{CREDIT, FAILURES, OTHER_FAILURES, STREAK_FIRST, STREAK_SUM};
use super::tally::TALLY;
use super::word::Word;
use super::{Breaker, Failed, State};
use crate::config::Window;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::sync::Ordering;

impl Breaker {
    /// A failure that was not slow, on the line of the calling thread: the usual ways of
    /// [`Breaker::record_untimed`], as far as they call nothing.
    #[inline(always)]
    pub(crate) fn fail_untimed(&self, permit: Permit, outcome: Outcome) -> Failed {
        let Some(word) = self.fails_now(permit, outcome) else { return Failed::NotCounted };
        // As the settings say, but they lie elsewhere.
        if self.layout.counts_calls() {
            return Failed::counted(self.enter_failure(word, self.sum_here(TALLY), false));
        }
        let Window::Consecutive { failures } = self.config.window else { return Failed::NotCounted };
        let Some(writer) = self.cell.known_writer() else { return Failed::NotCounted };
        self.add(writer, OTHER_FAILURES);
        Failed::counted(self.extend_streak(word) >= failures)
    }

    /// The state word, if a failure under `permit` counts in it.
    #[inline(always)]
    pub(super) fn fails_now(&self, permit: Permit, outcome: Outcome) -> Option<Word> {
        let word = self.word();
        let same = word.gate() >> 1 == permit.0 as u32 >> 1 && word.is(State::Closed);
        (same && matches!(outcome, Outcome::Failure | Outcome::Timeout)).then_some(word)
    }

    /// Enters a failure in a count window of so many successes on its tallies; whether it is to be judged.
    #[inline(always)]
    fn enter_failure(&self, word: Word, tallied: u64, slow: bool) -> bool {
        // Found before anything is read, as in the log.
        let credit = self.cell.word(CREDIT);
        let index = self.log_failure(tallied, slow);
        !(word.pass() && self.is_spared(credit, word, index))
    }

    /// Enters a failure in a count window; whether the circuit opens by it.
    #[inline(always)]
    pub(super) fn fail_logged(&self, word: Word, size: u64, slow: bool) -> bool {
        self.enter_failure(word, self.sum(TALLY), slow) && self.is_due(word, size, true)
    }

    /// A failure under `permit` has been counted: the word to be judged if it opens the circuit, or if only the
    /// time says whether it does.
    pub(crate) fn entered(&self, permit: Permit) -> Option<Word> {
        let word = self.word();
        let counts = matches!(word.state(), State::Closed | State::MetricsOnly);
        if !counts || word.gate() >> 1 != permit.0 as u32 >> 1 {
            return None;
        }
        let opens = match self.config.window {
            Window::Time { .. } => true,
            Window::Consecutive { failures } => word.streak() >= failures,
            Window::Count { size } => self.is_due(word, u64::from(size), true),
        };
        opens.then_some(word)
    }

    /// Whether a count window opens the circuit. If not, its gate is set as it allows, and after a
    /// failure the next ones may be spared.
    #[inline(never)]
    pub(super) fn is_due(&self, word: Word, size: u64, failed: bool) -> bool {
        let opens = self.count_verdict(word, size).is_some();
        if !opens {
            self.open_gate(word);
            if failed {
                self.spare_failures(word, size);
            }
        }
        opens
    }

    #[inline(always)]
    fn log_failure(&self, tallied: u64, slow: bool) -> u64 {
        // The tallies were read before the index is taken: a stopped thread must not make a young
        // entry at an old index.
        let number = |index: u64| tallied.wrapping_add(index).wrapping_add(1);
        let (sum, first) = (self.cell.word(STREAK_SUM), self.cell.word(STREAK_FIRST));
        let index = match self.failure_log() {
            Some(log) => log.enter(&self.cell, number),
            None => self.cell.word(FAILURES).fetch_add(1, Ordering::AcqRel),
        };
        if slow {
            self.log_slow(number(index));
        }
        let streak = tallied.wrapping_add(1);
        // A streak that no verdict asks for: a new one where a success came in between. Relaxed: it is
        // only shown.
        if sum.load(Ordering::Relaxed) != streak {
            first.store(index, Ordering::Relaxed);
            sum.store(streak, Ordering::Relaxed);
        }
        index
    }

    /// One failure more in a row; how many there are. While a streak runs it must hear of the success
    /// that ends it.
    #[inline(always)]
    pub(super) fn extend_streak(&self, seen: Word) -> u32 {
        let longer = |word: Word| word.with_streak(word.streak() + 1).with_pass(false);
        let next = longer(seen);
        if self.swap_word(seen, next) { next.streak() } else { self.change_word(seen, longer).streak() }
    }
}
