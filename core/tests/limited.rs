//! Calls under a limit that nobody steps: counted when they end in time, stepped from there on when not.

use seawall::call::{CallOptions, Step, Verdict};
use seawall::outcome::Outcome;
use seawall::time::Span;
use seawall::{Admission, Pass, Policy, Registry};

const BREAKER: &str = "breaker = { window = { kind = \"count\", size = 10 }, failure_rate = 1.0 }\n";

/// A policy of its own settings, some time after the clock's first instant.
fn policy(registry: &Registry, settings: &str) -> Policy {
    registry.clock().advance(Span::secs(1));
    registry.load(&format!("[policy.p]\n{settings}"), "test").unwrap();
    registry.named("p").unwrap()
}

fn limit(policy: &Policy) -> Option<Span> {
    policy.limited_overlay().map(|(_, limit)| limit)
}

/// What a driver makes of the gate and the clock.
fn begun(policy: &Policy) -> Pass {
    let permit = policy.acquire().map_or(0, |permit| permit.0);
    Pass { permit, started: policy.registry().clock().now().0 + 1 }
}

fn totals(policy: &Policy) -> (u64, u64) {
    let totals = policy.breaker().unwrap().peek(policy.registry().clock().now()).totals;
    (totals.success, totals.failure)
}

#[test]
fn the_shorter_limit_holds_and_what_must_be_stepped_has_none() {
    let registry = Registry::manual(1);
    for (settings, expected) in [
        ("timeout = { attempt = \"2s\" }", Some(Span::secs(2))),
        ("timeout = { attempt = \"2s\", deadline = \"1s\" }", Some(Span::secs(1))),
        ("timeout = { slow_after = \"1s\" }", None),
        ("timeout = { attempt = \"2s\", adaptive = {} }", None),
        ("timeout = { attempt = \"2s\" }\nbulkhead = {}", None),
        ("timeout = { attempt = \"2s\" }\ncache = {}", None),
        ("retry = {}", None),
    ] {
        let p = policy(&registry, settings);
        assert_eq!(limit(&p), expected, "{settings}");
        assert!(!p.may_admit() || expected.is_none(), "{settings}: nobody else would keep the limit");
    }
    let p = policy(&registry, "timeout = { attempt = \"2s\" }");
    registry.set_enabled(false);
    assert_eq!(limit(&p), None);
}

#[test]
fn a_call_that_ends_in_time_is_counted_and_over() {
    let registry = Registry::manual(1);
    let p = policy(&registry, &format!("{BREAKER}timeout = {{ attempt = \"2s\" }}"));
    let pass = begun(&p);
    registry.clock().advance(Span::secs(2));
    assert!(p.succeed_within(pass).is_none(), "a limit is inclusive");
    assert_eq!(totals(&p), (1, 0));
    assert!(registry.metrics().contains("seawall_timeout_duration_seconds_count{policy=\"p\",scope=\"process\"} 1"));
}

#[test]
fn a_call_that_ends_late_is_a_timeout_and_may_be_repeated() {
    let registry = Registry::manual(1);
    let p = policy(&registry, &format!("{BREAKER}retry = {{ attempts = 2 }}\ntimeout = {{ attempt = \"2s\" }}"));
    let late = begun(&p);
    registry.clock().advance(Span(Span::secs(2).0 + 1));
    let (mut call, step) = p.succeed_within(late).expect("it took too long");
    assert!(matches!(step, Step::Wait { outcome: Outcome::Timeout, .. }), "{step:?}");
    assert!(matches!(call.woke(), Step::Run { attempt: 2, limit: Some(limit), .. } if limit == Span::secs(2)));
    assert_eq!(call.done(2, Outcome::Success, None), Step::Finish(Verdict::Settle));
    assert_eq!(totals(&p), (1, 1));
}

#[test]
fn a_call_whose_time_is_over_ends_as_a_stepped_one_would() {
    expires(|_| ());
}

#[test]
fn the_off_switch_takes_no_limit_from_a_call_that_runs() {
    expires(|registry| registry.set_enabled(false));
}

fn expires(meanwhile: fn(&Registry)) {
    for (settings, verdict) in
        [("attempt = \"2s\"", Verdict::TimedOut), ("attempt = \"9s\", deadline = \"2s\"", Verdict::DeadlineExceeded)]
    {
        let registry = Registry::manual(1);
        let p = policy(&registry, &format!("breaker = {{}}\ntimeout = {{ {settings} }}"));
        let pass = begun(&p);
        meanwhile(&registry);
        registry.clock().advance(Span::secs(2));
        let mut call = p.call_after_pass(pass, CallOptions::default());
        assert_eq!(call.expire(1), Step::Finish(verdict));
        assert_eq!(call.refusal().unwrap().limit, Span::secs(2).0);
        assert_eq!(totals(&p).1, 1);
    }
}

#[test]
fn a_failure_is_measured_and_a_slow_success_told() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "timeout = { attempt = \"9s\", slow_after = \"1s\" }");
    let (_, step) = p.fail(Admission::of(begun(&p)), Outcome::Failure, None, Some("Boom")).expect("it is stepped");
    assert_eq!(step, Step::Finish(Verdict::Settle));
    let pass = begun(&p);
    registry.clock().advance(Span::secs(2));
    let (call, step) = p.succeed_within(pass).expect("somebody is to be told");
    assert_eq!((step, call.slow()), (Step::Finish(Verdict::Settle), Some(Span::secs(2))));
    assert!(registry.metrics().contains("seawall_timeout_duration_seconds_count{policy=\"p\",scope=\"process\"} 2"));
}
