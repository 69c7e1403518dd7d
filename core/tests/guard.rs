//! The Rust driver with values: fallback, cache, one flight a key, judged results.
#![cfg(all(feature = "cache", not(loom)))]

use seawall::breaker::State;
use seawall::outcome::Outcome;
use seawall::run::{Cause, Guard};
use seawall::settings::{Cache, Fallback, FallbackStep};
use seawall::testing::Sandbox;
use seawall::{Error, Policy};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn users(sandbox: &Sandbox) -> Guard<String, &'static str> {
    let judge = |result: &Result<_, &str>| match result {
        Ok(_) => Outcome::Success,
        Err("no such user") => Outcome::Permanent,
        Err(_) => Outcome::Failure,
    };
    let policy = Policy::builder("users")
        .consecutive_failures(2)
        .open_for(Duration::from_secs(5))
        .cache(Duration::from_secs(60))
        .fallback(Fallback::new().chain([FallbackStep::Cached, FallbackStep::Function]))
        .build_in(sandbox)
        .unwrap();
    policy.guard_with(move |result| (judge(result), None)).cached()
}

#[test]
fn the_last_good_result_answers_and_past_its_time_the_function_does() {
    let sandbox = Sandbox::new();
    let users = users(&sandbox).fallback(|cause| match cause {
        Cause::Refused(_) => Some("refused".into()),
        Cause::Error(error) => Some((*error).into()),
        Cause::Value(_) => None,
    });
    assert_eq!(users.run_key("1", |_| Ok("ada".into())).unwrap(), "ada");
    assert_eq!(users.run_key("1", |_| Err("down")).unwrap(), "ada");
    assert_eq!(users.run_key("2", |_| Err("down")).unwrap(), "down");
    assert_eq!(users.policy().state(), Some(State::Open));
    assert_eq!(users.run_key("1", |_| Ok("eve".into())).unwrap(), "ada", "not run");
    assert_eq!(users.run_key("2", |_| Ok("eve".into())).unwrap(), "refused");
    sandbox.advance(Duration::from_secs(61));
    users.policy().control(seawall::breaker::Control::ForceOpen);
    assert_eq!(users.run_key("1", |_| Ok("eve".into())).unwrap(), "refused", "past its time to live");
}

#[test]
fn a_live_success_replaces_a_value_and_a_permanent_answer_removes_it() {
    let sandbox = Sandbox::new();
    let users = users(&sandbox);
    users.run_key("1", |_| Ok("ada".into())).unwrap();
    users.run_key("1", |_| Ok("bob".into())).unwrap();
    assert_eq!(users.run_key("1", |_| Err("down")).unwrap(), "bob");
    assert!(users.run_key("1", |_| Err("no such user")).is_err());
    assert!(users.run_key("1", |_| Err("down")).is_err(), "the dependency said no");
}

#[test]
fn a_value_that_is_judged_a_failure_counts_and_comes_out_unchanged() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("http").consecutive_failures(2).retry(2).build_in(&sandbox).unwrap();
    let http = policy.guard_with::<u16, &str>(|result| match result {
        Ok(500..) | Err(_) => (Outcome::Failure, None),
        Ok(_) => (Outcome::Success, None),
    });
    let mut attempts = Vec::new();
    let got = http.run(|attempt| {
        attempts.push(attempt.number);
        Ok(503)
    });
    assert_eq!((got.unwrap(), attempts), (503, vec![1, 2]));
    assert_eq!(policy.state(), Some(State::Open));
    assert!(matches!(http.run(|_| Ok(200)), Err(Error::Refused(_))));
}

#[test]
fn the_chain_has_values_and_they_are_answers_too() {
    let sandbox = Sandbox::new();
    sandbox.load("[policy.gate.fallback]\nchain = [\"fail_closed\"]\n", "test").unwrap();
    let gate = sandbox.named("gate").unwrap().guard::<bool, std::fmt::Error>().fallback_value(false);
    assert!(!gate.run(|_| Err(std::fmt::Error)).unwrap());
}

#[test]
fn calls_of_one_key_share_one_attempt_where_the_policy_looks_first() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("first").cache(Cache::new().first(true));
    let guard = policy.build_in(&sandbox).unwrap().guard::<u32, std::fmt::Error>().cached();
    let (made, start) = (AtomicU32::new(0), Barrier::new(4));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                let value = guard.run_key("k", |_| {
                    std::thread::sleep(Duration::from_millis(20));
                    Ok(made.fetch_add(1, Ordering::SeqCst) + 1)
                });
                assert_eq!(value.unwrap(), 1);
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn values_answer_for_futures_too() {
        let sandbox = Sandbox::new();
        let users = users(&sandbox).fallback(|_| Some("guest".into()));
        assert_eq!(users.run_key_async("1", |_| async { Ok("ada".into()) }).await.unwrap(), "ada");
        assert_eq!(users.run_key_async("1", |_| async { Err("down") }).await.unwrap(), "ada");
        assert_eq!(users.run_async(|_| async { Err("down") }).await.unwrap(), "guest");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn futures_of_one_key_share_one_attempt() {
        let policy = Policy::builder("first_async").cache(Cache::new().first(true));
        let guard = policy.build().unwrap().guard::<u32, std::fmt::Error>().cached();
        let made = Arc::new(AtomicU32::new(0));
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let (guard, made) = (guard.clone(), made.clone());
                tokio::spawn(async move {
                    guard
                        .run_key_async("k", |_| async {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            Ok(made.fetch_add(1, Ordering::SeqCst) + 1)
                        })
                        .await
                })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), 1);
        }
    }
}
