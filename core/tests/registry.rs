//! What a registry does for all its policies: reload, the listener's tick, the end.
#![cfg(all(feature = "json", not(loom)))]

use seawall::Registry;
use seawall::breaker::Control;
use seawall::bulkhead::{Entry, Poll};
use seawall::event::EventKind;
use seawall::outcome::Outcome;
use seawall::time::Span;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[test]
fn a_reload_that_widens_a_bulkhead_lets_waiters_in() {
    let registry = Registry::manual(1);
    let text = |limit: u32| format!("[policy.p.bulkhead]\nlimit = {limit}\nqueue = 5\n");
    registry.load(&text(1), "a").unwrap();
    let policy = registry.named("p").unwrap();
    assert!(matches!(policy.enter(None), Entry::Admitted(_)));
    let tickets: Vec<u64> = (0..3)
        .map(|_| match policy.enter(None) {
            Entry::Queued { ticket, .. } => ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    registry.load(&text(3), "a").unwrap();
    assert_eq!(registry.take_stranded(), tickets[..2]);
    assert!(registry.take_stranded().is_empty());
    assert!(matches!(policy.poll(tickets[1]), Poll::Admitted(_)));
    assert!(matches!(policy.poll(tickets[2]), Poll::Waiting { .. }));
}

#[test]
fn a_handle_takes_up_every_reload_and_not_only_the_first() {
    let registry = Registry::manual(1);
    let text = |attempts: u32| format!("[policy.p.retry]\nattempts = {attempts}\n");
    registry.load(&text(1), "a").unwrap();
    let policy = registry.named("p").unwrap();
    let view = policy.at("key");
    for attempts in 2..9 {
        registry.load(&text(attempts), "a").unwrap();
        assert_eq!(policy.config().retry.as_ref().unwrap().attempts, attempts);
        if attempts % 3 == 0 {
            assert_eq!(view.config().retry.as_ref().unwrap().attempts, attempts, "after some that it did not see");
        }
    }
}

#[test]
fn the_off_switch_is_seen_by_every_policy_with_its_next_call() {
    let registry = Registry::manual(1);
    registry.load("[policy.named.breaker]\n[policy.off]\nenabled = false\n[policy.off.breaker]\n", "a").unwrap();
    let (named, off) = (registry.named("named").unwrap(), registry.named("off").unwrap());
    let unnamed = registry.policy(r#"{"breaker":{}}"#).unwrap();
    let keyed = named.at("tenant");
    for policy in [&named, &unnamed, &keyed, &off] {
        policy.control(Control::Open);
    }
    let let_in = || {
        let policies = [&named, &unnamed, &keyed, &named.clone(), &off];
        policies.map(|policy| policy.run(|| Ok::<_, std::fmt::Error>(())).is_ok())
    };
    for _ in 0..3 {
        assert_eq!(let_in(), [false, false, false, false, true]);
        registry.set_enabled(false);
        assert_eq!(let_in(), [true; 5]);
        assert!(!named.enabled() && !keyed.enabled());
        registry.set_enabled(true);
        assert_eq!([&named, &unnamed, &keyed, &off].map(|policy| policy.enabled()), [true, true, true, false]);
    }
    assert_eq!(let_in(), [false, false, false, false, true]);
}

#[test]
fn a_rust_thread_that_waits_is_woken_by_a_reload() {
    let registry = Registry::global();
    let text = |limit: u32| format!("[policy.reload_wakes.bulkhead]\nlimit = {limit}\nqueue = 5\nmax_wait = \"20s\"\n");
    registry.load(&text(1), "a").unwrap();
    let policy = registry.named("reload_wakes").unwrap();
    let inside = policy.enter(None);
    let begun = std::time::Instant::now();
    let done = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            policy.run(|| Ok::<_, std::fmt::Error>(done.fetch_add(1, Ordering::SeqCst))).unwrap();
        });
        while policy.bulkhead().unwrap().look().queued == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        registry.load(&text(2), "a").unwrap();
    });
    assert!(matches!(inside, Entry::Admitted(_)));
    assert_eq!(done.into_inner(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "it slept to its limit: {:?}", begun.elapsed());
}

#[test]
fn the_tick_applies_what_is_due_for_policies_without_a_name_and_for_keys() {
    let registry = Registry::manual(1);
    let unnamed =
        registry.policy(r#"{"breaker":{"window":{"kind":"consecutive","failures":1},"open_for":"5s"}}"#).unwrap();
    let keyed = registry
        .policy(r#"{"name":"k","breaker":{"window":{"kind":"consecutive","failures":1},"open_for":"5s"}}"#)
        .unwrap()
        .at("tenant");
    let mut events = registry.events().subscribe();
    for policy in [&unnamed, &keyed] {
        let permit = policy.acquire().unwrap();
        policy.record(permit, Outcome::Failure, Span::ZERO, None);
    }
    registry.clock().advance(Span::secs(5));
    registry.tick();
    let half: Vec<_> = events.drain().events.into_iter().filter(|e| e.note.kind == EventKind::HalfOpened).collect();
    assert_eq!(half.len(), 2);
    assert_eq!(half.iter().filter(|e| e.policy_id == unnamed.id() && e.key.is_none()).count(), 1);
    assert_eq!(half.iter().filter(|e| e.policy_id == keyed.id() && e.key.as_deref() == Some("tenant")).count(), 1);
    registry.tick();
    assert!(events.drain().events.is_empty());
}

#[test]
fn policies_that_are_gone_leave_nothing_behind() {
    let registry = Registry::manual(1);
    for _ in 0..10_000 {
        registry.policy(r#"{"breaker":{}}"#).unwrap();
    }
    let kept =
        registry.policy(r#"{"breaker":{"window":{"kind":"consecutive","failures":1},"open_for":"5s"}}"#).unwrap();
    let permit = kept.acquire().unwrap();
    kept.record(permit, Outcome::Failure, Span::ZERO, None);
    let mut events = registry.events().subscribe();
    registry.clock().advance(Span::secs(5));
    registry.tick();
    assert_eq!(events.drain().events.len(), 1);
}

#[test]
fn a_registry_and_its_policies_end_together() {
    let registry = Registry::manual(1);
    let text =
        r#"{"name":"p","breaker":{},"bulkhead":{},"retry":{"budget":{"name":"shared","kind":"cap","retries":2}}}"#;
    let policy = registry.policy(text).unwrap();
    let keyed = policy.at("tenant");
    let whole = Arc::downgrade(policy.breaker().unwrap());
    let of_the_key = Arc::downgrade(keyed.breaker().unwrap());
    let shared = Arc::downgrade(policy.budget().unwrap());
    drop(registry);
    assert!(policy.acquire().is_ok(), "who holds a policy holds all that it needs");
    let registry = policy.registry().clone();
    drop((policy, keyed));
    assert!(whole.upgrade().is_some(), "a named cell lives as long as its registry");
    assert!(registry.find("p").unwrap().state().is_some());
    drop(registry);
    let alive = (whole.upgrade().is_some(), of_the_key.upgrade().is_some(), shared.upgrade().is_some());
    assert_eq!(alive, (false, false, false), "something holds itself");
}

#[test]
fn a_view_of_a_key_keeps_its_unnamed_policy_in_the_tick() {
    let registry = Registry::manual(1);
    let text = r#"{"breaker":{"window":{"kind":"consecutive","failures":1},"open_for":"5s"}}"#;
    let keyed = registry.policy(text).unwrap().at("tenant");
    let permit = keyed.acquire().unwrap();
    keyed.record(permit, Outcome::Failure, Span::ZERO, None);
    let mut events = registry.events().subscribe();
    registry.clock().advance(Span::secs(5));
    registry.tick();
    let kinds: Vec<_> = events.drain().events.into_iter().map(|event| event.note.kind).collect();
    assert_eq!(kinds, [EventKind::HalfOpened]);
}
