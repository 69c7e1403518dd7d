//! The Rust driver: blocking and on tokio.

#[cfg(feature = "tokio")]
mod in_time;
#[cfg(feature = "tokio")]
mod on_tokio;

use seawall::breaker::State;
use seawall::error::Code;
use seawall::retry::Stop;
use seawall::settings::{Bulkhead, FixedBackoff, NoJitter, Retry};
use seawall::{Error, Policy, Registry};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "tokio")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What the work of these tests fails with.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Down(&'static str);

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Down {}

fn system_time() -> Registry {
    let registry = Registry::manual(1);
    registry.clock().thaw();
    registry
}

/// A full bulkhead's first waiter has come.
fn somebody_queues(policy: &Policy) {
    while policy.bulkhead().unwrap().look().queued == 0 {
        std::thread::yield_now();
    }
}

fn breaker(registry: &Registry) -> Policy {
    Policy::builder("identity").consecutive_failures(1).open_for(Duration::from_secs(5)).build_in(registry).unwrap()
}

#[test]
fn values_and_errors_come_out_and_an_open_circuit_refuses() {
    let registry = Registry::manual(1);
    let policy = breaker(&registry);
    assert_eq!(policy.run(|| Ok::<_, Down>(7)).unwrap(), 7);
    let error = policy.run(|| Err::<(), _>(Down("down"))).unwrap_err();
    assert_eq!(error.into_user(), Some(Down("down")));
    let refused = policy.run(|| Ok::<_, Down>(7)).unwrap_err();
    assert!(refused.is_refused());
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(5)));
    registry.clock().advance(Duration::from_secs(5).into());
    assert_eq!(policy.run(|| Ok::<_, Down>(8)).unwrap(), 8);
    assert_eq!(policy.state(), Some(State::Closed));
}

#[test]
fn a_panic_is_a_failure_and_goes_on_unwinding() {
    let registry = Registry::manual(1);
    let under_a_pass = breaker(&registry);
    let caught = catch_unwind(AssertUnwindSafe(|| under_a_pass.run(|| -> Result<(), Down> { panic!("boom") })));
    assert!(caught.is_err());
    assert_eq!(under_a_pass.state(), Some(State::Open));

    let policy = Policy::builder("slow").consecutive_failures(1).bulkhead(1).build_in(&registry).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| policy.run(|| -> Result<(), Down> { panic!("boom") }))).is_err());
    assert_eq!(policy.state(), Some(State::Open));
    assert!(policy.bulkhead().unwrap().is_empty());
}

#[test]
fn retries_wait_on_the_manual_clock() {
    let registry = Registry::manual(1);
    let policy = Policy::builder("retry").retry(3).build_in(&registry).unwrap();
    let calls = AtomicU32::new(0);
    let got = policy.run(|| match calls.fetch_add(1, Ordering::Relaxed) {
        2 => Ok("third"),
        _ => Err(Down("not yet")),
    });
    assert_eq!(got.unwrap(), "third");
    let before = registry.clock().now();
    let error = policy.run(|| Err::<(), _>(Down("never"))).unwrap_err();
    assert_eq!((error.attempts(), error.reason()), (3, Some(Stop::Attempts)));
    let Error::User { gave_up: Some(gave_up), .. } = error else { panic!("not the user's error") };
    assert_eq!(gave_up.elapsed, registry.clock().now().since(before).to_duration());
}

#[test]
fn retries_that_a_part_ends_say_which_and_until_when() {
    let registry = Registry::manual(1);
    let wait = Retry::new().backoff(FixedBackoff::new().base(Duration::from_secs(1))).jitter(NoJitter::new());
    let policy = Policy::builder("stopped").consecutive_failures(1).open_for(Duration::from_secs(5)).retry(wait);
    let policy = policy.build_in(&registry).unwrap();
    let error = policy.run(|| Err::<(), _>(Down("once"))).unwrap_err();
    assert_eq!((error.attempts(), error.reason()), (1, Some(Stop::Refused)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(4)));
    let Error::User { gave_up: Some(gave_up), .. } = error else { panic!("not the user's error") };
    assert_eq!(gave_up.refusal.map(|refusal| refusal.code), Some(Code::CircuitOpen));
}

#[test]
fn an_attempt_that_comes_back_late_timed_out() {
    let registry = Registry::manual(1);
    let policy = Policy::builder("late").attempt_timeout(Duration::from_secs(1)).build_in(&registry).unwrap();
    let late = policy.run(|| {
        registry.clock().advance(Duration::from_secs(2).into());
        Ok::<_, Down>(1)
    });
    assert!(matches!(late, Err(Error::TimedOut { limit, .. }) if limit == Duration::from_secs(1)));
}

#[test]
fn guards_give_their_place_back() {
    let registry = Registry::manual(1);
    let policy = breaker(&registry);
    policy.permit().unwrap().failure();
    registry.clock().advance(Duration::from_secs(5).into());
    drop(policy.permit().unwrap());
    policy.permit().unwrap().success();
    assert_eq!(policy.state(), Some(State::Closed));

    let rooms = Policy::builder("rooms").bulkhead(1).build_in(&registry).unwrap();
    let inside = rooms.try_enter().unwrap();
    assert_eq!(rooms.try_enter().err().map(|refusal| refusal.code), Some(Code::BulkheadFull));
    drop(inside);
    assert!(rooms.try_enter().is_ok());
}

#[test]
fn permits_of_a_key_without_a_part_of_its_own_mean_nothing() {
    let registry = Registry::manual(1);
    let policy = Policy::builder("keys").consecutive_failures(1).bulkhead(1).build_in(&registry).unwrap();
    let long = policy.at(&"k".repeat(10_000));
    (0..2).for_each(|_| long.permit().unwrap().failure());
    let places = (long.try_enter().unwrap(), long.inside().unwrap());
    drop(places);
    assert_eq!(policy.state(), Some(State::Closed));
    let none = Policy::builder("none").retry(2).build_in(&registry).unwrap();
    assert_eq!(none.permit().err().map(|refusal| refusal.code), Some(Code::NoSuchPart));
    let refused = none.inside().err().unwrap();
    assert_eq!(refused.code, Code::NoSuchPart);
    assert_eq!(refused.to_string(), "the policy has no `bulkhead`, which this call is about: add it to its settings");
    assert_eq!(none.resize(1).err(), Some(refused));
    assert_eq!(none.reserve(&[("tokens", 1)]).err(), none.check_costs().err());
    assert!(none.check_costs().is_err_and(|refusal| refusal.to_string().contains("no `cost`")));
}

#[test]
fn threads_queue_for_a_bulkhead_and_all_get_in() {
    let registry = system_time();
    let policy = Policy::builder("queue")
        .bulkhead(Bulkhead::new().limit(2).max_wait(Duration::from_secs(60)))
        .build_in(&registry)
        .unwrap();
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let run = policy.run(|| {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        Ok::<_, Down>(())
                    });
                    run.unwrap();
                }
            });
        }
    });
    assert!(most.load(Ordering::SeqCst) <= 2);
    assert!(policy.bulkhead().unwrap().is_empty());
}

#[test]
fn mistakes_are_told_when_the_policy_is_built() {
    let registry = Registry::manual(1);
    let error = Policy::builder("llm").retry(0).build_in(&registry).err().unwrap();
    assert_eq!(error.path, "/policy/llm/retry/attempts");
    assert_eq!(Policy::builder("").build_in(&registry).err().unwrap().path, "/name");
    assert_eq!(seawall::policy("nobody-declared-this").err().unwrap().path, "/policy/nobody-declared-this");
}

/// What an application makes of the errors of its layers.
#[derive(Debug)]
struct Page(Error<Down>);

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the page cannot be shown")
    }
}

impl std::error::Error for Page {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_refusal_of_a_nested_policy_is_no_failure_of_the_outer_one() {
    let registry = Registry::manual(1);
    let inner = Policy::builder("inner").consecutive_failures(1).build_in(&registry).unwrap();
    inner.control(seawall::breaker::Control::ForceOpen);
    let outer = Policy::builder("outer").consecutive_failures(1).retry(3).build_in(&registry).unwrap();
    let asked = AtomicU32::new(0);
    let ask = || {
        asked.fetch_add(1, Ordering::Relaxed);
        inner.run(|| Ok::<(), Down>(()))
    };
    // As it is, within an error of the application, wrapped for a library, and boxed.
    assert!(matches!(outer.run(ask), Err(Error::User { error: Error::Refused(_), .. })));
    assert!(outer.run(|| ask().map_err(Page)).is_err());
    assert!(outer.run(|| ask().map_err(|error| std::io::Error::other(Page(error)))).is_err());
    type Boxed = Box<dyn std::error::Error>;
    let boxed = || ask().map_err(|error| Box::new(error) as Boxed);
    assert!(outer.run_with(|error: &Boxed| seawall::judge(&**error), boxed).is_err());
    assert!(outer.run_with(Error::judged, || inner.run_with(|_: &&str| unreachable!(), || Ok(()))).is_err());
    assert!(outer.guard().run(|_| ask()).is_err());
    assert_eq!(asked.into_inner(), 5, "not retried");
    assert_eq!(outer.state(), Some(State::Closed));
    assert!(outer.run(|| Err::<(), _>(Page(Error::TimedOut { limit: Duration::ZERO, attempts: 1 }))).is_err());
    assert_eq!(outer.state(), Some(State::Open), "a nested limit is a failure of the dependency");
}

#[test]
fn errors_that_nobody_judges_go_by_the_tables() {
    use seawall::judge;
    use seawall::outcome::{Hint, Outcome};
    use std::io::{Error as Io, ErrorKind};
    let refused = seawall::error::Refusal {
        retry_after: Some(seawall::time::Span::secs(3)),
        ..seawall::error::Refusal::new(Code::CircuitOpen)
    };
    let hint = Some(Hint::After(seawall::time::Span::secs(3)));
    assert_eq!(judge(&Io::other(refused.clone())), (Outcome::Refused, hint));
    assert_eq!(judge(&Error::<Down>::Refused(refused.clone())), (Outcome::Refused, hint));
    assert_eq!(judge(&Error::User { error: refused, attempts: 1, gave_up: None }), (Outcome::Refused, hint));
    assert_eq!(judge(&Io::from(ErrorKind::TimedOut)).0, Outcome::Timeout);
    assert_eq!(judge(&Io::from(ErrorKind::ConnectionReset)).0, Outcome::Failure);
    let last = Some(Down("x"));
    assert_eq!(judge(&Error::DeadlineExceeded { limit: Duration::ZERO, attempts: 1, last }).0, Outcome::Timeout);
    assert_eq!(judge(&Down("nobody knows")), (Outcome::Failure, None));
}

#[test]
fn a_classifier_that_panics_costs_nothing() {
    let registry = Registry::manual(1);
    let policy = Policy::builder("judge").consecutive_failures(1).bulkhead(1).build_in(&registry).unwrap();
    let judging = || policy.run_with(|_: &Down| panic!("the classifier's own"), || Err::<(), _>(Down("down")));
    assert!(catch_unwind(AssertUnwindSafe(judging)).is_err());
    assert_eq!(policy.state(), Some(State::Closed));
    assert!(policy.bulkhead().unwrap().is_empty());
    assert_eq!(policy.run(|| Ok::<_, Down>(7)).unwrap(), 7);
}

#[test]
fn a_nested_call_inherits_the_smaller_deadline() {
    let registry = Registry::manual(1);
    let outer = Policy::builder("outer").deadline(Duration::from_secs(1)).build_in(&registry).unwrap();
    let inner = Policy::builder("inner").deadline(Duration::from_secs(60)).build_in(&registry).unwrap();
    let mut limit = None;
    let got = outer.run(|| {
        let got = inner.run(|| {
            registry.clock().advance(Duration::from_secs(2).into());
            Err::<(), _>(Down("late"))
        });
        if let Err(Error::DeadlineExceeded { limit: given, .. }) = &got {
            limit = Some(*given);
        }
        got
    });
    assert_eq!(limit, Some(Duration::from_secs(1)));
    assert!(matches!(got, Err(Error::DeadlineExceeded { .. })));
}

#[test]
fn resizing_by_hand_wakes_a_thread_that_waits() {
    let registry = system_time();
    let policy = Policy::builder("grows")
        .bulkhead(Bulkhead::new().limit(1).max_wait(Duration::from_secs(600)))
        .build_in(&registry)
        .unwrap();
    let held = policy.try_enter().unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let waiting = policy.clone();
    let waiter = std::thread::spawn(move || told.send(waiting.run(|| Ok::<_, Down>(7)).unwrap()));
    somebody_queues(&policy);
    policy.resize(2).unwrap();
    assert_eq!(heard.recv_timeout(Duration::from_secs(20)), Ok(7));
    waiter.join().unwrap().unwrap();
    drop(held);
}

#[test]
fn places_inside_are_waited_for_in_turn_and_not_for_ever() {
    let registry = Registry::manual(1);
    let room = Bulkhead::new().limit(1).max_wait(Duration::from_secs(3));
    let policy = Policy::builder("room").bulkhead(room).build_in(&registry).unwrap();
    let held = policy.inside().unwrap();
    let refused = policy.inside().err().unwrap();
    assert_eq!((refused.code, registry.clock().now()), (Code::BulkheadTimeout, seawall::time::Tick(3_000_000_000)));
    registry.clock().thaw();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| policy.inside().map(|_| ()));
        somebody_queues(&policy);
        drop(held);
        waiter.join().unwrap().unwrap();
    });
    assert!(policy.bulkhead().unwrap().is_empty());
}

#[test]
fn the_metrics_name_the_type_of_the_errors_of_stepped_calls() {
    let registry = Registry::manual(1);
    let policy = Policy::builder("typed").consecutive_failures(9).retry(3).build_in(&registry).unwrap();
    assert!(policy.run(|| Err::<(), _>(Down("down"))).is_err());
    let line = format!("error_type=\"{}\"", std::any::type_name::<Down>());
    let metrics = registry.metrics();
    let counted: Vec<&str> = metrics.lines().filter(|text| text.contains(&line)).collect();
    assert_eq!(counted.len(), 1, "{metrics}");
    assert!(counted[0].contains("outcome=\"failure\"") && counted[0].ends_with(" 3"), "{counted:?}");
}
