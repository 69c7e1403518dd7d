//! Monotonic instants and lengths of time, both in whole nanoseconds.
//!
//! Policies never read a clock: they are given a [`Tick`]. All arithmetic saturates, so that an
//! absurd duration ends up far in the future and never in the past.

use std::fmt;
use std::time::Duration;

/// An instant on a monotonic clock, in nanoseconds since that clock's own zero.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Tick(pub u64);

/// A length of time in nanoseconds.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(pub u64);

impl Tick {
    /// The clock's own zero.
    pub const ZERO: Tick = Tick(0);
    /// An instant that never comes.
    pub const NEVER: Tick = Tick(u64::MAX);

    /// So much later; at most [`Tick::NEVER`].
    pub const fn after(self, span: Span) -> Tick {
        Tick(self.0.saturating_add(span.0))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Tick) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The time from this instant until `later`; zero if it has passed.
    pub const fn until(self, later: Tick) -> Span {
        later.since(self)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Some 584 years.
    pub const MAX: Span = Span(u64::MAX);

    /// So many nanoseconds.
    pub const fn nanos(n: u64) -> Span {
        Span(n)
    }
    /// So many microseconds, at most [`Span::MAX`].
    pub const fn micros(n: u64) -> Span {
        Span(n.saturating_mul(1_000))
    }
    /// So many milliseconds, at most [`Span::MAX`].
    pub const fn millis(n: u64) -> Span {
        Span(n.saturating_mul(1_000_000))
    }
    /// So many seconds, at most [`Span::MAX`].
    pub const fn secs(n: u64) -> Span {
        Span(n.saturating_mul(1_000_000_000))
    }

    /// From seconds as a float; negative and NaN become zero, too large saturates.
    pub fn from_secs_f64(seconds: f64) -> Span {
        Span::from_nanos_f64(seconds * 1e9)
    }

    /// From nanoseconds as a float, rounded; negative and NaN become zero, too large saturates.
    pub fn from_nanos_f64(nanos: f64) -> Span {
        // A float-to-integer cast saturates and maps NaN to zero.
        Span(nanos.round() as u64)
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whole microseconds, rounded up: how shared deadlines are kept.
    pub const fn micros_ceil(self) -> u64 {
        self.0.div_ceil(1_000)
    }

    /// Whole milliseconds, rounded up: how leases are kept.
    pub const fn millis_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000)
    }

    /// The two together, at most [`Span::MAX`].
    pub const fn plus(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }

    /// What is left; zero if `other` is longer.
    pub const fn minus(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self × factor`, saturating; a factor that is negative or NaN gives zero.
    pub fn times(self, factor: f64) -> Span {
        Span::from_nanos_f64(self.0 as f64 * factor)
    }

    /// For the standard library.
    pub const fn to_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl From<Duration> for Span {
    fn from(d: Duration) -> Span {
        Span(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(s: Span) -> Duration {
        s.to_duration()
    }
}

/// The largest unit that keeps the number whole: `1500ms`, `30s`, `5m`, `1h`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let (size, unit) = UNITS.into_iter().find(|(size, _)| self.0.is_multiple_of(*size)).unwrap_or((1, "ns"));
        write!(f, "{}{unit}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Tick(5).since(Tick(9)), Span::ZERO);
        assert_eq!(Tick(u64::MAX - 1).after(Span(10)), Tick::NEVER);
        assert_eq!(Span::from_secs_f64(f64::NAN), Span::ZERO);
        assert_eq!(Span::from_secs_f64(-1.0), Span::ZERO);
        assert_eq!(Span::from_secs_f64(1e300), Span::MAX);
        assert_eq!(Span::secs(u64::MAX), Span::MAX);
    }

    #[test]
    fn displays_with_the_largest_whole_unit() {
        let shown = [Span::ZERO, Span::millis(1500), Span::secs(30), Span::secs(3600), Span(1)].map(|s| s.to_string());
        assert_eq!(shown, ["0s", "1500ms", "30s", "1h", "1ns"]);
    }
}
