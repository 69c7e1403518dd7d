//! Settings of a part as words, for cells that processes of several versions and languages share.
//!
//! Reading believes nothing: what is out of range is no setting.

use super::{
    BreakerConfig, BudgetRule, BulkheadConfig, CostConfig, HalfOpen, OnMaxWait, OpenFor, ProbeMode, Rate, SlowCall,
    Window,
};
use crate::breaker::State;
use crate::time::Span;

/// The longest span that settings hold, with room to spare.
const LONGEST: u64 = Span::secs(10 * 366 * 24 * 3600).0;
const NONE: u64 = u64::MAX;

/// A part's settings that can be written into a cell's record.
pub(crate) trait AsWords: Sized {
    fn write(&self, to: &mut Vec<u64>);
    /// The same settings, if these are any; `name` is the part's.
    fn read(from: &mut Reader<'_>, name: &str) -> Option<Self>;

    fn to_words(&self) -> Vec<u64> {
        let mut words = Vec::new();
        self.write(&mut words);
        words
    }

    fn from_words(words: &[u64], name: &str) -> Option<Self> {
        let mut reader = Reader(words);
        let settings = Self::read(&mut reader, name)?;
        reader.0.is_empty().then_some(settings)
    }
}

pub(crate) struct Reader<'a>(&'a [u64]);

impl Reader<'_> {
    fn word(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
    fn within(&mut self, min: u64, max: u64) -> Option<u64> {
        self.word().filter(|word| (min..=max).contains(word))
    }
    fn number(&mut self, min: u32, max: u32) -> Option<u32> {
        self.within(min.into(), max.into()).map(|word| word as u32)
    }
    fn span(&mut self) -> Option<Span> {
        self.within(0, LONGEST).map(Span)
    }
    /// A span that is divided by, or waited for.
    fn long(&mut self) -> Option<Span> {
        self.within(1, LONGEST).map(Span)
    }
    fn real(&mut self, min: f64, max: f64) -> Option<f64> {
        self.word().map(f64::from_bits).filter(|real| (min..=max).contains(real))
    }
    fn flag(&mut self) -> Option<bool> {
        self.within(0, 1).map(|word| word == 1)
    }
    /// `None` inside where nothing was set.
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.0.first() == Some(&NONE) {
            self.word();
            return Some(None);
        }
        read(self).map(Some)
    }
    fn text(&mut self, longest: usize) -> Option<String> {
        let length = self.within(0, longest as u64)? as usize;
        let mut bytes = Vec::with_capacity(length + 8);
        for _ in 0..length.div_ceil(8) {
            bytes.extend(self.word()?.to_le_bytes());
        }
        bytes.truncate(length);
        String::from_utf8(bytes).ok()
    }
}

fn optional(value: Option<impl Into<u64>>) -> u64 {
    value.map_or(NONE, Into::into)
}

fn nanos(span: Option<Span>) -> u64 {
    optional(span.map(|span| span.0.min(LONGEST)))
}

impl AsWords for BreakerConfig {
    fn write(&self, to: &mut Vec<u64>) {
        match self.window {
            Window::Consecutive { failures } => to.extend([0, failures.into(), 0, 0]),
            Window::Count { size } => to.extend([1, size.into(), 0, 0]),
            Window::Time { span, slices, aligned } => to.extend([2, span.0, slices.into(), aligned.into()]),
        }
        to.extend([optional(self.failure_rate.map(|rate| rate.0)), optional(self.failure_count)]);
        match self.slow_call {
            Some(slow) => to.extend([slow.longer_than.0, slow.rate.0.into()]),
            None => to.push(NONE),
        }
        to.push(self.minimum_calls.into());
        let open = &self.open_for;
        to.extend([open.base.0, open.factor.to_bits(), open.cap.0, open.jitter.to_bits()]);
        let half = &self.half_open;
        to.extend([u64::from(half.permits), u64::from(half.mode == ProbeMode::Concurrent)]);
        to.extend([optional(half.successes), optional(half.of), nanos(half.max_wait)]);
        to.extend([u64::from(half.on_max_wait == OnMaxWait::Closed), half.lease.0]);
        to.extend([self.initial_state as u64, u64::from(self.count_throttled), u64::from(self.from_server_hint)]);
    }

    fn read(from: &mut Reader<'_>, name: &str) -> Option<BreakerConfig> {
        const MILLION: u32 = 1_000_000;
        let rate = |from: &mut Reader<'_>| from.number(1, Rate::ONE.0).map(Rate);
        let window = match from.within(0, 2)? {
            0 => {
                let window = Window::Consecutive { failures: from.number(1, MILLION)? };
                from.word()?;
                from.word()?;
                window
            }
            1 => {
                let window = Window::Count { size: from.number(1, MILLION)? };
                from.word()?;
                from.word()?;
                window
            }
            _ => Window::Time { span: from.long()?, slices: from.number(1, 64)?, aligned: from.flag()? },
        };
        Some(BreakerConfig {
            name: Some(name.to_owned()),
            window,
            failure_rate: from.optional(rate)?,
            failure_count: from.optional(|from| from.number(1, MILLION))?,
            slow_call: from.optional(|from| Some(SlowCall { longer_than: from.span()?, rate: rate(from)? }))?,
            minimum_calls: from.number(1, MILLION)?,
            open_for: OpenFor {
                base: from.long()?,
                factor: from.real(1.0, 1000.0)?,
                cap: from.long()?,
                jitter: from.real(0.0, 1.0)?,
            },
            half_open: HalfOpen {
                permits: from.number(1, 65_535)?,
                mode: if from.flag()? { ProbeMode::Concurrent } else { ProbeMode::Total },
                successes: from.optional(|from| from.number(1, 65_535))?,
                of: from.optional(|from| from.number(1, 65_535))?,
                max_wait: from.optional(Reader::long)?,
                on_max_wait: if from.flag()? { OnMaxWait::Closed } else { OnMaxWait::Open },
                lease: from.long()?,
            },
            initial_state: State::from_u8(from.within(0, 5)? as u8)?,
            count_throttled: from.flag()?,
            from_server_hint: from.flag()?,
        })
    }
}

impl AsWords for BulkheadConfig {
    fn write(&self, to: &mut Vec<u64>) {
        to.extend([u64::from(self.limit), u64::from(self.queue), nanos(self.max_wait)]);
    }

    fn read(from: &mut Reader<'_>, name: &str) -> Option<BulkheadConfig> {
        Some(BulkheadConfig {
            name: Some(name.to_owned()),
            limit: from.number(0, u32::MAX)?,
            queue: from.number(0, u32::MAX)?,
            max_wait: from.optional(Reader::span)?,
        })
    }
}

impl AsWords for BudgetRule {
    fn write(&self, to: &mut Vec<u64>) {
        match *self {
            BudgetRule::Tokens { capacity, failure, timeout, throttled, hedge, refund } => {
                to.push(0);
                to.extend([capacity, failure, timeout, throttled, hedge, refund].map(u64::from));
            }
            BudgetRule::Ratio { share, floor_per_second, span } => {
                to.extend([1, share.to_bits(), floor_per_second.to_bits(), span.0]);
            }
            BudgetRule::Concurrent { share, floor } => to.extend([2, share.to_bits(), floor.into()]),
            BudgetRule::Cap { retries } => to.extend([3, retries.into()]),
        }
    }

    fn read(from: &mut Reader<'_>, _name: &str) -> Option<BudgetRule> {
        const MUCH: f64 = 1e9;
        Some(match from.within(0, 3)? {
            0 => BudgetRule::Tokens {
                capacity: from.number(0, u32::MAX)?,
                failure: from.number(0, u32::MAX)?,
                timeout: from.number(0, u32::MAX)?,
                throttled: from.number(0, u32::MAX)?,
                hedge: from.number(0, u32::MAX)?,
                refund: from.number(0, u32::MAX)?,
            },
            1 => BudgetRule::Ratio {
                share: from.real(0.0, MUCH)?,
                floor_per_second: from.real(0.0, MUCH)?,
                span: from.long()?,
            },
            2 => BudgetRule::Concurrent { share: from.real(0.0, MUCH)?, floor: from.number(0, u32::MAX)? },
            _ => BudgetRule::Cap { retries: from.number(0, u32::MAX)? },
        })
    }
}

impl AsWords for CostConfig {
    fn write(&self, to: &mut Vec<u64>) {
        to.extend([nanos(self.per), self.limits.len() as u64]);
        for (amount, limit) in &self.limits {
            to.push(amount.len() as u64);
            to.extend(amount.as_bytes().chunks(8).map(|chunk| {
                let mut bytes = [0; 8];
                bytes[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(bytes)
            }));
            to.push(*limit);
        }
    }

    fn read(from: &mut Reader<'_>, name: &str) -> Option<CostConfig> {
        let per = from.optional(Reader::long)?;
        let amounts = from.within(1, crate::cost::AMOUNTS as u64)?;
        let limits = (0..amounts).map(|_| Some((from.text(128)?, from.word()?))).collect::<Option<_>>()?;
        Some(CostConfig { name: name.to_owned(), limits, per })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn same<C: AsWords + PartialEq + std::fmt::Debug>(config: C, name: &str) {
        let words = config.to_words();
        assert_eq!(C::from_words(&words, name), Some(config));
        // Nothing too short is taken for settings, and nothing written over one makes a reader fail.
        assert_eq!(C::from_words(&words[..words.len() - 1], name), None);
        for at in 0..words.len() {
            for value in [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32] {
                let mut scribbled = words.clone();
                scribbled[at] = value;
                let _ = C::from_words(&scribbled, name);
            }
        }
    }

    #[test]
    fn settings_read_as_they_were_written() {
        let name = || Some("x".to_owned());
        let half_open = HalfOpen {
            permits: 5,
            mode: ProbeMode::Concurrent,
            successes: Some(2),
            of: Some(3),
            max_wait: Some(Span::secs(60)),
            on_max_wait: OnMaxWait::Closed,
            lease: Span::secs(40),
        };
        for window in [
            Window::Consecutive { failures: 3 },
            Window::Count { size: 100 },
            Window::Time { span: Span::secs(30), slices: 10, aligned: true },
        ] {
            same(
                BreakerConfig {
                    name: name(),
                    window,
                    half_open,
                    failure_rate: Some(Rate::ONE),
                    failure_count: Some(9),
                    slow_call: Some(SlowCall { longer_than: Span::millis(3), rate: Rate(7) }),
                    from_server_hint: true,
                    ..BreakerConfig::default()
                },
                "x",
            );
        }
        same(BreakerConfig { name: name(), ..BreakerConfig::default() }, "x");
        same(BulkheadConfig { name: name(), limit: 3, queue: u32::MAX, max_wait: Some(Span::ZERO) }, "x");
        same(BudgetRule::Tokens { capacity: 9, failure: 1, timeout: 2, throttled: 3, hedge: 4, refund: 5 }, "x");
        same(BudgetRule::Ratio { share: 0.2, floor_per_second: 1.5, span: Span::secs(10) }, "x");
        same(BudgetRule::Concurrent { share: 0.2, floor: 3 }, "x");
        same(BudgetRule::Cap { retries: 3 }, "x");
        let limits = vec![("tokens".to_owned(), 100_000), ("a longer amount's name".to_owned(), u64::MAX)];
        same(CostConfig { name: "x".to_owned(), limits, per: Some(Span::secs(60)) }, "x");
    }
}
