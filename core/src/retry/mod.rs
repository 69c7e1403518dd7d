//! When to try again. Never sleeps: it answers with a length or a reason to stop.

mod backoff;

use crate::config::{Backoff, Delay, Jitter, RetryConfig, ServerHint};
use crate::cx::Cx;
use crate::outcome::{Hint, Outcome};
use crate::time::Span;

/// What comes after an attempt that did not succeed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Try again after so long.
    After(Span),
    /// Do not try again.
    Stop(Stop),
}

/// Why there is no further attempt. The numbers are part of the ABI.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Stop {
    /// All attempts were made.
    Attempts = 1,
    /// The next wait would pass `max_elapsed`.
    Elapsed = 2,
    /// The retry budget does not allow it.
    Budget = 3,
    /// The server said never, or later than anybody wants to wait.
    Server = 4,
    /// The dependency answered: asking again is of no use.
    Permanent = 5,
    /// A part refused the next attempt.
    Refused = 6,
    /// The call ran out of time.
    Deadline = 7,
    /// The caller gave up.
    Cancelled = 8,
}

impl Stop {
    /// Every reason, by number.
    pub const ALL: [Stop; 8] = [
        Stop::Attempts,
        Stop::Elapsed,
        Stop::Budget,
        Stop::Server,
        Stop::Permanent,
        Stop::Refused,
        Stop::Deadline,
        Stop::Cancelled,
    ];

    /// The name used in vectors, events and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stop::Attempts => "attempts",
            Stop::Elapsed => "elapsed",
            Stop::Budget => "budget",
            Stop::Server => "server",
            Stop::Permanent => "permanent",
            Stop::Refused => "refused",
            Stop::Deadline => "deadline",
            Stop::Cancelled => "cancelled",
        }
    }
}

/// How far above the backoff a clamped server hint may go (AWS SDKs, standard mode 2026).
const CLAMP: Span = Span::secs(5);

/// The retries of one call: the attempts made so far and what jitter remembers.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    retries: u32,
    previous: Option<Span>,
    /// Where on the curve of decorrelated v2 the last delay was; zero before the first.
    on_curve: f64,
}

impl Schedule {
    /// Before the first attempt.
    pub fn new() -> Schedule {
        Schedule::default()
    }

    /// Attempts that ended, the first included.
    pub fn attempts(&self) -> u32 {
        self.retries
    }

    /// An attempt ended with `outcome`, `elapsed` after the first began. `left` is the time to the
    /// call's deadline, which a server hint must not pass.
    pub fn next(
        &mut self,
        outcome: Outcome,
        hint: Option<Hint>,
        elapsed: Span,
        left: Option<Span>,
        config: &RetryConfig,
        cx: &mut Cx,
    ) -> Next {
        if let Some(stop) = refusal_to_retry(outcome, config) {
            return Next::Stop(stop);
        }
        self.retries = self.retries.saturating_add(1);
        if self.retries >= config.attempts {
            return Next::Stop(Stop::Attempts);
        }
        let delay = self.draw(delay_for(outcome, config), cx);
        let hint = if config.server_hint == ServerHint::Ignore && outcome != Outcome::Refused { None } else { hint };
        let wait = match hint {
            None => delay,
            Some(Hint::Never) => return Next::Stop(Stop::Server),
            Some(Hint::After(asked)) => {
                let past = |limit: Span| elapsed.plus(asked) > limit;
                if asked > config.hint_cap
                    || config.max_elapsed.is_some_and(past)
                    || left.is_some_and(|left| asked > left)
                {
                    return Next::Stop(Stop::Server);
                }
                match config.server_hint {
                    ServerHint::Clamp => asked.max(delay).min(delay.plus(CLAMP)),
                    ServerHint::Exact | ServerHint::Ignore => asked.max(delay),
                }
            }
        };
        match config.max_elapsed {
            Some(limit) if elapsed.plus(wait) > limit => Next::Stop(Stop::Elapsed),
            _ => Next::After(wait),
        }
    }

    fn draw(&mut self, config: &Delay, cx: &Cx) -> Span {
        let k = self.retries;
        // No jitter goes on top of a uniform delay.
        let on_curve = config.jitter == Jitter::DecorrelatedV2 && !matches!(config.backoff, Backoff::Uniform { .. });
        if !on_curve {
            let delay = backoff::delay(config, k, self.previous, cx.rng);
            self.previous = Some(delay);
            return delay;
        }
        // This jitter remembers where on its curve it was, not how long it waited.
        let at = backoff::growth(k, cx.rng.uniform());
        let before = std::mem::replace(&mut self.on_curve, at);
        // Past 2^1023 the curve is infinite and the step along it no number: that is the cap, not zero.
        let step = if at.is_finite() { at - before } else { f64::INFINITY };
        backoff::clamped(config, (backoff::base(&config.backoff).0 as f64) / 1.4 * step)
    }
}

/// Outcomes that are never tried again.
fn refusal_to_retry(outcome: Outcome, config: &RetryConfig) -> Option<Stop> {
    match outcome {
        Outcome::Failure | Outcome::Timeout | Outcome::Throttled => None,
        Outcome::Refused if config.retry_refused => None,
        Outcome::Refused => Some(Stop::Refused),
        Outcome::Cancelled => Some(Stop::Cancelled),
        Outcome::Success | Outcome::Permanent | Outcome::Ignored => Some(Stop::Permanent),
    }
}

fn delay_for(outcome: Outcome, config: &RetryConfig) -> &Delay {
    let own = match outcome {
        Outcome::Timeout => &config.on_timeout,
        Outcome::Throttled => &config.on_throttled,
        _ => &config.on_failure,
    };
    own.as_ref().unwrap_or(&config.delay)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::time::Tick;

    #[test]
    fn decorrelated_v2_stays_at_its_cap_when_the_curve_overflows() {
        let backoff = Backoff::Exponential { base: Span::millis(100), factor: 2.0, cap: Span::secs(20) };
        let delay = Delay { backoff, jitter: Jitter::DecorrelatedV2 };
        let config = RetryConfig { attempts: u32::MAX, delay, max_elapsed: None, ..RetryConfig::default() };
        let (mut schedule, rng, mut notes) = (Schedule::new(), Rng::seeded(1), Vec::new());
        for k in 1..=2_000 {
            let mut cx = Cx { now: Tick(0), rng: &rng, notes: &mut notes };
            let next = schedule.next(Outcome::Failure, None, Span::ZERO, None, &config, &mut cx);
            assert!(k < 20 || next == Next::After(Span::secs(20)), "retry {k}: {next:?}");
        }
    }
}
