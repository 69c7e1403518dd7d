//! A call that failed while the circuit is closed, where that takes no clock.

use super::layout::{FAILURES, OTHER_FAILURES, STREAK_FIRST, STREAK_SUM};
use super::tally::TALLY;
use super::word::Word;
use super::{Breaker, State, Untimed};
use crate::config::Window;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::sync::Ordering;

impl Breaker {
    /// A failure that was not slow, on the line of the calling thread: the usual ways of
    /// [`Breaker::record_untimed`], without those it takes for other outcomes.
    #[inline(always)]
    pub(crate) fn fail_untimed(&self, permit: Permit, outcome: Outcome) -> Untimed {
        let word = self.word();
        let same = word.gate() >> 1 == permit.0 as u32 >> 1 && word.is(State::Closed);
        if !same || !matches!(outcome, Outcome::Failure | Outcome::Timeout) {
            return Untimed::NotCounted;
        }
        let opens = match self.config.window {
            Window::Time { .. } => return Untimed::NotCounted,
            Window::Consecutive { failures } => {
                self.add(self.cell.writer(), OTHER_FAILURES);
                self.extend_streak(word) >= failures
            }
            Window::Count { size } => self.fail_logged(word, u64::from(size), false),
        };
        if opens { Untimed::Opens(word) } else { Untimed::Counted }
    }

    /// Enters a failure in a count window; whether the circuit opens by it.
    #[inline(always)]
    pub(super) fn fail_logged(&self, word: Word, size: u64, slow: bool) -> bool {
        let index = self.log_failure(slow);
        let spared = word.pass() && self.is_spared(word, index);
        !spared && self.is_due(word, size, true)
    }

    /// A driver has entered a failure in the log: the word to be judged if it opens the circuit.
    pub(crate) fn entered(&self, permit: Permit) -> Option<Word> {
        let (word, Window::Count { size }) = (self.word(), self.config.window) else { return None };
        let counts = matches!(word.state(), State::Closed | State::MetricsOnly);
        let now = counts && word.gate() >> 1 == permit.0 as u32 >> 1;
        (now && self.is_due(word, u64::from(size), true)).then_some(word)
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
    fn log_failure(&self, slow: bool) -> u64 {
        // The tallies are read before the index is taken: a stopped thread must not make a young
        // entry at an old index.
        let tallied = self.sum(TALLY);
        let number = |index: u64| tallied.wrapping_add(index).wrapping_add(1);
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
        let (sum, first) = (self.cell.word(STREAK_SUM), self.cell.word(STREAK_FIRST));
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
        self.change_word(seen, |word| word.with_streak(word.streak() + 1).with_pass(false)).streak()
    }
}
