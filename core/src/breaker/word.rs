//! The one word that a transition, its gate and the streak are changed in together.
//!
//! From the low end: `pass` (1 bit) and generation (31), which are the gate a caller reads; then
//! state (3), step of the open time (8), streak of failures (21), or, in the states that end by
//! themselves, what shows that their deadline is still the one they were entered with.

use super::State;

pub(crate) const MAX_STREAK: u32 = (1 << 21) - 1;
const GENERATION: u64 = (1 << 31) - 1;

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Word(pub u64);

impl Word {
    pub(crate) fn new(state: State, generation: u32) -> Word {
        Word((u64::from(generation) & GENERATION) << 1 | (state as u64) << 32)
    }

    pub(crate) fn pass(self) -> bool {
        self.0 & 1 == 1
    }
    /// What a caller reads: `generation << 1 | pass`.
    pub(crate) fn gate(self) -> u32 {
        self.0 as u32
    }
    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 1 & GENERATION) as u32
    }
    pub(crate) fn state(self) -> State {
        // An impossible number can only come from a damaged cell: let calls through.
        self.known_state().unwrap_or(State::Disabled)
    }
    pub(super) fn known_state(self) -> Option<State> {
        State::from_u8((self.0 >> 32 & 7) as u8)
    }
    /// Whether nothing speaks against what it says: a gate that says *pass* is a closed circuit's.
    pub(super) fn is_sound(self) -> bool {
        self.is(State::Closed) || (self.known_state().is_some() && !self.pass())
    }
    /// Whether it is that state, without looking which it is.
    #[inline(always)]
    pub(crate) fn is(self, state: State) -> bool {
        self.0 >> 32 & 7 == state as u64
    }
    /// Re-openings since the circuit was closed.
    pub(crate) fn step(self) -> u32 {
        if self.state() == State::MetricsOnly { 0 } else { self.step_field() }
    }
    /// In `metrics_only`, where a step has no meaning: that it was said that the circuit would open.
    pub(crate) fn told(self) -> bool {
        self.state() == State::MetricsOnly && self.step_field() != 0
    }
    fn step_field(self) -> u32 {
        (self.0 >> 35 & 0xff) as u32
    }
    pub(crate) fn streak(self) -> u32 {
        (self.0 >> 43) as u32
    }

    /// Whether it is a state that has a deadline, and no streak.
    pub(crate) fn ends_by_itself(self) -> bool {
        self.is(State::Open) || self.is(State::HalfOpen)
    }
    pub(crate) fn seal(self) -> u32 {
        self.streak()
    }
    pub(crate) fn with_seal(self, seal: u32) -> Word {
        self.with_streak(seal)
    }

    pub(crate) fn with_pass(self, pass: bool) -> Word {
        Word(self.0 & !1 | u64::from(pass))
    }
    pub(crate) fn with_step(self, step: u32) -> Word {
        Word(self.0 & !(0xff << 35) | u64::from(step.min(0xff)) << 35)
    }
    pub(crate) fn with_told(self) -> Word {
        self.with_step(1)
    }
    pub(crate) fn with_streak(self, streak: u32) -> Word {
        Word(self.0 & ((1 << 43) - 1) | u64::from(streak.min(MAX_STREAK)) << 43)
    }
    /// The first word of the next generation, in `state`, with nothing else set.
    pub(crate) fn next(self, state: State) -> Word {
        Word::new(state, self.generation().wrapping_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_keeps_to_itself() {
        let word = Word::new(State::HalfOpen, 77).with_step(300).with_streak(u32::MAX).with_pass(true);
        assert_eq!(
            (word.state(), word.generation(), word.step(), word.streak()),
            (State::HalfOpen, 77, 255, MAX_STREAK)
        );
        assert_eq!(word.gate(), 77 << 1 | 1);
        assert_eq!(word.next(State::Open), Word::new(State::Open, 78));
    }

    #[test]
    fn the_generation_wraps_without_touching_the_state() {
        let last = Word::new(State::Closed, GENERATION as u32);
        assert_eq!((last.next(State::Open).generation(), last.next(State::Open).state()), (0, State::Open));
    }
}
