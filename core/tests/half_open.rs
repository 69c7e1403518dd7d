//! Half-open over a long time.
#![cfg(not(loom))]

use seawall::breaker::{Breaker, Control, State};
use seawall::config::{BreakerConfig, HalfOpen, Window};
use seawall::cx::Cx;
use seawall::outcome::Outcome;
use seawall::rng::Rng;
use seawall::time::{Span, Tick};

fn at<R>(secs: u64, f: impl FnOnce(&mut Cx) -> R) -> R {
    f(&mut Cx { now: Tick(secs * 1_000_000_000), rng: &Rng::seeded(1), notes: &mut Vec::new() })
}

fn call(breaker: &Breaker, secs: u64, outcome: Outcome) {
    at(secs, |cx| {
        let permit = breaker.acquire(cx).expect("a permit");
        breaker.record(permit, outcome, Span::ZERO, None, cx);
    });
}

/// Results of probes are told apart by their whole generation: nothing of them comes back when its
/// low bits do.
#[test]
fn a_long_outage_leaves_no_results_of_old_probes() {
    let half_open = HalfOpen { permits: 2, ..BreakerConfig::default().half_open };
    let window = Window::Consecutive { failures: 1 };
    let breaker = Breaker::new(&BreakerConfig { window, half_open, ..BreakerConfig::default() });
    at(0, |cx| breaker.control(Control::HalfOpen, cx));
    call(&breaker, 0, Outcome::Success);
    call(&breaker, 0, Outcome::Success);
    assert_eq!(breaker.state(), State::Closed);
    at(0, |cx| breaker.control(Control::Reset, cx));
    call(&breaker, 0, Outcome::Failure);
    // A day in which one probe fails every 30 s.
    for cycle in 1..=2_880 {
        let now = cycle * 30;
        assert_eq!(at(now, |cx| breaker.snapshot(cx)).permits_left, Some(2), "cycle {cycle}");
        call(&breaker, now, Outcome::Failure);
    }
}
