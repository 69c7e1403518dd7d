//! The length of one wait, from the attempt number and a uniform number.

use crate::config::{Backoff, Delay, Jitter};
use crate::rng::Rng;
use crate::time::Span;

/// The delay before retry `k` (1 is the first). `previous` is the delay before it, the base at k = 1.
///
/// The backoff is capped before jitter and the delay after it. Formulas: full, equal and
/// decorrelated jitter after the AWS Architecture Blog ("Exponential Backoff And Jitter", 2015);
/// decorrelated v2 after Polly.Contrib.WaitAndRetry.
pub(super) fn delay(config: &Delay, k: u32, previous: Option<Span>, rng: &Rng) -> Span {
    let (base, cap) = (base(&config.backoff), cap(&config.backoff));
    if let Backoff::Uniform { min, max } = config.backoff {
        let width = max.minus(min);
        return min.plus(width.times(rng.uniform())).min(max);
    }
    let e = exact(&config.backoff, k).min(cap).0 as f64;
    let nanos = match config.jitter {
        Jitter::None => e,
        Jitter::Full => rng.uniform() * e,
        Jitter::Equal => e / 2.0 + rng.uniform() * e / 2.0,
        Jitter::Proportional { factor } => e * (1.0 - factor + 2.0 * factor * rng.uniform()),
        Jitter::Additive { factor } => e * (1.0 + factor * rng.uniform()),
        Jitter::Absolute { span } => {
            let d = span.0 as f64;
            e - d + 2.0 * d * rng.uniform()
        }
        Jitter::Decorrelated => {
            let base = base.0 as f64;
            let previous = previous.map_or(base, |span| span.0 as f64);
            base + rng.uniform() * (3.0 * previous - base)
        }
        // Drawn by the schedule, which knows where on the curve the last one was.
        Jitter::DecorrelatedV2 => e,
    };
    clamped(config, nanos)
}

/// `nanos` as a delay: not negative, not above the cap.
pub(super) fn clamped(config: &Delay, nanos: f64) -> Span {
    Span::from_nanos_f64(nanos).min(cap(&config.backoff))
}

/// F(t) = 2^t · tanh(√(4t)) with t = k − 1 + r.
pub(super) fn growth(k: u32, r: f64) -> f64 {
    let t = f64::from(k - 1) + r;
    t.exp2() * (4.0 * t).sqrt().tanh()
}

fn exact(backoff: &Backoff, k: u32) -> Span {
    match backoff {
        Backoff::Exponential { base, factor, .. } => base.times(factor.powi((k - 1).min(i32::MAX as u32) as i32)),
        Backoff::Linear { base, .. } => Span(base.0.saturating_mul(u64::from(k))),
        Backoff::Fixed { base, .. } => *base,
        Backoff::List { delays, .. } => {
            let index = (k as usize - 1).min(delays.len().saturating_sub(1));
            delays.get(index).copied().unwrap_or_default()
        }
        Backoff::Uniform { min, .. } => *min,
    }
}

pub(super) fn base(backoff: &Backoff) -> Span {
    match backoff {
        Backoff::Exponential { base, .. } | Backoff::Linear { base, .. } | Backoff::Fixed { base, .. } => *base,
        Backoff::List { delays, .. } => delays.first().copied().unwrap_or_default(),
        Backoff::Uniform { min, .. } => *min,
    }
}

fn cap(backoff: &Backoff) -> Span {
    match backoff {
        Backoff::Exponential { cap, .. }
        | Backoff::Linear { cap, .. }
        | Backoff::Fixed { cap, .. }
        | Backoff::List { cap, .. } => *cap,
        Backoff::Uniform { max, .. } => *max,
    }
}
