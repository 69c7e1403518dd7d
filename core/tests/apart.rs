//! Blocking work that a call leaves behind at its limit.
#![cfg(not(loom))]

use seawall::breaker::State;
use seawall::run::orphans;
use seawall::{Error, Policy};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(500);

/// Until nothing that was left behind runs any more.
fn all_ended() {
    let until = Instant::now() + Duration::from_secs(20);
    while orphans() > 0 {
        assert!(Instant::now() < until, "{} orphans stay", orphans());
        thread::yield_now();
    }
}

// One test, because the threads are counted for the process.
#[test]
fn a_call_goes_on_without_work_that_hangs() {
    let policy = Policy::builder("apart").consecutive_failures(9).retry(2).bulkhead(1).attempt_timeout(LIMIT);
    let policy = policy.backoff(Duration::from_millis(1), Duration::from_millis(1)).build().unwrap();
    let here = thread::current().id();
    let (open, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let done = policy.run_apart(move |attempt| {
        assert_ne!(thread::current().id(), here, "it must be possible to leave it");
        if attempt.number == 1 {
            // Ends with the sender, long after the limit.
            let _ = gate.lock().unwrap().recv();
        }
        Ok::<_, std::fmt::Error>(attempt)
    });
    let done = done.unwrap();
    assert_eq!((done.number, orphans()), (2, 1), "the first attempt hangs still");
    assert!(done.remaining.is_some_and(|left| left <= LIMIT));
    assert_eq!(policy.bulkhead().unwrap().look().in_use, 0);
    drop(open);
    all_ended();

    let patient = Policy::builder("apart_patient").retry(2).bulkhead(1).attempt_timeout(Duration::from_secs(60));
    let policy = patient.backoff(Duration::from_millis(1), Duration::from_millis(1)).build().unwrap();
    let error = policy.run_apart(|_| Err::<(), _>(std::fmt::Error)).unwrap_err();
    assert!(matches!(error, Error::User { attempts: 2, .. }));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        policy.run_apart(|_| -> Result<(), std::fmt::Error> { panic!("the work's own") })
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "the work's own");
    assert_eq!((policy.bulkhead().unwrap().look().in_use, orphans()), (0, 0));

    // The bound: while 64 hang, further work does not begin.
    let single = Policy::builder("apart_bound").consecutive_failures(1).deadline(LIMIT).build().unwrap();
    let (open, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    thread::scope(|scope| {
        for _ in 0..64 {
            let (gate, policy) = (gate.clone(), Policy::builder("apart_hang").attempt_timeout(LIMIT).build().unwrap());
            scope.spawn(move || {
                let cut = policy.run_apart(move |_| {
                    let _ = gate.lock().unwrap().recv();
                    Ok::<_, std::fmt::Error>(())
                });
                assert!(matches!(cut, Err(Error::TimedOut { .. })));
            });
        }
    });
    assert_eq!(orphans(), 64);
    let refused = single.run_apart(|_| -> Result<(), std::fmt::Error> { unreachable!("there is no thread for it") });
    assert!(matches!(refused, Err(Error::DeadlineExceeded { .. })), "{refused:?}");
    assert_eq!(single.state(), Some(State::Open));
    drop(open);
    all_ended();
    assert!(policy.run_apart(|_| Ok::<_, std::fmt::Error>(())).is_ok());
}
