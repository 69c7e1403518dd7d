//! Calls in flight while what they run under goes away: dropped, evicted, reloaded, removed.
#![cfg(all(not(loom), feature = "json"))]

use seawall::breaker::{Control, State};
use seawall::call::{Step, Verdict};
use seawall::outcome::Outcome;
use seawall::{Policy, Registry};
use std::fmt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Clone, PartialEq)]
struct Down;
impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("down")
    }
}
impl std::error::Error for Down {}

fn policy(json: &str) -> (Registry, Policy) {
    let registry = Registry::manual(1);
    let policy = registry.policy(json).unwrap();
    (registry, policy)
}

#[test]
fn a_call_outlives_its_policy_and_its_registry() {
    let (registry, policy) = policy(r#"{"breaker":{},"bulkhead":{"limit":1},"retry":{"attempts":2}}"#);
    let (breaker, bulkhead) = (policy.breaker().unwrap().clone(), policy.bulkhead().unwrap().clone());
    let (memory, overlay) = (breaker.memory(), breaker.overlay());
    let mut call = policy.call();
    assert!(matches!(call.start(), Step::Run { .. }));
    let by_hand = policy.permit().unwrap();
    drop((registry, policy));
    assert_eq!(bulkhead.look().in_use, 1);
    assert!(matches!(call.done(1, Outcome::Failure, None), Step::Wait { .. }));
    assert!(matches!(call.woke(), Step::Run { attempt: 2, .. }));
    assert_eq!(call.done(2, Outcome::Success, None), Step::Finish(Verdict::Settle));
    by_hand.success();
    let seen = breaker.peek(seawall::time::Tick::ZERO).totals;
    assert_eq!((seen.failure, seen.success, bulkhead.look().in_use), (1, 2, 0));
    drop((call, breaker, bulkhead));
    // Who reads the gate himself keeps its memory, and nothing else.
    assert_eq!((memory.clone(), overlay.gate % 64).1, 0);
}

#[test]
fn a_policy_dropped_by_another_thread_while_calls_run() {
    for _ in 0..50 {
        let (registry, policy) = policy(r#"{"breaker":{},"bulkhead":{"limit":4}}"#);
        let bulkhead = policy.bulkhead().unwrap().clone();
        let ready = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let (mine, ready) = (policy.clone(), &ready);
                scope.spawn(move || {
                    ready.wait();
                    for i in 0..200 {
                        let _ = mine.run(|| if i % 3 == 0 { Err(Down) } else { Ok(i) });
                    }
                });
            }
            ready.wait();
            drop((policy, registry));
        });
        assert_eq!((bulkhead.look().in_use, bulkhead.look().stale), (0, 0));
    }
}

#[test]
fn a_key_with_calls_in_flight_keeps_its_cells() {
    let (registry, policy) = policy(r#"{"breaker":{},"bulkhead":{"limit":1},"max_keys":1}"#);
    let mut stepped = policy.at("a").call();
    assert!(matches!(stepped.start(), Step::Run { .. }));
    let cell = policy.at("a").breaker().unwrap().clone();
    assert!(policy.at("b").breaker().is_none() && policy.at("b").bulkhead().is_none(), "no cell is free");
    assert_eq!(policy.at("b").run(|| Ok::<_, Down>(1)).unwrap(), 1, "it passes through");
    assert_eq!(registry.internal_faults(), 1, "which is said once");
    // What runs for `a` still counts for `a`.
    stepped.done(1, Outcome::Failure, None);
    assert_eq!(cell.peek(seawall::time::Tick::ZERO).totals.failure, 1);
    assert_eq!(policy.at("a").bulkhead().unwrap().look().in_use, 0);
    drop((stepped, cell));
    assert!(policy.at("b").breaker().is_some(), "nobody holds `a` any more");

    // The same by a permit held by hand, and from within a call that runs.
    let permit = policy.at("b").permit().unwrap();
    assert!(policy.at("c").breaker().is_none());
    permit.success();
    policy
        .at("c")
        .run(|| {
            assert!(policy.at("d").breaker().is_none());
            Ok::<_, Down>(())
        })
        .unwrap();
    assert!(policy.at("d").breaker().is_some());
}

#[test]
fn keys_come_and_go_under_many_threads() {
    let (_, policy) =
        policy(r#"{"breaker":{"window":{"kind":"consecutive","failures":1000}},"bulkhead":{"limit":64},"max_keys":4}"#);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let policy = &policy;
            scope.spawn(move || {
                for i in 0..3_000u64 {
                    let view = policy.at(&format!("key-{}", (i * 7 + thread * 3) % 11));
                    let before = view.bulkhead().map(std::sync::Arc::as_ptr);
                    let _ = view.run(|| if i % 5 == 0 { Err(Down) } else { Ok(i) });
                    assert_eq!(view.bulkhead().map(std::sync::Arc::as_ptr), before);
                }
            });
        }
    });
    for key in 0..11 {
        let view = policy.at(&format!("key-{key}"));
        assert!(view.bulkhead().is_none_or(|bulkhead| bulkhead.look().in_use == 0), "key-{key}");
    }
}

/// Settings before, and what they become while a call runs.
const RELOADS: [(&str, &str); 6] = [
    ("bulkhead = 1", "bulkhead = 3"),
    ("bulkhead = 3", "bulkhead = 1"),
    ("bulkhead = 1", ""),
    (
        "bulkhead = 1\n[policy.p.breaker]\nwindow = { kind = \"count\", size = 10 }",
        "bulkhead = 1\n[policy.p.breaker]\nwindow = { kind = \"count\", size = 20 }",
    ),
    (
        "bulkhead = 1\n[policy.p.breaker]",
        "bulkhead = 2\n[policy.p.breaker]\nslow_call = { longer_than = \"1s\", rate = 0.5 }\nwindow = { kind = \"time\", span = \"30s\" }",
    ),
    ("retry = 3\nbulkhead = 1\n[policy.p.breaker]", "enabled = false"),
];

fn load(registry: &Registry, text: &str) {
    registry.load(&format!("[policy.p]\n{text}\n"), "test").unwrap();
}

#[test]
fn settings_that_change_while_a_call_runs() {
    for (before, after) in RELOADS {
        for fails in [false, true] {
            let registry = Registry::manual(1);
            load(&registry, before);
            let policy = registry.named("p").unwrap();
            let bulkhead = policy.bulkhead().cloned();
            let mut runs = 0;
            let result = policy.run(|| {
                runs += 1;
                load(&registry, after);
                if fails && runs == 1 { Err(Down) } else { Ok(runs) }
            });
            assert!(result.is_ok() != fails || runs > 1, "{before:?} to {after:?}: {result:?}");
            if let Some(bulkhead) = bulkhead {
                let seen = bulkhead.look();
                assert_eq!((seen.in_use, seen.stale), (0, 0), "{before:?} to {after:?}, fails {fails}");
            }
            // And what is in force now works: as many as it says, one after another and at once.
            assert_eq!(policy.run(|| Ok::<_, Down>(7)).unwrap(), 7, "{before:?} to {after:?}");
            if let Some(bulkhead) = policy.bulkhead() {
                assert_eq!(bulkhead.look().in_use, 0);
            }
        }
    }
}

#[test]
fn settings_that_change_under_stepped_calls_and_under_waiters() {
    for (before, after) in RELOADS {
        let registry = Registry::manual(1);
        load(&registry, before);
        let policy = registry.named("p").unwrap();
        let bulkhead = policy.bulkhead().unwrap().clone();
        let mut calls: Vec<_> = (0..bulkhead.look().limit).map(|_| policy.call()).collect();
        assert!(calls.iter_mut().all(|call| matches!(call.start(), Step::Run { .. })));
        let seawall::bulkhead::Entry::Queued { ticket, .. } = policy.enter(Some(None)) else { panic!("it is full") };
        load(&registry, after);
        for mut call in calls {
            call.done(1, Outcome::Success, None);
        }
        // The waiter is admitted by the part that it waits for, whatever became of the policy.
        let poll = |cx: &mut seawall::cx::Cx| bulkhead.poll(ticket, cx);
        let seawall::bulkhead::Poll::Admitted(permit) = policy.with(poll) else { panic!("{before:?} to {after:?}") };
        assert_eq!(bulkhead.look().in_use, 1);
        policy.with(|cx| bulkhead.leave(permit, cx));
        assert!(bulkhead.is_empty(), "{before:?} to {after:?}");
    }
}

#[test]
fn reloads_under_many_threads_lose_no_place() {
    let registry = Registry::manual(1);
    load(&registry, RELOADS[3].0);
    let policy = registry.named("p").unwrap();
    let bulkhead = policy.bulkhead().unwrap().clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut calls = 0u64;
                while !done.load(Ordering::Relaxed) || calls < 1_000 {
                    calls += 1;
                    let _ = policy.run(|| if calls.is_multiple_of(9) { Err(Down) } else { Ok(calls) });
                }
            });
        }
        for round in 0..60 {
            let (one, other) = RELOADS[3];
            load(&registry, if round % 2 == 0 { other } else { one });
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((bulkhead.look().in_use, bulkhead.look().stale), (0, 0));
    policy.control(Control::Reset);
    assert_eq!((policy.state(), policy.run(|| Ok::<_, Down>(1)).unwrap()), (Some(State::Closed), 1));
}
