//! The Rust driver with values: fallback, cache, one flight a key, judged results.
#![cfg(all(feature = "cache", not(loom)))]

use seawall::breaker::State;
use seawall::outcome::Outcome;
use seawall::run::{Cause, Guard};
use seawall::settings::{Cache, Fallback, FallbackStep, FixedBackoff, NoJitter, Retry};
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

#[test]
fn a_call_inside_its_own_fetch_does_not_wait_for_itself() {
    let policy = Policy::builder("own_fetch").cache(Cache::new().first(true)).build_in(&Sandbox::new()).unwrap();
    let guard = policy.guard::<u32, std::fmt::Error>().cached();
    let got = guard.run_key("k", |_| guard.run_key("k", |_| Ok(7)).map_err(|_| std::fmt::Error));
    assert_eq!(got.unwrap(), 7);
}

#[test]
fn a_wait_for_the_fetch_of_another_ends_with_the_deadline() {
    let policy = Policy::builder("patient").cache(Cache::new().first(true)).deadline(Duration::from_millis(50));
    let guard = policy.build().unwrap().guard::<u32, std::fmt::Error>().cached();
    let (begun, release) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        let fetch = scope.spawn(|| {
            guard.run_key("k", |_| {
                begun.wait();
                release.wait();
                Ok(1)
            })
        });
        begun.wait();
        let late = guard.run_key("k", |_| Ok(2));
        // The other is still at it: nothing but the deadline can have ended this call.
        assert!(!fetch.is_finished());
        assert!(matches!(late, Err(Error::DeadlineExceeded { attempts: 0, .. })), "{late:?}");
        release.wait();
        assert!(matches!(fetch.join().unwrap(), Err(Error::DeadlineExceeded { attempts: 1, .. })));
    });
}

#[test]
fn a_fallback_function_has_a_limit_that_its_own_calls_inherit() {
    let sandbox = Sandbox::new();
    let inner = Policy::builder("inner").deadline(Duration::from_secs(60)).build_in(&sandbox).unwrap();
    let chain = Fallback::new().chain([FallbackStep::Function]).timeout(Duration::from_secs(3));
    let outer = Policy::builder("outer").fallback(chain).build_in(&sandbox).unwrap();
    let guard = outer
        .guard::<Option<Duration>, std::fmt::Error>()
        .fallback(move |_| inner.guard::<_, std::fmt::Error>().run(|attempt| Ok(attempt.remaining)).ok());
    assert_eq!(guard.run(|_| Err(std::fmt::Error)).unwrap(), Some(Duration::from_secs(3)));
    let around = Policy::builder("around").deadline(Duration::from_secs(2)).build_in(&sandbox).unwrap();
    let got = around.run(|| guard.run(|_| Err(std::fmt::Error)).map_err(|_| std::fmt::Error));
    assert_eq!(got.unwrap(), Some(Duration::from_secs(2)), "the caller's own deadline is nearer");
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use super::*;
    use seawall::Registry;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_fallback_that_is_a_future_is_dropped_at_its_limit() {
        let chain = Fallback::new().chain([FallbackStep::Function, FallbackStep::Value]);
        let policy = Policy::builder("later").fallback(chain.timeout(Duration::from_millis(20))).build().unwrap();
        let dropped = Arc::new(());
        let held = Arc::downgrade(&dropped);
        let guard = policy.guard::<&str, std::fmt::Error>().fallback_value("value").fallback_async(move |cause| {
            let (never, hold) = (matches!(cause, Cause::Error(_)), dropped.clone());
            async move {
                let _hold = hold;
                if never {
                    std::future::pending::<()>().await;
                }
                Some("function")
            }
        });
        let long = Duration::from_secs(20);
        let cut = tokio::time::timeout(long, guard.run_async(|_| async { Err(std::fmt::Error) })).await;
        assert_eq!(cut.unwrap().unwrap(), "value");
        assert_eq!(held.strong_count(), 1, "only the guard's own: the future is gone");
        let quick = policy.guard::<&str, std::fmt::Error>().fallback_async(|_| async { Some("function") });
        assert_eq!(quick.run_async(|_| async { Err(std::fmt::Error) }).await.unwrap(), "function");
    }

    #[tokio::test]
    async fn a_future_that_waits_for_the_fetch_of_another_ends_with_the_deadline() {
        let registry = Registry::manual(1);
        registry.clock().thaw();
        let load = |deadline: &str| {
            let text =
                format!("[policy.patient]\ncache = {{ first = true }}\ntimeout = {{ deadline = \"{deadline}\" }}\n");
            registry.load(&text, "a").unwrap();
        };
        load("1h");
        let guard = registry.named("patient").unwrap().guard::<u32, std::fmt::Error>().cached();
        let fetch = tokio::spawn({
            let guard = guard.clone();
            async move { guard.run_key_async("k", |_| std::future::pending()).await }
        });
        tokio::task::yield_now().await;
        // For who comes now: the fetch must not end first, or he would make his own.
        load("50ms");
        let late = guard.run_key_async("k", |_| async { Ok(2) }).await;
        assert!(matches!(late, Err(Error::DeadlineExceeded { attempts: 0, .. })), "{late:?}");
        assert!(!fetch.is_finished());
        let fetched = guard.run_key_async("other", |_| std::future::pending()).await;
        assert!(matches!(fetched, Err(Error::DeadlineExceeded { attempts: 1, .. })), "{fetched:?}");
    }

    #[tokio::test]
    async fn a_call_inside_its_own_fetch_does_not_wait_for_itself() {
        let policy = Policy::builder("own_fetch").cache(Cache::new().first(true)).build_in(&Sandbox::new()).unwrap();
        let guard = policy.guard::<u32, std::fmt::Error>().cached();
        let fetch = |_| async { guard.run_key_async("k", |_| async { Ok(7) }).await.map_err(|_| std::fmt::Error) };
        let got = tokio::time::timeout(Duration::from_secs(20), guard.run_key_async("k", fetch)).await;
        assert_eq!(got.unwrap().unwrap(), 7);
    }

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

#[test]
fn hooks_hear_of_retries_limits_and_answers_and_may_panic() {
    let mut sandbox = Sandbox::new();
    let (told, heard) = std::sync::mpsc::channel();
    let tell = |what: &'static str| {
        let told = told.clone();
        move |number: u32, text: String| told.send(format!("{what} {number} {text}")).unwrap()
    };
    let (retry, timeout, fallback) = (tell("retry"), tell("timeout"), tell("fallback"));
    let users = Policy::builder("hooked")
        .retry(
            Retry::new().attempts(3).backoff(FixedBackoff::new().base(Duration::from_secs(2))).jitter(NoJitter::new()),
        )
        .timeout(Duration::from_secs(1))
        .cache(Cache::new().ttl(Duration::from_secs(5)).stale_for(Duration::from_secs(100)))
        .fallback(Fallback::new().chain([FallbackStep::Cached, FallbackStep::Stale]))
        .build_in(&sandbox)
        .unwrap()
        .guard_with::<String, &str>(|result| (if result.is_ok() { Outcome::Success } else { Outcome::Failure }, None))
        .cached()
        .on_retry(move |attempt, cause, delay| {
            retry(attempt, format!("{cause:?} {delay:?}"));
            panic!("the hook's own");
        })
        .on_timeout(move |attempt, limit| timeout(attempt, format!("{limit:?}")))
        .on_fallback(move |by, cause| fallback(by as u32, format!("{} {cause:?}", by.as_str())));
    users.run_key("1", |_| Ok("ada".into())).unwrap();
    let answer = users.run_key("1", |attempt| {
        // The second attempt is late with its value.
        sandbox.advance(Duration::from_secs(if attempt.number == 2 { 3 } else { 0 }));
        if attempt.number == 2 { Ok("late".into()) } else { Err("down") }
    });
    assert_eq!(answer.unwrap(), "ada");
    let heard: Vec<String> = heard.try_iter().collect();
    assert_eq!(heard.len(), 4, "{heard:?}");
    assert_eq!(heard[0], "retry 1 Error(\"down\") 2s");
    assert_eq!(heard[1], "timeout 2 1s");
    assert!(heard[2].starts_with("retry 2 Refused(") && heard[2].ends_with(" 2s"), "{heard:?}");
    assert_eq!(heard[3], "fallback 2 stale Error(\"down\")");
    assert_eq!(sandbox.happened().iter().filter(|kind| **kind == "internal").count(), 2, "two panics of the hook");
}

#[test]
fn a_fallback_is_told_of_the_limit_and_not_of_an_older_error() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("older").retry(2).timeout(Duration::from_secs(1)).fallback(FallbackStep::Function);
    let guard = policy.build_in(&sandbox).unwrap().guard::<&str, std::fmt::Error>().fallback(|cause| match cause {
        Cause::Refused(refusal) => Some(refusal.code.as_str()),
        _ => Some("the error"),
    });
    let got = guard.run(|attempt| {
        sandbox.advance(Duration::from_secs(2 * u64::from(attempt.number - 1)));
        Err(std::fmt::Error)
    });
    assert_eq!(got.unwrap(), "attempt_timeout");
}
