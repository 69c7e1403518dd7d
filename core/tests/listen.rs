//! Listeners of the Rust driver.
#![cfg(not(loom))]

use seawall::breaker::{Control, State};
use seawall::testing::Sandbox;
use seawall::{Policy, Registry};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

fn fails(policy: &Policy) {
    assert!(policy.run(|| Err::<(), _>(fmt::Error)).is_err());
}

#[test]
fn what_a_call_makes_happen_is_told_before_it_returns() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("told").consecutive_failures(2).retry(1).build_in(&sandbox).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let listener = sandbox.listen(move |event| ear.lock().unwrap().push(event.note.kind.as_str()));
    let take = || std::mem::take(&mut *heard.lock().unwrap());
    fails(&policy);
    assert_eq!(take(), ["gave_up"]);
    fails(&policy);
    assert_eq!(take(), ["opened", "gave_up"]);
    fails(&policy);
    assert_eq!(take(), ["rejected"]);
    sandbox.advance(Duration::from_secs(30));
    sandbox.tick();
    assert_eq!(take(), ["half_opened"]);
    policy.permit().unwrap().success();
    assert_eq!(take(), ["closed"]);
    policy.control(Control::ForceOpen);
    assert_eq!(take(), ["forced"]);
    drop(listener);
    fails(&policy);
    assert!(take().is_empty());
}

#[test]
fn a_success_that_was_too_slow_is_told_of_before_it_returns() {
    let sandbox = Sandbox::new();
    let slow = Duration::from_millis(10);
    let builder = Policy::builder("slow").failure_rate(0.5, 10, 2).slow_calls(slow, 0.5);
    let policy = builder.build_in(&sandbox).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let _listener = sandbox.listen(move |event| ear.lock().unwrap().push(event.note.kind.as_str()));
    let lasts = |span: Duration| {
        policy.run(|| {
            sandbox.advance(span);
            Ok::<_, fmt::Error>(())
        })
    };
    assert!(lasts(Duration::ZERO).is_ok() && heard.lock().unwrap().is_empty());
    assert!(lasts(2 * slow).is_ok());
    assert_eq!(*heard.lock().unwrap(), ["opened"]);
}

#[test]
fn a_listener_may_panic_and_may_use_the_policy_it_hears_of() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("used").consecutive_failures(1).build_in(&sandbox).unwrap();
    let _panics = sandbox.listen(|_| panic!("the listener's own"));
    let (told, heard) = mpsc::channel();
    let own = policy.clone();
    let _closes = sandbox.listen(move |event| {
        told.send(event.note.kind.as_str()).unwrap();
        if event.note.kind.as_str() == "opened" {
            own.control(Control::Close);
        }
    });
    fails(&policy);
    assert_eq!(policy.state(), Some(State::Closed));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["opened", "closed"]);
}

#[test]
fn what_time_makes_happen_is_told_by_a_helper_that_ends_with_the_last_listener() {
    let registry = Registry::manual(1);
    registry.clock().thaw();
    let policy = Policy::builder("due")
        .consecutive_failures(1)
        .open_for(Duration::from_millis(150))
        .build_in(&registry)
        .unwrap();
    let (told, heard) = mpsc::channel();
    let first = registry.listen(|_| ());
    let listener = registry.listen(move |event| told.send(event.note.kind.as_str()).unwrap_or_default());
    fails(&policy);
    let next = || heard.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!((next(), next()), ("opened", "half_opened"), "without a call");
    drop(first);
    assert_eq!(helpers(), 1);
    drop(listener);
    let begun = std::time::Instant::now();
    while helpers() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on without a listener");
        std::thread::yield_now();
    }
}

/// Threads of this process that look for listeners.
fn helpers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "seawall-events").count()
}

#[test]
fn threads_hear_each_event_once() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("many").retry(1).build_in(&sandbox).unwrap();
    let heard = Arc::new(AtomicU32::new(0));
    let ear = heard.clone();
    let _listener = sandbox.listen(move |_| {
        ear.fetch_add(1, Ordering::SeqCst);
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| fails(&policy)));
        }
    });
    // Whoever came while another told left it to that one, or to the next who looks.
    sandbox.tick();
    assert_eq!(heard.load(Ordering::SeqCst), 400);
}
