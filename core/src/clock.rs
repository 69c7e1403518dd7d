//! The one reader of the system clock. Policies are given the time; drivers ask here.

use crate::sync::{AtomicU64, OnceLock, Ordering};
use crate::time::{Span, Tick};

/// `manual` holds this while the clock follows the system.
const FOLLOWS_SYSTEM: u64 = u64::MAX;

/// A monotonic clock that a test can take over: it follows `CLOCK_MONOTONIC`, or stands still at
/// an instant that only [`Clock::advance`] moves.
pub struct Clock {
    manual: AtomicU64,
}

impl Clock {
    /// Follows the system's monotonic clock; steps of the wall clock change nothing.
    pub fn monotonic() -> Clock {
        Clock { manual: AtomicU64::new(FOLLOWS_SYSTEM) }
    }

    /// Stands at `at` until it is advanced.
    pub fn manual(at: Tick) -> Clock {
        Clock { manual: AtomicU64::new(at.0.min(FOLLOWS_SYSTEM - 1)) }
    }

    /// The present instant.
    pub fn now(&self) -> Tick {
        // Relaxed: the word carries nothing but itself; a test orders its own steps.
        match self.manual.load(Ordering::Relaxed) {
            FOLLOWS_SYSTEM => system_now(),
            at => Tick(at),
        }
    }

    /// A cheaper look at the same clock: never later than [`Clock::now`], and earlier by no more than
    /// the span beside it, unless the machine itself was held up for longer.
    pub fn coarse(&self) -> (Tick, Span) {
        match self.manual.load(Ordering::Relaxed) {
            FOLLOWS_SYSTEM => (read(rustix::time::ClockId::MonotonicCoarse), coarse_resolution()),
            at => (Tick(at), Span::ZERO),
        }
    }

    /// The time since `began`; zero where that is surely no more than `limit`, which most often the cheaper
    /// look tells. It is believed up to half of `limit`: a machine that held it up for less misleads nobody.
    pub(crate) fn since_unless_within(&self, began: Tick, limit: Span) -> Span {
        let half = Span(limit.0 / 2);
        // A limit of some ticks is not for it to tell.
        if half > coarse_resolution() {
            let (now, late) = self.coarse();
            if now.after(late).since(began) <= half {
                return Span::ZERO;
            }
        }
        self.now().since(began)
    }

    /// Whether the clock stands still until it is advanced; a driver then moves it instead of sleeping.
    pub fn is_manual(&self) -> bool {
        self.manual.load(Ordering::Relaxed) != FOLLOWS_SYSTEM
    }

    /// Stops the clock at the present instant (for tests of code that uses the process-wide clock).
    pub fn freeze(&self) {
        let now = self.now();
        self.manual.store(now.0.min(FOLLOWS_SYSTEM - 1), Ordering::Relaxed);
    }

    /// Lets a frozen clock follow the system again.
    pub fn thaw(&self) {
        self.manual.store(FOLLOWS_SYSTEM, Ordering::Relaxed);
    }

    /// Moves a manual clock on; does nothing to one that follows the system.
    pub fn advance(&self, by: Span) {
        let _ = self.manual.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| {
            (at != FOLLOWS_SYSTEM).then(|| at.saturating_add(by.0).min(FOLLOWS_SYSTEM - 1))
        });
    }
}

fn system_now() -> Tick {
    read(rustix::time::ClockId::Monotonic)
}

fn read(clock: rustix::time::ClockId) -> Tick {
    let t = rustix::time::clock_gettime(clock);
    Tick((t.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(t.tv_nsec as u64))
}

/// The coarse clock moves once a tick of the kernel, and a tick may come late.
fn coarse_resolution() -> Span {
    static RESOLUTION: OnceLock<Span> = OnceLock::new();
    *RESOLUTION.get_or_init(|| {
        let t = rustix::time::clock_getres(rustix::time::ClockId::MonotonicCoarse);
        let tick = Span((t.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(t.tv_nsec as u64));
        Span(tick.0.saturating_mul(4))
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Tick(7));
        clock.advance(Span(3));
        assert_eq!(clock.now(), Tick(10));
        assert!(clock.is_manual());
    }

    #[test]
    fn the_coarse_clock_is_behind_and_not_by_much() {
        let clock = Clock::monotonic();
        for _ in 0..1_000 {
            let before = clock.now();
            let (coarse, _) = clock.coarse();
            assert!(coarse <= clock.now());
            // A busy machine delivers its ticks late.
            assert!(coarse.after(Span::secs(1)) >= before, "{coarse:?} is far behind {before:?}");
        }
        assert_eq!(Clock::manual(Tick(7)).coarse(), (Tick(7), Span::ZERO));
    }

    #[test]
    fn only_a_time_that_is_long_beside_its_limit_is_told() {
        let (clock, began, limit) = (Clock::manual(Tick(7)), Tick(7), Span::secs(2));
        let told_after = |span| {
            clock.advance(span);
            clock.since_unless_within(began, limit)
        };
        assert_eq!(told_after(Span::millis(500)), Span::ZERO);
        assert_eq!(told_after(Span::millis(501)), Span::millis(1_001));
        assert_eq!(clock.since_unless_within(began, Span(1)), Span::millis(1_001));
    }

    #[test]
    fn a_time_of_the_systems_clock_that_is_over_its_limit_is_told() {
        let (clock, millis) = (Clock::monotonic(), Span::millis);
        for (age, limit) in
            [(millis(300), millis(200)), (millis(3), millis(2)), (Span(3), Span(1)), (Span(3), Span::ZERO)]
        {
            let began = Tick(clock.now().0 - age.0);
            assert!(clock.since_unless_within(began, limit) >= age, "{age:?} of {limit:?}");
        }
    }

    #[test]
    fn freezing_keeps_the_instant_and_thawing_goes_on() {
        let clock = Clock::monotonic();
        let before = clock.now();
        clock.freeze();
        let frozen = clock.now();
        assert!(frozen >= before);
        assert_eq!(clock.now(), frozen);
        clock.thaw();
        assert!(!clock.is_manual());
        assert!(clock.now() >= frozen);
    }
}
