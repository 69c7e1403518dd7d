//! What goes uncounted by a verdict: failures on credit, and successes of a calm time window.

use super::Bench;
use seawall::Registry;
use seawall::breaker::{Control, State};
use seawall::config::{BreakerConfig, PolicyConfig, Rate, Window};
use seawall::outcome::Outcome;
use seawall::time::{Span, Tick};

fn count_window(rate: Option<f64>, count: Option<u32>) -> BreakerConfig {
    BreakerConfig {
        window: Window::Count { size: 100 },
        failure_rate: rate.map(Rate::from_f64),
        failure_count: count,
        minimum_calls: 4,
        ..BreakerConfig::default()
    }
}

/// Failures in a row until it is open.
fn failures_to_open(bench: &mut Bench) -> u32 {
    let failures = (1..=200).find(|_| {
        bench.asking(Outcome::Failure);
        bench.look().state == State::Open
    });
    failures.expect("it opens at some time")
}

/// A failure on credit is not judged: what it was given for is over with its generation.
#[test]
fn credit_for_failures_opens_no_later_than_asking_each_time() {
    for count in [1, 4, 5, 16, 17, 20, 64, 65] {
        assert_eq!(failures_to_open(&mut Bench::new(count_window(None, Some(count)))), count);
    }
    for rate in [0.05, 0.16, 0.17, 0.5, 1.0] {
        let mut bench = Bench::new(count_window(Some(rate), None));
        (0..100).for_each(|_| bench.success());
        bench.asking(Outcome::Failure);
        // Much credit is left, and the next generation has none of it. A window that is not full yet takes
        // fewer failures than one that is.
        for successes in [4, 24, 47, 48, 100] {
            bench.at(|breaker, cx| breaker.control(Control::Reset, cx));
            (0..successes).for_each(|_| bench.success());
            let is_due = |failed: &u32| f64::from(*failed) >= rate * f64::from((successes + failed).min(100));
            let due = (1..=100).find(is_due).expect("at the latest where all have failed");
            assert_eq!(failures_to_open(&mut bench), due, "after {successes} successes, at a rate of {rate}");
        }
    }
}

/// Nor does it outlive the rules it was given by.
#[test]
fn credit_for_failures_ends_with_its_rules() {
    let registry = Registry::manual(1);
    let text = |count: u32| {
        let breaker = "window = { kind = \"count\", size = 100 }";
        format!("[policy.p]\n[policy.p.breaker]\n{breaker}\nfailure_count = {count}\nminimum_calls = 80\n")
    };
    registry.load(&text(60), "a").unwrap();
    let policy = registry.named("p").unwrap();
    let fail = || policy.run(|| Err::<(), _>(std::fmt::Error)).is_err();
    (0..10).for_each(|_| assert!(fail()));
    // The log is as long as before, by the minimum of calls: the window is kept.
    registry.load(&text(12), "a").unwrap();
    let more = (1..=60).find(|_| fail() && policy.breaker().is_some_and(|breaker| breaker.state() == State::Open));
    assert_eq!(more, Some(2), "twelve open it now");
}

fn timed(rate: Option<f64>, count: Option<u32>) -> BreakerConfig {
    BreakerConfig {
        window: Window::Time { span: Span::secs(30), slices: 10, aligned: true },
        ..count_window(rate, count)
    }
}

/// The same in a time window, where a failure is spared its verdict until its slice is over.
#[test]
fn failures_of_a_slice_open_no_later_than_asking_each_time() {
    for count in [1, 2, 4, 5, 63, 64, 65, 66, 130, 200] {
        assert_eq!(failures_to_open(&mut Bench::new(timed(None, Some(count)))), count);
    }
    for rate in [0.05, 0.16, 0.17, 0.5, 0.6] {
        for successes in [0, 1, 2, 4, 24, 47, 100] {
            let mut bench = Bench::new(timed(Some(rate), None));
            (0..successes).for_each(|_| bench.asking(Outcome::Success));
            let is_due = |failed: &u32| {
                let calls = successes + failed;
                calls >= 4 && f64::from(*failed) >= rate * f64::from(calls) - 1e-9
            };
            let due = (1..=200).find(is_due).expect("at the latest where most have failed");
            assert_eq!(failures_to_open(&mut bench), due, "after {successes} successes, at a rate of {rate}");
        }
    }
}

/// What is spared is spared until the slice is over: then the successes that made it so may have left.
#[test]
fn no_failure_is_spared_in_the_next_slice() {
    let mut bench = Bench::new(timed(Some(1.0), None));
    bench.now = Tick(1);
    bench.asking(Outcome::Success);
    bench.now = Tick::ZERO.after(Span::secs(29));
    (0..10).for_each(|_| bench.asking(Outcome::Failure));
    assert_eq!((bench.look().state, bench.look().consecutive_failures), (State::Closed, 10));
    bench.now = Tick::ZERO.after(Span::secs(30));
    bench.asking(Outcome::Failure);
    assert_eq!(bench.look().state, State::Open, "only failures are left in the window");
}

/// The way of a driver that runs the work itself: by the coarse clock, and what it shows.
#[test]
fn a_failure_that_is_spared_is_counted_as_any_other() {
    let breaker = timed(None, Some(40));
    let policy = Registry::manual(1).build(PolicyConfig { breaker: Some(breaker), ..PolicyConfig::default() });
    let fail = || policy.run(|| Err::<(), _>(std::fmt::Error)).is_err();
    for round in 1..40 {
        assert!(fail());
        let shown = policy.breaker().expect("it has one").peek(policy.registry().clock().now());
        assert_eq!((shown.state, shown.failures, shown.consecutive_failures), (State::Closed, round, round));
        assert_eq!(shown.totals.failure, round);
        if round == 20 {
            // Half of the window goes, and what was spared with it.
            policy.control(Control::Reset);
            break;
        }
    }
    let more = (1..=60).find(|_| fail() && policy.state() == Some(State::Open));
    assert_eq!(more, Some(40));
}

/// Successes that a calm time window counts unjudged are judged again once its rules are others.
#[test]
fn a_calm_time_window_is_calm_by_its_rules_alone() {
    let registry = Registry::manual(1);
    let text = |rate: f64| {
        let breaker = "window = { kind = \"time\", span = \"30s\", slices = 10 }";
        format!("[policy.p]\n[policy.p.breaker]\n{breaker}\nfailure_rate = {rate}\nminimum_calls = 20\n")
    };
    registry.load(&text(0.9), "a").unwrap();
    let policy = registry.named("p").unwrap();
    let run = |fails: bool| policy.run(|| if fails { Err(std::fmt::Error) } else { Ok(()) }).is_ok();
    (0..100).for_each(|_| assert!(run(false)));
    (0..40).for_each(|_| assert!(!run(true)));
    // After a failure the next success is judged, and finds the window calm.
    (0..2).for_each(|_| assert!(run(false)));
    registry.load(&text(0.2), "a").unwrap();
    assert!(run(false), "it is let through");
    let state = policy.breaker().map(|breaker| breaker.state());
    assert_eq!(state, Some(State::Open), "40 of 143 have failed, which is too many now");
}
