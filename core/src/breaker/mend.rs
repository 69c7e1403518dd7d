//! Words of a shared cell that say what cannot be: somebody scribbled over them. Who comes upon one sets
//! it right, and the circuit goes on as one whose window has just begun. The usual ways pay a comparison.

use super::Breaker;
use super::layout::{BASES, ORIGIN};
use super::transition::{Reason, SLOT_VALUE, slot_of};
use super::word::Word;
use crate::cx::Cx;
use crate::sync::Ordering;
use crate::time::Tick;
use crate::window::time::Slices;

impl Breaker {
    /// A state that is none ends; a gate that says *pass* where calls are refused, or not counted, says so
    /// no more.
    #[cold]
    pub(super) fn mend_word(&self, word: Word, cx: &mut Cx) {
        if word.known_state().is_some() {
            self.swap_word(word, word.with_pass(false));
        } else {
            self.close(word, Reason::None, cx);
        }
    }

    /// The youngest slice is ahead of `now`. For who was stopped it may be; else nobody can have begun it.
    /// Whether the window begins anew.
    #[cold]
    pub(super) fn mend_window(&self, slices: Slices, now: Tick) -> bool {
        let latest = self.window_time(self.cell.latest(now));
        let is_put_back = slices.put_back(&self.cell, latest);
        if is_put_back {
            self.spare_no_more();
        }
        is_put_back
    }

    /// Slices that are not aligned begin at the first call ever seen: this one, if there was none, or if
    /// nobody can have seen it yet. Aligned ones begin at the clock's own zero.
    #[cold]
    pub(super) fn begin_slices(&self, unaligned: bool, seen: u64, now: Tick) {
        // One more than the instant, so that zero means "not yet".
        let first = if unaligned { now.0.saturating_add(1) } else { 0 };
        if seen == 0 || !unaligned || seen - 1 > self.cell.latest(now).0 {
            // AcqRel: one origin for all.
            let _ = self.cell.word(ORIGIN).compare_exchange(seen, first, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// How many of so many calls were made in this generation, which began with no more than there are.
    pub(super) fn calls_of(&self, generation: u32, number: u64) -> u64 {
        let (number, base) = (number & SLOT_VALUE, self.base(generation));
        if base > number {
            self.mend_base(generation, base, number);
        }
        number.saturating_sub(base)
    }

    #[cold]
    fn mend_base(&self, generation: u32, base: u64, number: u64) {
        let slot = self.cell.word(BASES + (generation % 4) as usize);
        let (seen, right) = (slot_of(generation, base), slot_of(generation, number));
        // AcqRel: as whoever begins a generation writes it.
        let _ = slot.compare_exchange(seen, right, Ordering::AcqRel, Ordering::Relaxed);
    }
}
