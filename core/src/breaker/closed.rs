//! Closed (and `metrics_only`): counting calls, and the verdict whether to open.

use super::layout::{
    EPOCH, FAILURES, ORIGIN, OTHER_FAILURES, OTHER_SUCCESS, ROUNDS, SLICE_WORDS, SLOW_TOTAL, SLOWS, STREAK_FIRST,
    STREAK_SUM,
};
use super::tally::TALLY;
use super::transition::Reason;
use super::word::Word;
use super::{Breaker, State};
use crate::cell::Writer;
use crate::config::Window;
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::Hint;
use crate::sync::Ordering;
use crate::time::{Span, Tick};
use crate::window::Counts;
use crate::window::count::Log;
use crate::window::time::{Column, Slice, Slices};

/// What the calls so far mean for the circuit.
enum Verdict {
    Open(Reason),
    /// Stay closed; whether the gate may say *pass*.
    Stay(bool),
}

impl Breaker {
    /// The word a state begins with: whether its gate may say *pass* at once.
    pub(super) fn first_word(&self, word: Word) -> Word {
        word.with_pass(word.state() == State::Closed && self.is_calm(Counts::default()))
    }

    /// Whether successes may go without a verdict while the window holds `counts`.
    fn is_calm(&self, counts: Counts) -> bool {
        let warm = counts.calls >= u64::from(self.config.minimum_calls);
        match self.config.window {
            Window::Consecutive { .. } => true,
            // Only rates have a warm-up; a success never makes k failures.
            Window::Count { .. } => warm || (self.config.failure_rate.is_none() && self.config.slow_call.is_none()),
            // Successes leave a time window without an event and the rate rises: only far from
            // every threshold may they go unseen for a while.
            Window::Time { .. } => {
                warm && self
                    .rules_reached(counts.failures.saturating_mul(2), counts.slow.saturating_mul(2), counts.all())
                    .is_none()
            }
        }
    }

    /// Counts a call where that takes no clock: not in a time window. Whether the circuit opens by it,
    /// which takes one: then [`Breaker::judge`].
    #[inline]
    pub(super) fn count_untimed(&self, writer: Writer, word: Word, failed: bool, slow: bool) -> Option<bool> {
        let opens = match self.config.window {
            Window::Time { .. } => return None,
            Window::Consecutive { failures } => {
                self.add(writer, if failed { OTHER_FAILURES } else { TALLY });
                let streak = if failed { self.extend_streak(word) } else { self.end_streak(word, failures) };
                streak >= failures
            }
            Window::Count { size } => {
                if failed {
                    self.fail_logged(word, u64::from(size), slow)
                } else {
                    self.log_success(writer, slow);
                    self.is_due(word, u64::from(size), false)
                }
            }
        };
        if slow {
            self.count(SLOW_TOTAL);
        }
        Some(opens)
    }

    fn log_success(&self, writer: Writer, slow: bool) {
        self.add(writer, TALLY);
        if slow {
            self.log_slow(self.call_number());
        }
    }

    /// Failures since the last success.
    pub(super) fn streak(&self, word: Word) -> u64 {
        // In a state that ends by itself the bits are its seal.
        let marked = if word.ends_by_itself() { 0 } else { u64::from(word.streak()) };
        let read = |word| self.cell.word(word).load(Ordering::Relaxed);
        let runs = match self.config.window {
            Window::Consecutive { .. } => return marked,
            Window::Count { .. } => read(STREAK_SUM) == self.sum(TALLY).wrapping_add(1),
            Window::Time { .. } => marked > 0,
        };
        if runs { read(FAILURES).saturating_sub(read(STREAK_FIRST)) } else { 0 }
    }

    /// In a new generation no streak runs.
    pub(super) fn forget_streak(&self) {
        self.cell.word(STREAK_SUM).store(0, Ordering::Relaxed);
    }

    /// A count window that is warm needs no verdict on successes.
    pub(super) fn open_gate(&self, seen: Word) {
        if seen.pass() || seen.state() != State::Closed {
            return;
        }
        let calls = self.calls_of(seen.generation(), self.call_number());
        if self.is_calm(Counts { calls, ..Counts::default() }) {
            self.change_word(seen, |word| word.with_pass(true));
        }
    }

    /// Counts a call of a time window.
    pub(super) fn count_timed(
        &self,
        writer: Writer,
        word: Word,
        (failed, slow): (bool, bool),
        hint: Option<Hint>,
        cx: &mut Cx,
    ) {
        let Some(slices) = self.slices() else { return };
        if !failed {
            self.add(writer, OTHER_SUCCESS);
        }
        let slice = self.enter_slice(slices, word, cx.now);
        if slow {
            slices.add(&self.cell, slice, Column::Slow, 1);
            self.count(SLOW_TOTAL);
        }
        if failed {
            if self.enter_failure_of(slices, slice, word) && word.state() == State::Closed {
                return;
            }
        } else {
            self.fold(writer, slices, slice, Column::Successes);
            slices.add(&self.cell, slice, Column::Successes, 1);
            self.grant(writer, slice);
            self.end_streak(word, u32::MAX);
        }
        self.judge(word, hint, cx);
    }

    pub(super) fn log_slow(&self, number: u64) {
        if let Some(log) = self.slow_log() {
            log.enter(&self.cell, |_| number);
        }
    }

    /// A success ends the streak, unless it has reached the limit: that one is judged, not ended.
    fn end_streak(&self, seen: Word, limit: u32) -> u32 {
        let timed = matches!(self.config.window, Window::Time { .. });
        self.change_word(seen, |word| match word.state() {
            State::Closed if word.streak() >= limit => word,
            // A window of time is judged before its gate opens.
            State::Closed if !timed => word.with_streak(0).with_pass(true),
            _ => word.with_streak(0),
        })
        .streak()
    }

    /// Changes the word within its generation, and returns it; a later generation is left alone, and
    /// its beginning returned.
    pub(super) fn change_word(&self, seen: Word, change: impl Fn(Word) -> Word) -> Word {
        let mut word = seen;
        loop {
            let next = change(word);
            if next == word || self.swap_word(word, next) {
                return next;
            }
            word = self.word();
            if word.generation() != seen.generation() {
                return Word::new(word.state(), word.generation());
            }
        }
    }

    /// The verdict after a recorded outcome: open, or set the gate as the window now allows.
    pub(crate) fn judge(&self, seen: Word, hint: Option<Hint>, cx: &mut Cx) {
        loop {
            let word = self.word();
            if word.generation() != seen.generation() {
                return;
            }
            match self.verdict(word, cx.now) {
                Verdict::Open(reason) if word.state() == State::MetricsOnly => return self.say_once(word, reason, cx),
                // Where only the gate has changed meanwhile, nobody else need come to trip it: judge again.
                Verdict::Open(reason) => self.trip(word, reason, hint, cx),
                Verdict::Stay(pass) if word.state() == State::Closed => {
                    self.change_word(word, |word| word.with_pass(pass && word.streak() == 0));
                    return;
                }
                Verdict::Stay(_) => return,
            }
        }
    }

    /// In `metrics_only`: that the circuit would have opened, once per generation.
    fn say_once(&self, word: Word, reason: Reason, cx: &mut Cx) {
        if !word.told() && self.swap_word(word, word.with_told()) {
            let state = State::MetricsOnly.as_str();
            let note = Note::new(EventKind::Opened, PartKind::Breaker, cx.now);
            cx.note(Note { from: state, to: state, reason: reason.as_str(), ..note });
        }
    }

    fn verdict(&self, word: Word, now: Tick) -> Verdict {
        let reason = match self.config.window {
            Window::Consecutive { failures } => (word.streak() >= failures).then_some(Reason::Consecutive),
            Window::Count { size } => self.count_verdict(word, u64::from(size)),
            Window::Time { .. } => return self.time_verdict(word, now),
        };
        match reason {
            Some(reason) => Verdict::Open(reason),
            // A gate that passes stays as it is: successes make no count window worse.
            None if word.pass() => Verdict::Stay(true),
            None => {
                let calls = self.calls_of(word.generation(), self.call_number());
                Verdict::Stay(self.is_calm(Counts { calls, ..Counts::default() }))
            }
        }
    }

    fn time_verdict(&self, word: Word, now: Tick) -> Verdict {
        let Some(slices) = self.slices() else { return Verdict::Stay(false) };
        let mut folded = false;
        loop {
            let slice = self.enter_slice(slices, word, now);
            let spared = self.spared_before(slices, slice);
            let Some(counts) = slices.sum(&self.cell, slice) else { continue };
            match self.rate_verdict(counts, u64::from(self.config.minimum_calls)) {
                // Before the circuit opens, everybody's passes are counted.
                Some(_) if !folded => {
                    self.fold_all(slices, slice, Column::Successes);
                    folded = true;
                }
                Some(reason) => return Verdict::Open(reason),
                None => {
                    let calm = self.is_calm(counts);
                    if calm {
                        self.mark_calm(slice);
                    }
                    if word.streak() > 0 {
                        self.spare_failures_of(slice, counts, spared);
                    }
                    return Verdict::Stay(calm);
                }
            }
        }
    }

    /// Which rule trips on `counts`, rates only from `minimum` calls on.
    pub(super) fn rate_verdict(&self, counts: Counts, minimum: u64) -> Option<Reason> {
        let calls = if counts.calls < minimum { 0 } else { counts.all() };
        self.rules_reached(counts.failures, counts.slow, calls)
    }

    /// Which rule is reached; a rate never is where there are no calls.
    pub(super) fn rules_reached(&self, failures: u64, slow: u64, calls: u64) -> Option<Reason> {
        let rule = |reached: bool, reason| reached.then_some(reason);
        let config = &self.config;
        rule(config.failure_count.is_some_and(|k| failures >= u64::from(k)), Reason::FailureCount)
            .or(rule(config.failure_rate.is_some_and(|rate| rate.is_reached(failures, calls)), Reason::FailureRate))
            .or(rule(config.slow_call.is_some_and(|rule| rule.rate.is_reached(slow, calls)), Reason::SlowCallRate))
    }

    /// The same on a count window without counting it: is the k-th latest failure inside?
    pub(super) fn count_verdict(&self, word: Word, size: u64) -> Option<Reason> {
        let (config, failures, slow) = (&*self.config, self.failure_log()?, self.slow_log());
        loop {
            // Failures first, then successes: what comes in between errs towards closed.
            let failed = self.cell.word(FAILURES).load(Ordering::Acquire);
            let slowed = self.cell.word(SLOWS).load(Ordering::Acquire);
            let number = self.call_number_after(failed);
            let calls = self.calls_of(word.generation(), number).min(size);
            let start = number - calls;
            let warm = calls >= u64::from(config.minimum_calls);
            let mut overtaken = false;
            let reaches = |log: Log, made, k| log.reaches(&self.cell, made, k, (start, number));
            let mut reached = |log: Option<Log>, made, k| match log.map(|log| reaches(log, made, k)) {
                Some(Some(reached)) => reached,
                Some(None) => {
                    overtaken = true;
                    false
                }
                None => false,
            };
            if config.failure_count.is_some_and(|k| reached(Some(failures), failed, u64::from(k))) {
                return Some(Reason::FailureCount);
            }
            if warm && config.failure_rate.is_some_and(|rate| reached(Some(failures), failed, rate.needed_of(calls))) {
                return Some(Reason::FailureRate);
            }
            if warm && config.slow_call.is_some_and(|rule| reached(slow, slowed, rule.rate.needed_of(calls))) {
                return Some(Reason::SlowCallRate);
            }
            if !overtaken {
                return None;
            }
        }
    }

    /// The number of calls, failures and slow calls that the window holds.
    pub(super) fn window_counts(&self, word: Word, now: Tick) -> Counts {
        match self.config.window {
            Window::Consecutive { .. } => {
                let calls = self.call_number().saturating_sub(self.base(word.generation()));
                Counts { calls, failures: self.streak(word), ..Counts::default() }
            }
            Window::Count { size } => {
                let number = self.call_number();
                let calls = number.saturating_sub(self.base(word.generation())).min(u64::from(size));
                let since = |log: Option<Log>| log.map_or(0, |log| log.since(&self.cell, number - calls).min(calls));
                Counts { calls, failures: since(self.failure_log()), slow: since(self.slow_log()), maybe: 0 }
            }
            Window::Time { .. } => {
                let Some(slices) = self.slices() else { return Counts::default() };
                loop {
                    let epoch = slices.epoch_at(&self.cell, self.seen_time(now));
                    let counts = slices.sum(&self.cell, Slice { epoch, generation: word.generation() });
                    if let Some(counts) = counts {
                        return Counts { maybe: counts.maybe.saturating_add(self.all_pending()), ..counts };
                    }
                }
            }
        }
    }

    /// How many calls of a count window there have been.
    pub(super) fn call_number(&self) -> u64 {
        self.call_number_after(self.failures())
    }

    /// The same with so many failures, which were read before.
    pub(super) fn call_number_after(&self, failed: u64) -> u64 {
        self.sum(TALLY).wrapping_add(failed)
    }

    /// All failures but those of probes: of a streak's window on lines of their writers.
    pub(super) fn failures(&self) -> u64 {
        let own = matches!(self.config.window, Window::Consecutive { .. });
        let others = if own { self.sum(OTHER_FAILURES) } else { 0 };
        self.cell.word(FAILURES).load(Ordering::Acquire).wrapping_add(others)
    }

    pub(super) fn failure_log(&self) -> Option<Log> {
        let length = self.layout.ring();
        (length > 0).then_some(Log { counter: FAILURES, ring: self.layout.window(), length, rounds: Some(ROUNDS) })
    }

    fn slow_log(&self) -> Option<Log> {
        let length = self.layout.slow_ring();
        (length > 0).then_some(Log { counter: SLOWS, ring: self.layout.slow_window(), length, rounds: None })
    }

    pub(super) fn slices(&self) -> Option<Slices> {
        let Window::Time { span, slices, .. } = self.config.window else { return None };
        let count = u64::from(slices.max(1));
        let length = Span((span.0 / count).max(1));
        Some(Slices { first: self.layout.window(), stride: SLICE_WORDS, count, length, epoch: EPOCH })
    }

    /// The time since the window's first slice began.
    pub(super) fn window_time(&self, now: Tick) -> Tick {
        let seen = self.cell.word(ORIGIN).load(Ordering::Acquire);
        let unaligned = self.is_unaligned();
        if (seen == 0) == unaligned || seen > now.0.saturating_add(1) {
            self.begin_slices(unaligned, seen, now);
        }
        self.seen_time(now)
    }

    /// The same for who only looks.
    pub(super) fn seen_time(&self, now: Tick) -> Tick {
        match self.cell.word(ORIGIN).load(Ordering::Acquire) {
            0 => now,
            origin => Tick(now.0.saturating_sub(origin - 1)),
        }
    }

    fn is_unaligned(&self) -> bool {
        matches!(self.config.window, Window::Time { aligned: false, .. })
    }
}
