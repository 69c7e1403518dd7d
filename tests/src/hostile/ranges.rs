//! What the numbers of a part may be, by its settings.

use seawall::breaker::{BreakerSnapshot, State};
use seawall::budget::BudgetSnapshot;
use seawall::bulkhead::BulkheadSnapshot;
use seawall::config::{BreakerConfig, BudgetRule, CostConfig, Window};
use seawall::cost::AmountSnapshot;

type Checked = Result<(), String>;

fn holds(name: &str, what: &str, holds: bool, shot: &dyn std::fmt::Debug) -> Checked {
    if holds { Ok(()) } else { Err(format!("{name}: {what}: {shot:?}")) }
}

pub fn breaker(name: &str, shot: &BreakerSnapshot, config: &BreakerConfig) -> Checked {
    let is = |what: &str, it: bool| holds(name, what, it, shot);
    let share = |rate: Option<f64>| rate.is_none_or(|rate| (0.0..=1.0).contains(&rate));
    is("more failures than calls", shot.failures <= shot.calls)?;
    is("more slow calls than calls", shot.slow <= shot.calls)?;
    is("successes and failures are not the calls", shot.successes + shot.failures == shot.calls)?;
    is("a rate that is none", share(shot.failure_rate) && share(shot.slow_rate))?;
    is("an endless step", shot.step <= 255)?;
    let probes = u64::from(config.half_open.permits);
    is("more probes than there are", shot.permits_left.is_none_or(|left| left <= probes))?;
    is("probes outside half-open", shot.permits_left.is_some() == (shot.state == State::HalfOpen))?;
    if let (Window::Count { size }, State::Closed | State::MetricsOnly) = (config.window, shot.state) {
        is("more calls than the window holds", shot.calls <= u64::from(size))?;
    }
    if shot.state == State::HalfOpen {
        // Of concurrent probes there are as many results as there were.
        is("more results than probes may give", shot.calls <= 65_535)?;
    }
    is("an open time in another state", shot.open_remaining.is_some() == (shot.state == State::Open))
}

pub fn bulkhead(name: &str, shot: &BulkheadSnapshot, configured: u32) -> Checked {
    // A resize may go up to what the cell has places for.
    let places = configured.saturating_mul(2).clamp(64, 1 << 16);
    holds(name, "a limit above the places", shot.limit <= places.max(configured), shot)?;
    holds(name, "more permits out than places", shot.in_use <= u64::from(places.max(configured)), shot)
}

pub fn budget(name: &str, shot: &BudgetSnapshot, rule: &BudgetRule) -> Checked {
    let is = |what: &str, it: bool| holds(name, what, it, shot);
    is("a balance that is none", shot.balance >= 0.0 && shot.balance.is_finite())?;
    if let BudgetRule::Tokens { capacity, .. } = rule {
        is("more tokens than it can hold", shot.balance <= f64::from(*capacity))?;
    }
    is("more calls under way than can be counted", shot.active_calls <= 256 * ((1 << 24) - 1))?;
    is("more retries under way than there are places", shot.active_retries <= 1024)
}

pub fn cost(name: &str, amounts: &[AmountSnapshot], config: &CostConfig) -> Checked {
    let same = amounts.len() == config.limits.len()
        && amounts.iter().zip(&config.limits).all(|(shot, (name, limit))| shot.amount == *name && shot.limit == *limit);
    holds(name, "other amounts than were configured", same, &amounts)
}
