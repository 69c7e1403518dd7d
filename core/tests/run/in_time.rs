//! Awaited calls under a limit: a first attempt that ends in time is not stepped, any other goes on as if
//! it had been.

use super::*;
use seawall::settings::Timeout;
use std::future::{pending, ready};

const NEVER: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_millis(200);

/// Opens at the first failure.
fn limited(registry: &Registry, timeout: Timeout) -> Policy {
    Policy::builder("limited").consecutive_failures(1).timeout(timeout).build_in(registry).unwrap()
}

/// Successes and failures that the breaker counted.
fn totals(policy: &Policy) -> (u64, u64) {
    let totals = policy.breaker().unwrap().peek(policy.registry().clock().now()).totals;
    (totals.success, totals.failure)
}

fn metric(registry: &Registry, name: &str) -> u64 {
    let text = registry.metrics();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn measured(registry: &Registry) -> u64 {
    metric(registry, "seawall_timeout_duration_seconds_count{policy=\"limited\"")
}

#[test]
fn work_that_is_ready_at_once_needs_no_timer() {
    let registry = system_time();
    let policy = limited(&registry, Timeout::new().attempt(NEVER).deadline(NEVER));
    let without_timers = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let call = || policy.run_async(|| ready(Ok::<_, Down>(7)));
    assert_eq!(without_timers.block_on(call()).unwrap(), 7);
    assert_eq!((totals(&policy), measured(&registry)), ((1, 0), 1));
}

#[tokio::test]
async fn work_that_waits_and_ends_in_time_is_counted_once() {
    let registry = system_time();
    let policy = limited(&registry, Timeout::new().attempt(NEVER));
    for made in 1..=3 {
        let got = policy.run_async(|| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, Down>(7)
        });
        assert_eq!(got.await.unwrap(), 7);
        assert_eq!((totals(&policy), measured(&registry)), ((made, 0), made));
    }
}

#[tokio::test]
async fn work_is_dropped_at_the_nearer_limit_and_not_before() {
    for (timeout, whole) in
        [(Timeout::new().attempt(SOON), false), (Timeout::new().attempt(NEVER).deadline(SOON), true)]
    {
        let registry = system_time();
        let policy = limited(&registry, timeout);
        let before = registry.clock().now();
        let held = Arc::new(());
        let work = || {
            let held = held.clone();
            async move {
                pending::<()>().await;
                drop(held);
                Ok::<_, Down>(())
            }
        };
        match policy.run_async(work).await.unwrap_err() {
            Error::TimedOut { limit, attempts } => assert_eq!((limit, attempts, whole), (SOON, 1, false)),
            Error::DeadlineExceeded { limit, attempts, .. } => assert_eq!((limit, attempts, whole), (SOON, 1, true)),
            other => panic!("{other}"),
        }
        assert!(registry.clock().now().since(before) >= SOON.into());
        assert_eq!((Arc::strong_count(&held), totals(&policy), measured(&registry)), (1, (0, 1), 1));
        assert_eq!(policy.state(), Some(State::Open));
    }
}

#[tokio::test]
async fn work_that_never_lets_its_task_rest_is_stopped_too() {
    let policy = limited(&system_time(), Timeout::new().attempt(SOON));
    let got = policy.run_async(|| async {
        loop {
            tokio::task::consume_budget().await;
        }
        #[allow(unreachable_code)]
        Ok::<(), Down>(())
    });
    assert!(matches!(got.await, Err(Error::TimedOut { .. })));
}

#[tokio::test]
async fn work_that_comes_back_late_timed_out_whatever_it_gives() {
    let registry = Registry::manual(1);
    let second = Duration::from_secs(1);
    for given in [Ok(7), Err(Down("late"))] {
        let policy = limited(&registry, Timeout::new().attempt(second));
        let late = policy.run_async(|| {
            registry.clock().advance((second * 2).into());
            ready(given)
        });
        assert!(matches!(late.await, Err(Error::TimedOut { limit, .. }) if limit == second));
        assert_eq!(policy.state(), Some(State::Open));
        policy.control(seawall::breaker::Control::Close);
        let in_time = policy.run_async(|| {
            registry.clock().advance(second.into());
            ready(Ok::<_, Down>(7))
        });
        assert_eq!(in_time.await.unwrap(), 7, "a limit is inclusive");
    }
}

#[tokio::test]
async fn an_attempt_out_of_time_is_repeated_and_the_hooks_hear_of_it() {
    let registry = system_time();
    let policy = Policy::builder("limited")
        .failure_rate(1.0, 10, 10)
        .retry(
            Retry::new()
                .attempts(3)
                .backoff(FixedBackoff::new().base(Duration::from_millis(1)))
                .jitter(NoJitter::new()),
        )
        .attempt_timeout(SOON)
        .build_in(&registry)
        .unwrap();
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (limits, retries) = (heard.clone(), heard.clone());
    let guard = policy
        .guard::<u32, Down>()
        .on_timeout(move |attempt, limit| limits.lock().unwrap().push(("limit", attempt, limit == SOON)))
        .on_retry(move |attempt, cause, _| {
            let by_limit =
                matches!(cause, seawall::run::Cause::Refused(refusal) if refusal.code == Code::AttemptTimeout);
            retries.lock().unwrap().push(("retry", attempt, by_limit));
        });
    let got = guard.run_async(|attempt| async move {
        assert!(attempt.remaining.is_some_and(|left| left <= SOON), "{attempt:?}");
        match attempt.number {
            1 => pending().await,
            2 => Err(Down("not yet")),
            number => Ok(number),
        }
    });
    assert_eq!(got.await.unwrap(), 3);
    assert_eq!(*heard.lock().unwrap(), [("limit", 1, true), ("retry", 1, true), ("retry", 2, false)]);
    assert_eq!((totals(&policy), measured(&registry)), ((1, 2), 3));
}

#[tokio::test]
async fn a_slow_success_is_told_and_a_failure_measured() {
    let registry = Registry::manual(1);
    let policy = Policy::builder("limited").timeout(Timeout::new().attempt(NEVER).slow_after(SOON));
    let policy = policy.build_in(&registry).unwrap();
    let mut events = registry.events().subscribe();
    let took = |span: Duration, given: Result<u32, Down>| {
        policy.run_async({
            let clock = registry.clock();
            move || {
                clock.advance(span.into());
                ready(given)
            }
        })
    };
    assert!(took(SOON, Ok(1)).await.is_ok());
    assert!(took(SOON * 2, Ok(1)).await.is_ok());
    assert!(took(SOON, Err(Down("down"))).await.is_err());
    let told: Vec<_> = events.drain().events.into_iter().map(|event| event.note.kind.as_str()).collect();
    assert_eq!(told, ["slow"]);
    assert_eq!((measured(&registry), metric(&registry, "seawall_timeout_slow_total{policy=\"limited\"")), (3, 1));
}

#[tokio::test]
async fn a_nested_call_has_what_the_outer_one_has_left() {
    let registry = Registry::manual(1);
    let second = Duration::from_secs(1);
    let outer = limited(&registry, Timeout::new().deadline(second * 3));
    let inner = Policy::builder("inner").deadline(NEVER).build_in(&registry).unwrap().guard::<Option<Duration>, Down>();
    let (inner, clock) = (&inner, registry.clock());
    let left = outer.run_async(|| async move {
        clock.advance(second.into());
        // Each poll of the work has it, not only the first.
        tokio::task::yield_now().await;
        inner.run_async(|attempt| ready(Ok(attempt.remaining))).await
    });
    assert_eq!(left.await.unwrap(), Some(second * 2));
    assert_eq!(inner.run_async(|attempt| ready(Ok(attempt.remaining))).await.unwrap(), Some(NEVER), "nothing stays");
}

#[tokio::test]
async fn a_dropped_call_counts_for_nothing_and_a_panic_for_a_failure() {
    let registry = system_time();
    let place = Policy::builder("limited").consecutive_failures(1).bulkhead(1).attempt_timeout(NEVER);
    let policy = place.build_in(&registry).unwrap();
    {
        let call = policy.run_async(pending::<Result<(), Down>>);
        tokio::pin!(call);
        assert!(tokio::time::timeout(SOON, &mut call).await.is_err());
        assert!(!policy.bulkhead().unwrap().is_empty());
    }
    assert!(policy.bulkhead().unwrap().is_empty());
    assert_eq!((policy.state(), totals(&policy)), (Some(State::Closed), (0, 0)));
    assert_eq!(
        metric(&registry, "seawall_call_finished_total{policy=\"limited\",scope=\"process\",outcome=\"cancelled\""),
        1
    );
    let own = policy.clone();
    let task = tokio::spawn(async move { own.run_async(|| async { panic!("boom") as Result<(), Down> }).await });
    assert!(task.await.unwrap_err().is_panic());
    assert!(policy.bulkhead().unwrap().is_empty());
    assert_eq!((policy.state(), totals(&policy)), (Some(State::Open), (0, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_go_round_under_a_limit() {
    let registry = system_time();
    let policy = Policy::builder("limited")
        .bulkhead(Bulkhead::new().limit(2).max_wait(NEVER))
        .attempt_timeout(NEVER)
        .build_in(&registry)
        .unwrap();
    let work = || async {
        tokio::task::yield_now().await;
        Ok::<_, Down>(())
    };
    let tasks = (0..50).map(|_| policy.clone()).map(|policy| tokio::spawn(async move { policy.run_async(work).await }));
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert!(policy.bulkhead().unwrap().is_empty());
    assert_eq!(measured(&registry), 50);
}

#[tokio::test]
async fn settings_of_a_reload_hold_from_the_next_call_on() {
    let registry = system_time();
    let load = |timeout: &str| {
        registry.load(&format!("[policy.limited]\ntimeout = {timeout}\nbreaker = {{}}\n"), "test").unwrap();
        registry.named("limited").unwrap()
    };
    let policy = load("{ attempt = \"600s\" }");
    let got = policy.run_async(|| async {
        load("{ attempt = \"20ms\" }");
        tokio::time::sleep(SOON * 2).await;
        Ok::<_, Down>(7)
    });
    assert_eq!(got.await.unwrap(), 7, "it began under the old ones");
    assert!(matches!(policy.run_async(pending::<Result<(), Down>>).await, Err(Error::TimedOut { .. })));
}

#[tokio::test]
async fn what_an_awaited_call_makes_happen_is_told_before_it_returns() {
    let registry = Registry::manual(1);
    for policy in [breaker(&registry), limited(&registry, Timeout::new().attempt(NEVER))] {
        let heard = Arc::new(AtomicU32::new(0));
        let ear = heard.clone();
        let _listener = registry.listen(move |_| {
            ear.fetch_add(1, Ordering::Relaxed);
        });
        assert!(policy.run_async(|| ready(Err::<(), _>(Down("down")))).await.is_err());
        assert_eq!(heard.load(Ordering::Relaxed), 1, "it opened");
    }
}
