//! Limits that follow the calls: a quantile of recent durations, with room to spare.

use crate::cell::{Block, LINE};
use crate::config::AdaptiveConfig;
use crate::cx::Cx;
use crate::sync::Ordering;
use crate::time::{Span, Tick};

/// The latest attempts that are remembered; an older one is forgotten even inside the span.
pub const SAMPLES: usize = 512;
const NEXT: usize = 0;
const FIRST: usize = LINE;
/// A sample is one word: when (milliseconds, plus one) above how long (microseconds, rounded up).
const MICROS: u64 = u32::MAX as u64;

/// The adaptive limit of one policy's attempts.
pub struct Adaptive {
    config: AdaptiveConfig,
    cell: Block,
}

impl Adaptive {
    /// A limit that has seen no attempt yet.
    pub fn new(config: &AdaptiveConfig) -> Adaptive {
        Adaptive { config: *config, cell: Block::new(FIRST + SAMPLES) }
    }

    /// clamp(quantile × factor, min, fixed); `fixed` below `minimum_calls`.
    pub fn limit(&self, fixed: Span, cx: &mut Cx) -> Span {
        match self.quantile(cx.now) {
            Some(quantile) => quantile.times(self.config.factor).max(self.config.min).min(fixed),
            None => fixed,
        }
    }

    /// An attempt took so long.
    pub fn record(&self, took: Span, cx: &mut Cx) {
        // Relaxed: only spreads the writers over the ring.
        let index = self.cell.word(NEXT).fetch_add(1, Ordering::Relaxed) % SAMPLES as u64;
        let sample = millis(cx.now) << 32 | took.micros_ceil().min(MICROS);
        // Release: a sample is one word and stands for itself.
        self.cell.word(FIRST + index as usize).store(sample, Ordering::Release);
    }

    /// Samples within the span.
    pub fn samples(&self, now: Tick) -> usize {
        self.recent(now).len()
    }

    /// Nearest rank: the smallest duration that at least that share of the samples does not exceed.
    fn quantile(&self, now: Tick) -> Option<Span> {
        let mut recent = self.recent(now);
        if recent.is_empty() || recent.len() < self.config.minimum_calls as usize {
            return None;
        }
        let rank = (self.config.quantile * recent.len() as f64 - 1e-9).ceil() as usize;
        let index = rank.clamp(1, recent.len()) - 1;
        let (_, micros, _) = recent.select_nth_unstable(index);
        Some(Span::micros(*micros))
    }

    fn recent(&self, now: Tick) -> Vec<u64> {
        let (now, span) = (millis(now), self.config.span.millis_ceil());
        (0..SAMPLES)
            .map(|i| self.cell.word(FIRST + i).load(Ordering::Acquire))
            .filter(|sample| *sample != 0 && (now as u32).wrapping_sub((sample >> 32) as u32) as u64 <= span)
            .map(|sample| sample & MICROS)
            .collect()
    }
}

/// Milliseconds in 32 bits, plus one so that no sample is the empty word; differences wrap.
fn millis(at: Tick) -> u64 {
    (at.0 / 1_000_000 + 1) & MICROS
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn at<R>(millis: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
        f(&mut Cx { now: Tick(millis * 1_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
    }

    #[test]
    fn follows_the_quantile_between_min_and_the_fixed_limit() {
        let adaptive = Adaptive::new(&AdaptiveConfig { minimum_calls: 20, ..AdaptiveConfig::default() });
        let fixed = Span::secs(1);
        // Durations of 1 to 19 ms are too few.
        (1..20).for_each(|ms| at(0, |cx| adaptive.record(Span::millis(ms), cx)));
        assert_eq!(at(0, |cx| adaptive.limit(fixed, cx)), fixed);
        // Of 1 to 20 ms the 19th is the p95: 19 × 1.5.
        at(0, |cx| adaptive.record(Span::millis(20), cx));
        assert_eq!(at(0, |cx| adaptive.limit(fixed, cx)), Span::micros(28_500));
        assert_eq!(at(0, |cx| adaptive.limit(Span::millis(20), cx)), Span::millis(20));
        // Out of the span nothing is left.
        assert_eq!(at(300_001, |cx| adaptive.limit(fixed, cx)), fixed);
    }

    #[test]
    fn only_the_latest_samples_are_kept() {
        let adaptive = Adaptive::new(&AdaptiveConfig::default());
        (0..SAMPLES as u64 + 100).for_each(|_| at(1, |cx| adaptive.record(Span::millis(1), cx)));
        assert_eq!(adaptive.samples(Tick(2_000_000)), SAMPLES);
    }
}
