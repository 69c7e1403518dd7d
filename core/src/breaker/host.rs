//! A breaker whose cell lies in a segment.

use super::hearsay::Heard;
use super::layout::{DEADLINES, Layout, WORD};
use super::word::Word;
use super::{Breaker, State};
use crate::cell::Block;
use crate::config::BreakerConfig;
use crate::family::Spot;
use crate::segment::{Held, WRITERS};
use crate::sync::{Arc, AtomicU64, Ordering};

impl Breaker {
    /// At a spot that processes share; of this process's own where there is none.
    pub(crate) fn at_spot(config: &Arc<BreakerConfig>, spot: Option<Spot<'_>>) -> Breaker {
        let shared = spot.and_then(|spot| {
            let words = Layout::of(config, WRITERS.lines()).words();
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
        let mut breaker = Breaker::over(config, Block::mapped(held))?;
        breaker.heard = Some(Heard::from(breaker.word()));
        Some(breaker)
    }

    /// The same over words that may only be looked at.
    pub(crate) fn over(config: &Arc<BreakerConfig>, cell: Block) -> Option<Breaker> {
        let layout = Layout::of(config, WRITERS.lines());
        (layout.words() <= cell.len()).then(|| Breaker::over_cell(config, layout, Arc::new(cell), None))
    }

    /// Fills a new cell. Where it takes the place of an old one it begins with its state, deadline and
    /// generation; with its window too, if that has the same shape.
    fn fill(config: &Arc<BreakerConfig>, words: &[AtomicU64], old: Option<(&BreakerConfig, &[AtomicU64])>) {
        let new = Breaker::of_lines(config, WRITERS.lines());
        if let Some((old_config, old)) = old {
            let same = Layout::of(old_config, WRITERS.lines()) == new.layout;
            let (first, count) = if same { (0, new.layout.words()) } else { (DEADLINES, 4) };
            // Relaxed: nobody else knows the new cell yet; each word of the old one is taken as it is.
            for index in (first..first + count).take_while(|index| *index < old.len()) {
                new.cell.word(index).store(old[index].load(Ordering::Acquire), Ordering::Relaxed);
            }
            let word = Word(old[WORD].load(Ordering::Acquire));
            new.cell.word(WORD).store(word.with_pass(false).0, Ordering::Relaxed);
        }
        for (index, word) in words.iter().enumerate().take(new.layout.words()) {
            word.store(new.cell.word(index).load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// Leaves a cell for good: who still knows it asks, and finds that another took its place.
pub(crate) fn retire_words(cell: &[AtomicU64]) {
    let Some(gate) = cell.get(WORD) else { return };
    // AcqRel: after the last change of the state, before anybody asks again.
    let _ = gate.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| Some(Word(word).next(State::Disabled).0));
}
