//! The only place where a state changes.
//!
//! Before a state is entered its base (calls so far) and deadline are written into the slot of the
//! new generation; then one compare-and-swap changes state, generation and gate together. Who loses
//! that race leaves a slot that the winner has already written or will never be read.

use super::hearsay::pack;
use super::layout::{
    BASES, DEADLINES, KEPT_CALLS, KEPT_FAILURES, KEPT_SLOW, KEPT_STREAK, LAST, LAST_AT, REJECTED, REJECTED_BEFORE,
    TRANSITIONS,
};
use super::word::Word;
use super::{Breaker, State};
use crate::config::OnMaxWait;
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::outcome::Hint;
use crate::segment::check_bits;
use crate::sync::Ordering;
use crate::time::{Span, Tick};

/// A transition by hand. Every one is legal in every state.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Control {
    /// For the configured open time.
    Open,
    /// For so long from now.
    OpenFor(Span),
    /// Until an instant of the registry's clock.
    OpenUntil(Tick),
    /// Probes decide from now on.
    HalfOpen,
    /// Closed, with empty windows.
    Close,
    /// Rejects everything until somebody ends it.
    ForceOpen,
    /// Lets everything pass and records nothing.
    Disable,
    /// Lets everything pass and records it.
    MetricsOnly,
    /// Closed, with empty statistics; in closed too.
    Reset,
}

impl Control {
    /// The one of that name; `amount` is how long `open_for` lasts, or the instant of `open_until`.
    pub fn named(name: &str, amount: Option<Span>) -> Option<Control> {
        Some(match name {
            "open" => Control::Open,
            "open_for" => Control::OpenFor(amount?),
            "open_until" => Control::OpenUntil(Tick(amount?.0)),
            "half_open" => Control::HalfOpen,
            "close" => Control::Close,
            "force_open" => Control::ForceOpen,
            "disable" => Control::Disable,
            "metrics_only" => Control::MetricsOnly,
            "reset" => Control::Reset,
            _ => return None,
        })
    }
}

/// Why a state was entered.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reason {
    /// There was no transition.
    None = 0,
    /// So many failures in a row.
    Consecutive = 1,
    /// The share of failures reached its limit.
    FailureRate = 2,
    /// The number of failures reached its limit.
    FailureCount = 3,
    /// The share of slow calls reached its limit.
    SlowCallRate = 4,
    /// The open time is over.
    OpenTimeOver = 5,
    /// The probes failed.
    ProbeFailed = 6,
    /// The probes succeeded.
    ProbesSucceeded = 7,
    /// Half-open for too long without a verdict.
    MaxWait = 8,
    /// By hand.
    Manual = 9,
    /// By a reset.
    Reset = 10,
}

impl Reason {
    const ALL: [Reason; 11] = [
        Reason::None,
        Reason::Consecutive,
        Reason::FailureRate,
        Reason::FailureCount,
        Reason::SlowCallRate,
        Reason::OpenTimeOver,
        Reason::ProbeFailed,
        Reason::ProbesSucceeded,
        Reason::MaxWait,
        Reason::Manual,
        Reason::Reset,
    ];

    /// The name used in events and snapshots; empty for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::None => "",
            Reason::Consecutive => "consecutive_failures",
            Reason::FailureRate => "failure_rate",
            Reason::FailureCount => "failure_count",
            Reason::SlowCallRate => "slow_call_rate",
            Reason::OpenTimeOver => "open_time_over",
            Reason::ProbeFailed => "probe_failed",
            Reason::ProbesSucceeded => "probes_succeeded",
            Reason::MaxWait => "max_wait",
            Reason::Manual => "manual",
            Reason::Reset => "reset",
        }
    }

    pub(super) fn from_u8(number: u8) -> Reason {
        Reason::ALL.get(number as usize).copied().unwrap_or(Reason::None)
    }
}

/// A slot holds the low 8 bits of its generation above 56 bits of value: more microseconds than
/// the clock has nanoseconds for.
pub(super) const SLOT_VALUE: u64 = (1 << 56) - 1;

pub(super) fn slot_of(generation: u32, value: u64) -> u64 {
    u64::from(generation & 0xff) << 56 | value
}

/// A deadline as a slot keeps it: whole microseconds, rounded up.
fn kept(deadline: Tick) -> u64 {
    if deadline == Tick::NEVER { SLOT_VALUE } else { Span(deadline.0).micros_ceil() }
}

/// What a word says of the deadline of its state, so that one that was scribbled over is not believed.
#[inline]
fn seal_of(kept: u64) -> u32 {
    check_bits(kept) as u32
}

impl Breaker {
    /// Applies what is due and returns the word in force.
    pub(super) fn help(&self, cx: &mut Cx) -> Word {
        loop {
            let word = self.word();
            if !word.is_sound() {
                self.mend_word(word, cx);
                continue;
            }
            if word.is(State::Open) && self.kept_deadline(word).is_none() {
                // A circuit that was made open, or whose deadline was scribbled over: its time begins with the
                // first who looks.
                let until = kept(cx.now.after(self.open_span(0, cx)));
                self.write_slots(word, word.generation(), [(BASES, 0), (DEADLINES, until)]);
                self.swap_word(word, word.with_seal(seal_of(until)));
                continue;
            }
            let Some((to, reason)) = self.due(word, cx.now) else { return word };
            match to {
                State::Open => self.trip(word, reason, None, cx),
                State::Closed => self.close(word, reason, cx),
                _ => self.half_open(word, reason, cx),
            }
        }
    }

    /// The transition that time has made due.
    pub(super) fn due(&self, word: Word, now: Tick) -> Option<(State, Reason)> {
        let deadline = || self.deadline(word);
        match word.state() {
            State::Open if now >= deadline() => Some((State::HalfOpen, Reason::OpenTimeOver)),
            State::HalfOpen if self.config.half_open.max_wait.is_some() && now >= deadline() => {
                let to = match self.config.half_open.on_max_wait {
                    OnMaxWait::Open => State::Open,
                    OnMaxWait::Closed => State::Closed,
                };
                Some((to, Reason::MaxWait))
            }
            _ => None,
        }
    }

    /// Opens for the configured time: the next step of it where the circuit was half-open.
    pub(super) fn trip(&self, word: Word, reason: Reason, hint: Option<Hint>, cx: &mut Cx) {
        let step = if word.state() == State::HalfOpen { word.step() + 1 } else { 0 };
        let mut span = self.open_span(step, cx);
        if let (true, Some(Hint::After(asked))) = (self.config.from_server_hint, hint) {
            span = asked.min(self.config.open_for.cap);
        }
        self.open_until(word, step, cx.now.after(span), reason, cx);
    }

    pub(super) fn close(&self, word: Word, reason: Reason, cx: &mut Cx) {
        self.enter(word, word.next(State::Closed), Tick::NEVER, reason, EventKind::Closed, cx);
    }

    fn half_open(&self, word: Word, reason: Reason, cx: &mut Cx) {
        let deadline = self.config.half_open.max_wait.map_or(Tick::NEVER, |wait| cx.now.after(wait));
        let next = word.next(State::HalfOpen).with_step(word.step());
        self.enter(word, next, deadline, reason, EventKind::HalfOpened, cx);
    }

    fn open_until(&self, word: Word, step: u32, deadline: Tick, reason: Reason, cx: &mut Cx) {
        let next = word.next(State::Open).with_step(step);
        self.enter(word, next, deadline, reason, EventKind::Opened, cx);
    }

    /// base × factor^step, capped, ± jitter.
    fn open_span(&self, step: u32, cx: &Cx) -> Span {
        let open = &self.config.open_for;
        let span = open.base.times(open.factor.powi(step as i32)).min(open.cap.max(open.base));
        match open.jitter {
            jitter if jitter > 0.0 => span.times(1.0 - jitter + 2.0 * jitter * cx.rng.uniform()),
            _ => span,
        }
    }

    /// A transition by hand.
    pub fn control(&self, control: Control, cx: &mut Cx) {
        loop {
            let word = self.help(cx);
            let generation = word.generation();
            match control {
                Control::Open => {
                    let until = cx.now.after(self.open_span(word.step(), cx));
                    self.open_until(word, word.step(), until, Reason::Manual, cx);
                }
                Control::OpenFor(span) => self.open_until(word, word.step(), cx.now.after(span), Reason::Manual, cx),
                Control::OpenUntil(at) => self.open_until(word, word.step(), at, Reason::Manual, cx),
                Control::HalfOpen => self.half_open(word, Reason::Manual, cx),
                Control::Close => self.close(word, Reason::Manual, cx),
                Control::ForceOpen => self.force(word, State::ForcedOpen, cx),
                Control::Disable => self.force(word, State::Disabled, cx),
                Control::MetricsOnly => self.force(word, State::MetricsOnly, cx),
                Control::Reset => {
                    let next = word.next(State::Closed);
                    self.enter(word, next, Tick::NEVER, Reason::Reset, EventKind::Forced, cx);
                }
            }
            if self.word().generation() != generation {
                return;
            }
        }
    }

    fn force(&self, word: Word, state: State, cx: &mut Cx) {
        self.enter(word, word.next(state), Tick::NEVER, Reason::Manual, EventKind::Forced, cx);
    }

    fn enter(&self, from: Word, to: Word, deadline: Tick, reason: Reason, event: EventKind, cx: &mut Cx) {
        let (counts, streak) = (self.shown_counts(from, cx.now), self.streak(from));
        let rejected = self.sum(REJECTED);
        let slots = [(BASES, self.call_number() & SLOT_VALUE), (DEADLINES, kept(deadline))];
        let to = if to.ends_by_itself() { to.with_seal(seal_of(kept(deadline))) } else { to };
        if !self.write_slots(from, to.generation(), slots) || !self.swap_word(from, self.first_word(to)) {
            return;
        }
        self.drop_pending();
        self.mark_heard(from, to, cx);
        self.forget_streak();
        // From here on for the eyes of a snapshot only.
        if to.state() == State::Open {
            for (word, value) in
                [(KEPT_CALLS, counts.all()), (KEPT_FAILURES, counts.failures), (KEPT_SLOW, counts.slow)]
            {
                self.cell.word(word).store(value, Ordering::Relaxed);
            }
            self.cell.word(KEPT_STREAK).store(streak, Ordering::Relaxed);
        }
        self.count(TRANSITIONS);
        self.cell.word(REJECTED_BEFORE).store(rejected, Ordering::Relaxed);
        self.cell.word(LAST_AT).store(cx.now.0, Ordering::Relaxed);
        // Release: who reads what the change was finds that it is told.
        self.cell.word(LAST).store(pack(reason, from.state(), to), Ordering::Release);
        cx.note(Note {
            from: from.state().as_str(),
            to: to.state().as_str(),
            reason: reason.as_str(),
            span: if to.state() == State::Open { cx.now.until(deadline) } else { Span::ZERO },
            count: counts.failures,
            ..Note::new(event, PartKind::Breaker, cx.now)
        });
    }

    /// Prepares the slots of `generation`; `false` if somebody else is ahead.
    ///
    /// The slots are read before the word is looked at again: if another transition gets in between,
    /// it changes them and our swap fails, so no loser can write into a state in force.
    fn write_slots(&self, from: Word, generation: u32, values: [(usize, u64); 2]) -> bool {
        let slots = values.map(|(slots, value)| {
            let slot = self.cell.word(slots + (generation % 4) as usize);
            (slot, slot.load(Ordering::Acquire), slot_of(generation, value))
        });
        // AcqRel: published by the swap of the word that follows.
        self.word() == from
            && slots.iter().all(|(slot, seen, next)| {
                slot.compare_exchange(*seen, *next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            })
    }

    /// Gives generation `to` the base and the deadline of generation `from`.
    pub(super) fn carry_slots(&self, from: u32, to: u32) {
        for slots in [BASES, DEADLINES] {
            let value = self.read_slot(slots, from).unwrap_or(0);
            let slot = self.cell.word(slots + (to % 4) as usize);
            // Release: published by the swap of the word that follows.
            slot.store(slot_of(to, value), Ordering::Release);
        }
    }

    #[inline(always)]
    fn read_slot(&self, slots: usize, generation: u32) -> Option<u64> {
        let value = self.cell.word(slots + (generation % 4) as usize).load(Ordering::Acquire);
        (value >> 56 == u64::from(generation & 0xff)).then_some(value & SLOT_VALUE)
    }

    /// The deadline of the state, if it is the one that the state was entered with.
    #[inline(always)]
    fn kept_deadline(&self, word: Word) -> Option<u64> {
        self.read_slot(DEADLINES, word.generation()).filter(|kept| seal_of(*kept) == word.seal())
    }

    pub(super) fn base(&self, generation: u32) -> u64 {
        self.read_slot(BASES, generation).unwrap_or(0)
    }

    #[inline(always)]
    pub(super) fn deadline(&self, word: Word) -> Tick {
        match self.kept_deadline(word) {
            Some(SLOT_VALUE) => Tick::NEVER,
            Some(micros) => Tick(micros.saturating_mul(1_000)),
            // A state without a deadline of its own: due at once rather than never.
            None => Tick::ZERO,
        }
    }

    pub(super) fn deadline_slot(&self, generation: u32) -> usize {
        DEADLINES + (generation % 4) as usize
    }
}
