//! What other processes did to a circuit that all of them share: each of its changes is told here too.
//!
//! A process that changes the state tells so itself, and marks the change as heard. Whoever looks, ten
//! times a second where there is a listener, tells of a change that is not marked. The mark is set
//! before the cell says what the change was, so that who sees that sees the mark of his own process.

use super::layout::{KEPT_FAILURES, LAST, LAST_AT};
use super::transition::Reason;
use super::word::Word;
use super::{Breaker, State};
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::time::{Span, Tick};

/// What this process has heard of a circuit.
#[derive(Clone)]
pub(crate) struct Heard(Arc<Marks>);

struct Marks {
    /// Generation and state of the last change that was told here.
    told: AtomicU64,
    /// A change that was seen before the cell said what it was: whoever made it is about to say so, or dead.
    doubt: AtomicU64,
}

fn mark(word: Word) -> u64 {
    u64::from(word.generation()) << 8 | word.state() as u64
}

impl Heard {
    /// What is now is no news.
    pub(super) fn from(word: Word) -> Heard {
        Heard(Arc::new(Marks { told: AtomicU64::new(mark(word)), doubt: AtomicU64::new(0) }))
    }
}

/// A change as the cell tells it: reason, states, and the low bits of the generation it led to.
pub(super) fn pack(reason: Reason, from: State, to: Word) -> u64 {
    u64::from(reason as u8) | (from as u64) << 8 | (to.state() as u64) << 16 | u64::from(to.generation() & 0xffff) << 24
}

impl Breaker {
    /// A change of ours from `from` to `to` is told by who made it; what went before may be others' work.
    pub(super) fn mark_heard(&self, from: Word, to: Word, cx: &mut Cx) {
        let Some(heard) = &self.heard else { return };
        // AcqRel: of all who see a change, one tells.
        let before = heard.0.told.swap(mark(to), Ordering::AcqRel);
        if before != mark(from) {
            self.tell_between(before, from.state(), cx);
        }
    }

    /// Tells what others did since the last look. What they did before `since` is only remembered.
    pub(crate) fn overhear(&self, since: Tick, cx: &mut Cx) {
        let Some(heard) = &self.heard else { return };
        let word = self.word();
        let (now, before) = (mark(word), heard.0.told.load(Ordering::Acquire));
        if before == now {
            return;
        }
        // Acquire: with what the change was comes our mark, if it was ours.
        let last = self.cell.word(LAST).load(Ordering::Acquire);
        let said = (last >> 24) & 0xffff == u64::from(word.generation() & 0xffff);
        // AcqRel, here and below: of all who see a change, one tells.
        if !said && heard.0.doubt.swap(now, Ordering::AcqRel) != now {
            return;
        }
        let is_ours_to_tell = heard.0.told.compare_exchange(before, now, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let (from, reason, at) = match said {
            true => (
                State::from_u8((last >> 8) as u8).unwrap_or(State::Closed),
                Reason::from_u8(last as u8),
                Tick(self.cell.word(LAST_AT).load(Ordering::Acquire)),
            ),
            false => (state_of(before), Reason::None, cx.now),
        };
        // A cell that was left for another is disabled for good, and says nothing of it.
        if !is_ours_to_tell || at < since || (!said && word.state() == State::Disabled) {
            return;
        }
        self.tell_between(before, from, cx);
        let is_open = word.state() == State::Open;
        cx.note(Note {
            span: if is_open { cx.now.until(self.deadline(word)) } else { Span::ZERO },
            count: if is_open { self.cell.word(KEPT_FAILURES).load(Ordering::Acquire) } else { 0 },
            ..note(from, word.state(), reason, at)
        });
    }

    /// The same cell, as another process has it.
    #[cfg(test)]
    pub(crate) fn elsewhere(&self) -> Breaker {
        Breaker::over_cell(&self.config, self.layout, self.cell.block().clone(), Some(Heard::from(self.word())))
    }

    /// A state in between, whose end came before anybody here looked: that it was, not why.
    fn tell_between(&self, before: u64, state: State, cx: &mut Cx) {
        if state_of(before) != state {
            cx.note(note(state_of(before), state, Reason::None, cx.now));
        }
    }
}

fn state_of(mark: u64) -> State {
    State::from_u8(mark as u8).unwrap_or(State::Closed)
}

fn note(from: State, to: State, reason: Reason, at: Tick) -> Note {
    let kind = match to {
        _ if reason == Reason::Reset => EventKind::Forced,
        State::Open => EventKind::Opened,
        State::HalfOpen => EventKind::HalfOpened,
        State::Closed => EventKind::Closed,
        State::ForcedOpen | State::Disabled | State::MetricsOnly => EventKind::Forced,
    };
    Note { from: from.as_str(), to: to.as_str(), reason: reason.as_str(), ..Note::new(kind, PartKind::Breaker, at) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::breaker::Control;
    use crate::config::BreakerConfig;
    use crate::rng::Rng;

    /// The states that were told, and why.
    fn told(millis: u64, act: impl FnOnce(&mut Cx)) -> Vec<(&'static str, &'static str)> {
        let mut notes = Vec::new();
        act(&mut Cx { now: Tick(millis * 1_000_000), rng: &Rng::seeded(1), notes: &mut notes });
        notes.iter().map(|note| (note.to, note.reason)).collect()
    }

    fn two() -> (Breaker, Breaker) {
        let first = Breaker::new(&BreakerConfig::default()).elsewhere();
        let second = first.elsewhere();
        (first, second)
    }

    #[test]
    fn each_process_tells_of_a_change_once() {
        let (here, there) = two();
        assert_eq!(told(1, |cx| here.control(Control::Open, cx)), [("open", "manual")]);
        assert_eq!(told(2, |cx| here.overhear(Tick::ZERO, cx)), []);
        assert_eq!(told(3, |cx| there.overhear(Tick::ZERO, cx)), [("open", "manual")]);
        assert_eq!(told(4, |cx| there.overhear(Tick::ZERO, cx)), []);
    }

    #[test]
    fn a_state_between_two_looks_is_told_too() {
        let (here, there) = two();
        told(1, |cx| here.control(Control::Open, cx));
        told(2, |cx| here.control(Control::HalfOpen, cx));
        assert_eq!(told(3, |cx| there.overhear(Tick::ZERO, cx)), [("open", ""), ("half_open", "manual")]);
        told(4, |cx| here.control(Control::Close, cx));
        assert_eq!(told(5, |cx| there.control(Control::Open, cx)), [("closed", ""), ("open", "manual")]);
        assert_eq!(told(6, |cx| there.overhear(Tick::ZERO, cx)), []);
    }

    #[test]
    fn of_many_changes_between_two_looks_the_newest_is_told_from_where_it_came() {
        use Control::{Close, ForceOpen, HalfOpen, Open};
        for (changes, told) in [
            (&[Open, HalfOpen, Close, Open, HalfOpen][..], &[("closed", "open"), ("open", "half_open")][..]),
            (&[Open, HalfOpen, Close, Open], &[("closed", "open")]),
            (&[Open, Close], &[("closed", "open"), ("open", "closed")]),
            (&[Open, HalfOpen, Open, HalfOpen, Close], &[("closed", "half_open"), ("half_open", "closed")]),
            (&[ForceOpen, Close, Open, Close, ForceOpen], &[("closed", "forced_open")]),
        ] {
            let (here, there) = two();
            let mut notes = Vec::new();
            let mut cx = Cx { now: Tick(1), rng: &Rng::seeded(1), notes: &mut notes };
            changes.iter().for_each(|change| here.control(*change, &mut cx));
            cx.notes.clear();
            there.overhear(Tick::ZERO, &mut cx);
            there.overhear(Tick::ZERO, &mut cx);
            let heard: Vec<_> = notes.iter().map(|note| (note.from, note.to)).collect();
            assert_eq!(heard, told, "{changes:?}");
        }
    }

    #[test]
    fn what_happened_before_anybody_listened_is_no_news() {
        let (here, there) = two();
        told(1, |cx| here.control(Control::Open, cx));
        assert_eq!(told(5, |cx| there.overhear(Tick(2_000_000), cx)), []);
        assert_eq!(told(6, |cx| there.overhear(Tick::ZERO, cx)), []);
        told(7, |cx| here.control(Control::Close, cx));
        assert_eq!(told(8, |cx| there.overhear(Tick(7_000_000), cx)), [("closed", "manual")]);
    }

    #[test]
    fn a_change_whose_maker_died_before_he_said_why_is_told_at_the_second_look() {
        let (here, there) = two();
        let last = here.cell.word(LAST).load(Ordering::Relaxed);
        told(1, |cx| here.control(Control::Open, cx));
        here.cell.word(LAST).store(last, Ordering::Relaxed);
        assert_eq!(told(2, |cx| there.overhear(Tick::ZERO, cx)), []);
        assert_eq!(told(3, |cx| there.overhear(Tick::ZERO, cx)), [("open", "")]);
        assert_eq!(told(4, |cx| there.overhear(Tick::ZERO, cx)), []);
    }
}
