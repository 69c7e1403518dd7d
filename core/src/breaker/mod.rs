//! The circuit breaker: closed, open, half-open, and three states by hand.
//!
//! A map of the rooms: `word.rs` is the one word that changes hands, `layout.rs` says where the
//! rest lives. `closed.rs` counts calls and decides when to open; `half_open.rs` hands out probes
//! and decides what they prove; `transition.rs` is the only place where a state changes;
//! `snapshot.rs` looks and touches nothing.
//!
//! Nothing here blocks. Whoever looks applies what is due, so no thread and no timer is needed and
//! a caller that dies in the middle holds nobody up.

mod closed;
mod half_open;
mod layout;
mod snapshot;
mod state;
mod transition;
mod word;

pub use snapshot::{BreakerSnapshot, LastTransition, Totals};
pub use state::State;
pub use transition::{Control, Reason};

use crate::cell::{Block, writer_index};
use crate::config::{BreakerConfig, Window};
use crate::cx::Cx;
use crate::error::{Code, Refusal};
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::{Hint, Outcome};
use crate::permit::Permit;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::time::Span;
use layout::{CANCELLED, IGNORED, Layout, OTHER_SUCCESS, REJECTED, STALE, TALLY, WORD};
use word::Word;

/// A circuit breaker. All methods may be called from any thread.
pub struct Breaker {
    config: BreakerConfig,
    layout: Layout,
    cell: Arc<Block>,
}

/// What a recorded outcome means here.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Counted {
    Success,
    Failure,
    Neutral(usize),
}

impl Breaker {
    pub fn new(config: &BreakerConfig) -> Breaker {
        let layout = Layout::of(config);
        let breaker = Breaker { config: config.clone(), layout, cell: Arc::new(Block::new(layout.words)) };
        let word = Word::new(config.initial_state, 1);
        // Relaxed: nobody else knows the cell yet.
        breaker.cell.word(WORD).store(breaker.first_word(word).0, Ordering::Relaxed);
        breaker
    }

    pub fn config(&self) -> &BreakerConfig {
        &self.config
    }

    /// The same circuit under new settings. Where their shape fits, everything is kept; else the
    /// state, its deadline and its generation are carried and the window is not.
    pub fn reconfigured(&self, config: &BreakerConfig) -> Breaker {
        let layout = Layout::of(config);
        if layout == self.layout {
            return Breaker { config: config.clone(), layout, cell: self.cell.clone() };
        }
        let cell = Arc::new(Block::new(layout.words));
        let old = self.word();
        cell.word(WORD).store(old.with_pass(false).0, Ordering::Relaxed);
        let deadline = self.deadline_slot(old.generation());
        cell.word(deadline).store(self.cell.word(deadline).load(Ordering::Acquire), Ordering::Relaxed);
        Breaker { config: config.clone(), layout, cell }
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

    /// Reports how the call that `permit` was given for ended, after `took`.
    ///
    /// A permit of another generation, or of a probe whose lease is over, changes nothing but the
    /// count of stale reports.
    pub fn record(&self, permit: Permit, outcome: Outcome, took: Span, hint: Option<Hint>, cx: &mut Cx) {
        let word = self.help(cx);
        if word.gate() >> 1 != permit.0 as u32 >> 1 {
            return self.count(STALE);
        }
        let counted = self.counted(outcome);
        let slow = self.config.slow_call.is_some_and(|slow| took > slow.longer_than);
        match word.state() {
            State::HalfOpen => self.report_probe(word, permit, counted, slow, hint, cx),
            State::Closed | State::MetricsOnly => match counted {
                Counted::Neutral(total) => self.count(total),
                Counted::Success => self.count_success(word, slow, hint, cx),
                Counted::Failure => self.count_failure(word, slow, hint, cx),
            },
            State::Disabled => {}
            State::Open | State::ForcedOpen => self.count(STALE),
        }
    }

    /// The pass path: run without asking, if the gate says so.
    pub fn pass(&self) -> Option<Permit> {
        let word = self.word();
        word.pass().then_some(Permit(u64::from(word.gate())))
    }

    /// Counts the success of a call that ran on the pass path; `false` if the gate has changed
    /// since: then report it with [`Breaker::record`].
    pub fn tally(&self, permit: Permit) -> bool {
        if self.word().gate() != permit.0 as u32 {
            return false;
        }
        self.add(TALLY);
        true
    }

    /// The state word; its low half is the gate (`generation << 1 | pass`).
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

    fn word(&self) -> Word {
        // Acquire: what the one who changed the state wrote before (base, deadline) is seen.
        Word(self.cell.word(WORD).load(Ordering::Acquire))
    }

    fn swap_word(&self, from: Word, to: Word) -> bool {
        // SeqCst: transitions of one breaker are totally ordered with the tallies judged for them.
        self.cell.word(WORD).compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Acquire).is_ok()
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
        self.add(REJECTED);
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

    /// Adds one to a word of the caller's own tally line.
    fn add(&self, column: usize) {
        let line = Layout::writer(writer_index());
        // Release: a judge that reads the tally sees the call as over.
        self.cell.word(line + column).fetch_add(1, Ordering::Release);
    }

    fn count(&self, total: usize) {
        // Relaxed: a total that nothing is decided by.
        self.cell.word(total).fetch_add(1, Ordering::Relaxed);
    }

    fn sum(&self, column: usize) -> u64 {
        (0..layout::WRITERS).map(|w| self.cell.word(Layout::writer(w) + column).load(Ordering::Acquire)).sum()
    }

    fn count_other_success(&self) {
        self.add(OTHER_SUCCESS);
    }

    fn is_time_window(&self) -> bool {
        matches!(self.config.window, Window::Time { .. })
    }
}
