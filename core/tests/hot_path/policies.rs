//! Policies whose calls need not ask, or ask once and report once.

use super::*;
use seawall::call::CallOptions;
use seawall::config::{RetryConfig, SlowCall};

/// That opens by the `rate` of calls longer than a second, from two calls on.
fn slow_policy(registry: &Registry, rate: f64) -> Policy {
    let mut config = count_policy(2);
    let slow_call = SlowCall { longer_than: Span::secs(1), rate: Rate::from_f64(rate) };
    config.breaker.as_mut().unwrap().slow_call = Some(slow_call);
    registry.build(config)
}

#[test]
fn a_policy_that_retries_passes_too() {
    let registry = Registry::manual(1);
    let policy = registry.build(PolicyConfig { retry: Some(RetryConfig::default()), ..count_policy(1) });
    ask(&policy, Outcome::Success);
    registry.clock().advance(Span::secs(7));
    let pass = policy.pass().unwrap();
    assert_ne!(pass.started, 0, "its retries do not know when the call began");
    registry.clock().advance(Span::secs(2));
    let call = policy.call_after_pass(pass, CallOptions::default());
    assert_eq!(call.elapsed(), Span::secs(2));
}

#[test]
fn one_question_and_one_report_are_a_call_where_only_the_gate_wants_to_be_asked() {
    let registry = Registry::manual(1);
    let policy = slow_policy(&registry, 1.0);
    for slow in 1..=2 {
        assert_eq!(policy.pass(), None, "the window is not warm");
        let asked = policy.ask().unwrap();
        registry.clock().advance(Span::secs(2));
        policy.succeed(asked);
        assert_eq!(policy.breaker().unwrap().peek(Tick::ZERO).totals.slow, slow);
    }
    assert_eq!(policy.state(), Some(State::Open));
    assert_eq!(policy.ask(), None, "who may be refused steps");
    registry.set_enabled(false);
    assert_eq!((policy.ask(), policy.pass()), (None, None));
}

#[test]
fn who_passes_a_breaker_that_counts_slow_calls_tells_how_long_it_took() {
    let registry = Registry::manual(1);
    let policy = slow_policy(&registry, 0.5);
    for _ in 0..2 {
        let asked = policy.ask().unwrap();
        policy.succeed(asked);
    }
    let call = |millis| {
        let pass = policy.pass()?;
        registry.clock().advance(Span::millis(millis));
        Some(policy.succeed(pass))
    };
    assert_eq!(call(1_000), Some(true), "as long as may be is not slow");
    assert_eq!(call(1_001), Some(false));
    assert_eq!(call(0), Some(true));
    assert!(policy.overlay().is_none(), "who only reads the gate does not know how long it took");
    assert_eq!((call(1_001), policy.state()), (Some(false), Some(State::Closed)));
    let seen = policy.breaker().unwrap().peek(Tick::ZERO);
    assert_eq!((seen.calls, seen.slow, seen.totals.success), (6, 2, 6));
    assert_eq!((call(2_000), call(2_000)), (Some(false), Some(false)));
    assert_eq!(policy.state(), Some(State::Open), "half of all calls were slow");
}

#[test]
fn an_answer_to_a_question_before_the_circuit_opened_changes_nothing() {
    let registry = Registry::manual(1);
    registry.clock().advance(Span::secs(1));
    let policy = registry.build(count_policy(1));
    let asked = policy.ask().unwrap();
    ask(&policy, Outcome::Failure);
    assert_eq!(policy.state(), Some(State::Open));
    policy.succeed(asked);
    let seen = policy.breaker().unwrap().peek(Tick::ZERO);
    assert_eq!((seen.state, seen.totals.success, seen.totals.stale), (State::Open, 0, 1));
}

#[test]
fn who_keeps_the_memory_of_a_cell_holds_no_key() {
    let registry = Registry::manual(1);
    let policy = registry.build(PolicyConfig { max_keys: 1, ..count_policy(1) });
    let first = policy.at("first");
    assert_eq!(policy.at("second").state(), None, "a view holds its key");
    let memory = first.breaker().unwrap().memory();
    drop(first);
    assert_eq!(policy.at("second").state(), Some(State::Closed), "the first key made room");
    drop(memory);
}

#[test]
fn with_the_gate_off_every_call_asks() {
    let registry = Registry::manual(1);
    let policy = registry.build(PolicyConfig { breaker: Some(BreakerConfig::default()), ..PolicyConfig::default() });
    assert!(policy.run(|| Ok::<_, std::fmt::Error>(())).is_ok());
    assert_eq!(policy.breaker().unwrap().peek(Tick::ZERO).totals.success, 1);
    if std::env::var("SEAWALL_GATE").is_ok_and(|value| value == "off") {
        assert!(policy.pass().is_none() && policy.overlay().is_none());
        return;
    }
    assert!(policy.pass().is_some() && policy.overlay().is_some());
    // The same in a process of its own, where the gate is off.
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "policies::with_the_gate_off_every_call_asks"]).env("SEAWALL_GATE", "off");
    let told = String::from_utf8(again.output().unwrap().stdout).unwrap();
    assert!(told.contains("1 passed"), "{told}");
}
