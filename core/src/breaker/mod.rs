//! The circuit breaker: closed, open, half-open, and three states by hand.
//!
//! A map of the rooms: `word.rs` is the one word that changes hands, `layout.rs` says where the
//! rest lives. `closed.rs` counts calls and decides when to open, `failing.rs` is the way of a failure,
//! `credit.rs` and `calm.rs` say when nobody need decide; `half_open.rs` hands out probes and decides
//! what they prove; `tally.rs` is the path of those who need not ask; `transition.rs` is the only place
//! where a state changes; `snapshot.rs` looks and touches nothing.
//!
//! Nothing here blocks. Whoever looks applies what is due, so no thread and no timer is needed and
//! a caller that dies in the middle holds nobody up.

mod calm;
mod closed;
mod credit;
mod failing;
mod half_open;
#[cfg(all(test, not(loom)))]
mod hazards;
mod hearsay;
mod host;
mod layout;
mod mend;
mod snapshot;
mod state;
mod tally;
mod transition;
mod word;

pub use credit::FailureLog;
pub(crate) use host::retire_words;
pub(crate) use layout::SHAPE;
pub use snapshot::{BreakerSnapshot, LastTransition, Totals};
pub use state::State;
pub use tally::{Memory, Overlay, Shard, keep_lines_together, lend_lines};
pub use transition::{Control, Reason};

use crate::cell::{Block, Head, Writer, Writers, are_together};
use crate::config::BreakerConfig;
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::{Hint, Outcome};
use crate::permit::Permit;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::time::{Span, Tick};
use hearsay::Heard;
use layout::{CANCELLED, HEAD, IGNORED, Layout, OTHER_SUCCESS, REJECTED, STALE, WORD};
pub(crate) use word::Word;

/// A circuit breaker. All methods may be called from any thread.
pub struct Breaker {
    config: Arc<BreakerConfig>,
    layout: Layout,
    /// See [`credit::rules`].
    rules: u32,
    cell: Head<HEAD>,
    /// Only of a cell that other processes change too.
    heard: Option<Heard>,
}

/// What a recorded outcome means here.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Counted {
    Success,
    Failure,
    Neutral(usize),
}

/// How far a failure got without the clock and without a verdict.
pub(crate) enum Failed {
    Counted,
    /// Counted, and no verdict given before holds for it: see [`Breaker::entered`].
    Due,
    NotCounted,
}

impl Failed {
    #[inline(always)]
    fn counted(due: bool) -> Failed {
        if due { Failed::Due } else { Failed::Counted }
    }
}

/// How far an outcome got without the clock.
pub(crate) enum Untimed {
    Counted,
    /// Counted, and with the clock it is to be judged: the circuit opens.
    Opens(Word),
    NotCounted,
}

impl Breaker {
    /// A closed breaker (or in its `initial_state`) that nobody else shares.
    pub fn new(config: &BreakerConfig) -> Breaker {
        Breaker::of(&Arc::new(config.clone()))
    }

    /// The same, where many breakers share their settings.
    pub(crate) fn of(config: &Arc<BreakerConfig>) -> Breaker {
        Breaker::of_lines(config, Breaker::own_lines())
    }

    /// How many writers' lines a new cell of this process's own has.
    fn own_lines() -> usize {
        if are_together() { Writers::HEAP.lines() } else { 1 }
    }

    fn of_lines(config: &Arc<BreakerConfig>, lines: usize) -> Breaker {
        let breaker = Breaker::new_cell(config, lines);
        let word = Word::new(config.initial_state, 1);
        // Relaxed: nobody else knows the cell yet.
        breaker.cell.word(WORD).store(breaker.first_word(word).0, Ordering::Relaxed);
        breaker
    }

    fn new_cell(config: &Arc<BreakerConfig>, lines: usize) -> Breaker {
        let layout = Layout::of(config, lines);
        let cell = Arc::new(Block::with_lines(layout.words(), lines == 1));
        let breaker = Breaker::over_cell(config, layout, cell, None);
        breaker.first_limits(lines);
        breaker
    }

    fn over_cell(config: &Arc<BreakerConfig>, layout: Layout, cell: Arc<Block>, heard: Option<Heard>) -> Breaker {
        Breaker { config: config.clone(), layout, rules: credit::rules(config), cell: Head::of(cell), heard }
    }

    /// The settings in force.
    pub fn config(&self) -> &BreakerConfig {
        &self.config
    }

    /// The same circuit under new settings. Where their shape fits, everything is kept; else the
    /// state, its deadline and its generation are carried and the window is not.
    pub(crate) fn reconfigured(&self, config: &Arc<BreakerConfig>) -> Breaker {
        let lines = if self.cell.lines_are_together() { self.cell.writers().lines() } else { 1 };
        let layout = Layout::of(config, lines);
        if layout == self.layout {
            return Breaker::over_cell(config, layout, self.cell.block().clone(), self.heard.clone());
        }
        let next = Breaker::new_cell(config, Breaker::own_lines());
        let old = self.retire();
        let deadline = self.deadline_slot(old.generation());
        // Relaxed: nobody else knows the new cell yet.
        next.cell.word(deadline).store(self.cell.word(deadline).load(Ordering::Acquire), Ordering::Relaxed);
        next.cell.word(WORD).store(old.with_pass(false).0, Ordering::Relaxed);
        next
    }

    /// Leaves the cell for good and returns its last word. Who still knows it asks, and is let
    /// through uncounted if he does so here rather than in the cell that follows.
    fn retire(&self) -> Word {
        loop {
            let word = self.word();
            if self.swap_word(word, word.next(State::Disabled)) {
                return word;
            }
        }
    }

    /// Asks for a permit. Give it back with [`Breaker::record`], whatever comes.
    pub fn acquire(&self, cx: &mut Cx) -> Result<Permit, Refusal> {
        loop {
            let word = self.help(cx);
            match word.state() {
                State::Closed | State::Disabled | State::MetricsOnly => {
                    return Ok(Permit(u64::from(word.gate())));
                }
                State::Open | State::ForcedOpen => return Err(self.reject(word, cx)),
                State::HalfOpen => match self.claim_probe(word, cx) {
                    half_open::Claim::Probe(permit) => return Ok(permit),
                    half_open::Claim::None => return Err(self.reject(word, cx)),
                    half_open::Claim::Moved => {}
                },
            }
        }
    }

    /// Whether [`Breaker::acquire`] would refuse now; if so this is the rejection, and counts as one.
    pub fn would_refuse(&self, cx: &mut Cx) -> Option<Refusal> {
        let word = self.help(cx);
        let refuses = match word.state() {
            State::Open | State::ForcedOpen => true,
            State::HalfOpen => self.probes_left(word.generation(), cx.now) == 0,
            State::Closed | State::Disabled | State::MetricsOnly => false,
        };
        refuses.then(|| self.reject(word, cx))
    }

    /// Whether the circuit is open without doubt, by the coarse clock, and for how long; `None` means ask.
    /// It counts as a rejection and makes no event.
    #[inline(always)]
    pub(crate) fn refuses_early(&self, coarse: impl FnOnce() -> Option<(Tick, Span)>) -> Option<(State, Option<Span>)> {
        let word = self.word();
        let (state, retry_after) = if word.is(State::Open) {
            let deadline = self.deadline(word);
            let (coarse, slack) = coarse()?;
            (State::Open, (coarse.after(slack) < deadline).then(|| coarse.until(deadline)).map(Some)?)
        } else if word.is(State::ForcedOpen) {
            coarse()?;
            (State::ForcedOpen, None)
        } else {
            return None;
        };
        self.add(self.cell.writer(), REJECTED);
        Some((state, retry_after))
    }

    /// Reports how the call that `permit` was given for ended, after `took`.
    ///
    /// A permit of another generation, or of a probe whose lease is over, changes nothing but the
    /// count of stale reports.
    pub fn record(&self, permit: Permit, outcome: Outcome, took: Span, hint: Option<Hint>, cx: &mut Cx) {
        self.record_on(Shard::OWN, permit, outcome, took, hint, cx);
    }

    /// The same, counted on a line that the driver chose.
    pub fn record_on(
        &self,
        shard: Shard,
        permit: Permit,
        outcome: Outcome,
        took: Span,
        hint: Option<Hint>,
        cx: &mut Cx,
    ) {
        let slow = self.is_slow(took);
        match self.record_untimed(shard, permit, outcome, slow) {
            Untimed::Counted => return,
            Untimed::Opens(word) => return self.judge(word, hint, cx),
            Untimed::NotCounted => {}
        }
        let word = self.help(cx);
        if word.gate() >> 1 != permit.0 as u32 >> 1 {
            return self.count(STALE);
        }
        let counted = self.counted(outcome);
        match word.state() {
            State::HalfOpen => self.report_probe(word, permit, counted, slow, hint, cx),
            State::Closed | State::MetricsOnly => {
                let failed = counted == Counted::Failure;
                self.count_timed(self.writer(shard), word, (failed, slow), hint, cx);
            }
            State::Disabled => {}
            State::Open | State::ForcedOpen => self.count(STALE),
        }
    }

    /// Counts an outcome where that takes neither the clock nor the applying of what is due.
    #[inline]
    pub(crate) fn record_untimed(&self, shard: Shard, permit: Permit, outcome: Outcome, slow: bool) -> Untimed {
        let word = self.word();
        let counts = matches!(word.state(), State::Closed | State::MetricsOnly);
        if !counts || word.gate() >> 1 != permit.0 as u32 >> 1 {
            return Untimed::NotCounted;
        }
        let failed = match self.counted(outcome) {
            Counted::Neutral(total) => {
                self.count(total);
                return Untimed::Counted;
            }
            counted => counted == Counted::Failure,
        };
        match self.count_untimed(self.writer(shard.tallying()), word, failed, slow) {
            None => Untimed::NotCounted,
            Some(false) => Untimed::Counted,
            Some(true) => Untimed::Opens(word),
        }
    }

    /// Whether a call that took so long counts as slow.
    pub(crate) fn is_slow(&self, took: Span) -> bool {
        // First, as it is known where no slow calls are counted.
        took > Span::ZERO && self.config.slow_call.is_some_and(|slow| took > slow.longer_than)
    }

    /// The state word; its low half is the gate (`generation << 1 | pass`).
    #[inline]
    pub fn gate(&self) -> &AtomicU64 {
        self.cell.word(WORD)
    }

    /// The state as it was last left; a transition that is due is not applied.
    pub fn state(&self) -> State {
        self.word().state()
    }

    /// Bytes of the cell, tallies and window included.
    pub fn bytes(&self) -> usize {
        self.cell.bytes()
    }

    #[inline(always)]
    fn word(&self) -> Word {
        // Acquire: what the one who changed the state wrote before (base, deadline) is seen.
        Word(self.gate().load(Ordering::Acquire))
    }

    fn swap_word(&self, from: Word, to: Word) -> bool {
        // SeqCst: transitions of one breaker are totally ordered with the tallies judged for them.
        self.gate().compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Acquire).is_ok()
    }

    fn counted(&self, outcome: Outcome) -> Counted {
        match outcome {
            Outcome::Success | Outcome::Permanent => Counted::Success,
            Outcome::Failure | Outcome::Timeout => Counted::Failure,
            Outcome::Throttled if self.config.count_throttled => Counted::Failure,
            Outcome::Throttled | Outcome::Ignored | Outcome::Refused => Counted::Neutral(IGNORED),
            Outcome::Cancelled => Counted::Neutral(CANCELLED),
        }
    }

    fn reject(&self, word: Word, cx: &mut Cx) -> Refusal {
        self.add(self.cell.writer(), REJECTED);
        let state = word.state();
        let refusal = Refusal {
            state: Some(state),
            retry_after: self.retry_after(word, cx.now),
            ..Refusal::new(Code::CircuitOpen)
        };
        cx.note(Note {
            from: state.as_str(),
            to: state.as_str(),
            reason: state.as_str(),
            span: refusal.retry_after.unwrap_or_default(),
            ..Note::new(EventKind::Rejected, PartKind::Breaker, cx.now)
        });
        refusal
    }

    fn count(&self, total: usize) {
        // Relaxed: a total that nothing is decided by.
        self.cell.word(total).fetch_add(1, Ordering::Relaxed);
    }

    fn count_other_success(&self, writer: Writer) {
        self.add(writer, OTHER_SUCCESS);
    }
}
