//! Calls that are let in at once hold what a stepped call would, and give it back the same way.

use seawall::breaker::State;
use seawall::call::{CallOptions, Step, Verdict};
use seawall::outcome::Outcome;
use seawall::time::Span;
use seawall::{Admission, Policy, Registry};

/// A policy of its own settings, some time after the clock's first instant.
fn policy(registry: &Registry, settings: &str) -> Policy {
    registry.clock().advance(Span::secs(1));
    registry.load(&format!("[policy.p]\n{settings}"), "test").unwrap();
    registry.named("p").unwrap()
}

fn in_use(policy: &Policy) -> u64 {
    policy.bulkhead().unwrap().look().in_use
}

fn admitted(policy: &Policy) -> Admission {
    policy.admit().expect("there is room")
}

#[test]
fn a_success_is_counted_and_its_place_is_free_again() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "breaker = {}\nbulkhead = { limit = 2 }\nretry = {}");
    let (one, two) = (admitted(&p), admitted(&p));
    assert_eq!(in_use(&p), 2);
    assert!(p.admit().is_none(), "full");
    assert_eq!(p.bulkhead().unwrap().look().rejected_full, 0, "who was not admitted has not been refused");
    assert!(p.dismiss(one).is_empty());
    assert!(p.dismiss(two).is_empty());
    assert_eq!(in_use(&p), 0);
    assert_eq!(p.breaker().unwrap().peek(registry.clock().now()).totals.success, 2);
}

#[test]
fn whoever_waits_is_woken_and_goes_before_those_who_come() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "bulkhead = { limit = 1, queue = 5, max_wait = \"1s\" }");
    let inside = admitted(&p);
    let mut waiting = p.call();
    let Step::Queue { ticket, .. } = waiting.start() else { panic!("no queue") };
    assert_eq!(p.dismiss(inside), [ticket]);
    assert!(p.admit().is_none(), "the place is the waiter's");
    assert!(matches!(waiting.woke(), Step::Run { attempt: 1, .. }));
    waiting.done(1, Outcome::Success, None);
    p.dismiss(admitted(&p));
}

#[test]
fn a_waiter_whose_time_is_over_gets_no_place() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "bulkhead = { limit = 1, queue = 5, max_wait = \"1s\" }");
    let inside = admitted(&p);
    let mut waiting = p.call();
    waiting.start();
    registry.clock().advance(Span::secs(2));
    assert!(p.dismiss(inside).is_empty());
    assert_eq!(waiting.woke(), Step::Finish(Verdict::Refused));
    assert_eq!(in_use(&p), 0);
}

#[test]
fn a_failure_goes_on_as_a_call_with_everything_it_holds() {
    let registry = Registry::manual(1);
    let p = policy(
        &registry,
        "breaker = { window = { kind = \"consecutive\", failures = 2 } }\nbulkhead = { limit = 1 }\nretry = { attempts = 3 }",
    );
    let mut call = p.call_after_admission(admitted(&p), CallOptions::default());
    assert_eq!(in_use(&p), 1);
    assert!(matches!(call.done(1, Outcome::Failure, None), Step::Wait { .. }));
    assert_eq!(in_use(&p), 0, "no place is held between attempts");
    assert!(matches!(call.woke(), Step::Run { attempt: 2, .. }));
    call.done(2, Outcome::Failure, None);
    assert_eq!(p.state(), Some(State::Open));
    assert!(p.admit().is_none());
    assert_eq!(in_use(&p), 0);
}

#[test]
fn who_is_gone_without_a_word_gives_the_place_back() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "bulkhead = { limit = 1 }");
    drop(p.call_after_admission(admitted(&p), CallOptions::default()));
    assert_eq!(in_use(&p), 0);
}

#[test]
fn only_an_open_door_admits() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "breaker = { window = { kind = \"consecutive\", failures = 1 }, open_for = \"1s\" }");
    let late = admitted(&p);
    p.call_after_admission(admitted(&p), CallOptions::default()).done(1, Outcome::Failure, None);
    assert!(p.admit().is_none(), "open");
    registry.clock().advance(Span::secs(2));
    assert!(p.admit().is_none(), "a probe is a matter of a call");
    let mut probe = p.call();
    assert!(matches!(probe.start(), Step::Run { .. }));
    p.dismiss(late);
    assert_eq!(p.state(), Some(State::HalfOpen), "a late success is no probe");
}

#[test]
fn the_slow_call_rule_knows_how_long_it_took() {
    let registry = Registry::manual(1);
    let p = policy(
        &registry,
        "breaker = { window = { kind = \"count\", size = 4 }, minimum_calls = 4, slow_call = { longer_than = \"1s\", rate = 0.5 } }",
    );
    for seconds in [0, 2, 0, 2] {
        assert_eq!(p.state(), Some(State::Closed));
        let admission = admitted(&p);
        registry.clock().advance(Span::secs(seconds));
        p.dismiss(admission);
    }
    assert_eq!(p.state(), Some(State::Open));
}

#[test]
fn a_failure_that_ends_its_call_needs_none() {
    let registry = Registry::manual(1);
    let p =
        policy(&registry, "breaker = { window = { kind = \"consecutive\", failures = 2 } }\nbulkhead = { limit = 1 }");
    for _ in 0..2 {
        assert!(p.fail(admitted(&p), Outcome::Failure, None, Some("IoError")).is_none());
        assert_eq!(in_use(&p), 0);
    }
    assert_eq!(p.state(), Some(State::Open));
    let text = registry.metrics();
    assert!(text.lines().any(|line| line.contains("IoError") && line.ends_with(" 2")), "{text}");
}

#[test]
fn a_failure_that_is_retried_goes_on() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "breaker = {}\nbulkhead = { limit = 1 }\nretry = {}");
    let (mut call, step) = p.fail(admitted(&p), Outcome::Failure, None, None).expect("a retry");
    assert!(matches!(step, Step::Wait { attempt: 1, .. }));
    assert_eq!(in_use(&p), 0);
    assert!(matches!(call.woke(), Step::Run { attempt: 2, .. }));
}

#[test]
fn a_pass_has_no_place_to_give_back() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "breaker = {}");
    let passes = [p.pass().unwrap(), p.pass().unwrap(), p.pass().unwrap()];
    registry.load("[policy.p]\nbreaker = {}\nbulkhead = { limit = 2 }", "test").unwrap();
    let inside = admitted(&p);
    p.fail(Admission::of(passes[0]), Outcome::Failure, None, None);
    p.dismiss(Admission::of(passes[1]));
    drop(p.call_after_pass(passes[2], CallOptions::default()));
    assert_eq!(in_use(&p), 1, "a bulkhead that came meanwhile keeps its places");
    p.dismiss(inside);
}

#[test]
fn what_was_taken_is_given_back_where_it_was_taken() {
    let registry = Registry::manual(1);
    let text = |bulkhead: &str| {
        format!(
            "[policy.p.bulkhead]\nname = \"{bulkhead}\"\nlimit = 1\n[policy.q.bulkhead]\nname = \"one\"\nlimit = 1\n"
        )
    };
    registry.load(&text("one"), "a").unwrap();
    let (p, q) = (registry.named("p").unwrap(), registry.named("q").unwrap());
    let (success, other) = (admitted(&p), p.admit());
    assert!(other.is_none());
    registry.load(&text("two"), "a").unwrap();
    assert_eq!(in_use(&q), 1);
    p.dismiss(success);
    assert_eq!((in_use(&q), in_use(&p)), (0, 0), "to the bulkhead that gave it, and to no other");

    let failure = admitted(&p);
    registry.load(&text("one"), "a").unwrap();
    let mut call = p.call_after_admission(failure, CallOptions::default());
    assert_eq!(call.done(1, Outcome::Failure, None), Step::Finish(Verdict::Settle));
    registry.load(&text("two"), "a").unwrap();
    assert_eq!(in_use(&p), 0);
}

#[test]
fn the_off_switch_does_not_keep_what_was_taken() {
    let registry = Registry::manual(1);
    let p = policy(&registry, "breaker = {}\nbulkhead = { limit = 2 }");
    let (success, failure) = (admitted(&p), admitted(&p));
    registry.set_enabled(false);
    assert!(!p.may_admit() && p.admit().is_none());
    p.dismiss(success);
    p.call_after_admission(failure, CallOptions::default()).done(1, Outcome::Failure, None);
    assert_eq!(in_use(&p), 0);
}

#[test]
fn what_needs_steps_is_not_admitted() {
    for settings in [
        "bulkhead = {}\ntimeout = { attempt = \"1s\" }",
        "breaker = {}\ncache = { ttl = \"1m\" }",
        "breaker = {}\nretry = { budget = {} }",
        "breaker = {}\nenabled = false",
    ] {
        let p = policy(&Registry::manual(1), settings);
        assert!(!p.may_admit() && p.admit().is_none(), "{settings}");
    }
}
