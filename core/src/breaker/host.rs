//! A breaker whose cell lies in a segment.

use super::layout::{DEADLINES, Layout, WORD};
use super::word::Word;
use super::{Breaker, Reason, State};
use crate::cell::Block;
use crate::config::BreakerConfig;
use crate::cx::Cx;
use crate::event::{EventKind, Note, PartKind};
use crate::family::Spot;
use crate::segment::{Held, WRITERS};
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::time::Span;

impl Breaker {
    /// At a spot that processes share; of this process's own where there is none.
    pub(crate) fn at_spot(config: &Arc<BreakerConfig>, spot: Option<Spot<'_>>) -> Breaker {
        let shared = spot.and_then(|spot| {
            let words = Layout::of(config, WRITERS).words;
            let fill = |new: &[AtomicU64], old: Option<(&BreakerConfig, &[AtomicU64])>| Breaker::fill(config, new, old);
            let (config, found) = spot.home.cell(spot.key, config, words, &fill)?;
            Breaker::in_cell(&config, found.held)
        });
        shared.unwrap_or_else(|| Breaker::of(config))
    }

    pub(crate) fn cell(&self) -> &Block {
        &self.cell
    }

    /// The breaker of a cell that was made for these settings; `None` if it is too small for them.
    pub(crate) fn in_cell(config: &Arc<BreakerConfig>, held: Arc<Held>) -> Option<Breaker> {
        Breaker::over(config, Block::mapped(held))
    }

    /// The same over words that may only be looked at.
    pub(crate) fn over(config: &Arc<BreakerConfig>, cell: Block) -> Option<Breaker> {
        let layout = Layout::of(config, WRITERS);
        let heard = AtomicU64::new(0);
        let fits = layout.words <= cell.len();
        let breaker = fits.then(|| Breaker { config: config.clone(), layout, cell: Arc::new(cell), heard })?;
        // What happened before is known to who asks.
        breaker.heard.store(tell(breaker.word().generation()), Ordering::Relaxed);
        Some(breaker)
    }

    /// Tells of the last transition, if another process made it. Not at the first look at it: then it
    /// may be one of our own whose caller is about to tell.
    pub(crate) fn overhear(&self, cx: &mut Cx) {
        if self.cell.held().is_none() {
            return;
        }
        let (word, heard) = (self.word(), self.heard.load(Ordering::Relaxed));
        let generation = word.generation();
        if heard & TOLD == u64::from(generation) {
            return;
        }
        // Relaxed: nothing hangs on it but who tells, and one process ticks in one thread.
        if heard >> 32 != u64::from(generation) + 1 {
            self.heard.store(heard & TOLD | (u64::from(generation) + 1) << 32, Ordering::Relaxed);
            return;
        }
        self.heard.store(tell(generation), Ordering::Relaxed);
        if let Some(last) = self.peek(cx.now).last_transition {
            let kind = match (last.to, last.reason) {
                (_, Reason::Reset) => EventKind::Forced,
                (State::Open, _) => EventKind::Opened,
                (State::HalfOpen, _) => EventKind::HalfOpened,
                (State::Closed, _) => EventKind::Closed,
                _ => EventKind::Forced,
            };
            let note = Note::new(kind, PartKind::Breaker, last.at);
            let span = if last.to == State::Open { last.at.until(self.deadline(generation)) } else { Span::ZERO };
            let (from, to, reason) = (last.from.as_str(), last.to.as_str(), last.reason.as_str());
            cx.note(Note { from, to, reason, span, ..note });
        }
    }

    /// A transition of this process, which tells of it itself.
    pub(super) fn told(&self, generation: u32) {
        self.heard.store(tell(generation), Ordering::Relaxed);
    }

    /// Fills a new cell. Where it takes the place of an old one it begins with its state, deadline and
    /// generation; with its window too, if that has the same shape.
    fn fill(config: &Arc<BreakerConfig>, words: &[AtomicU64], old: Option<(&BreakerConfig, &[AtomicU64])>) {
        let new = Breaker::of_lines(config, WRITERS);
        if let Some((old_config, old)) = old {
            let same = Layout::of(old_config, WRITERS) == new.layout;
            let (first, count) = if same { (0, new.layout.words) } else { (DEADLINES, 4) };
            // Relaxed: nobody else knows the new cell yet; each word of the old one is taken as it is.
            for index in (first..first + count).take_while(|index| *index < old.len()) {
                new.cell.word(index).store(old[index].load(Ordering::Acquire), Ordering::Relaxed);
            }
            let word = Word(old[WORD].load(Ordering::Acquire));
            new.cell.word(WORD).store(word.with_pass(false).0, Ordering::Relaxed);
        }
        for (index, word) in words.iter().enumerate().take(new.layout.words) {
            word.store(new.cell.word(index).load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

const TOLD: u64 = 0xffff_ffff;

fn tell(generation: u32) -> u64 {
    u64::from(generation)
}

/// Leaves a cell for good: who still knows it asks, and finds that another took its place.
pub(crate) fn retire_words(cell: &[AtomicU64]) {
    let Some(gate) = cell.get(WORD) else { return };
    // AcqRel: after the last change of the state, before anybody asks again.
    let _ = gate.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| Some(Word(word).next(State::Disabled).0));
}
