//! Streams under a policy: one attempt from the first item to the end.
#![cfg(all(feature = "tokio", not(loom)))]

use futures_util::stream::{self, Stream, StreamExt};
use seawall::breaker::State;
use seawall::outcome::Outcome;
use seawall::settings::Timeout;
use seawall::testing::Sandbox;
use seawall::{Error, Policy};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

type Item = Result<u32, fmt::Error>;

/// One failure opens it, one caller at a time is inside.
fn policy(name: &str) -> seawall::run::Builder {
    Policy::builder(name).consecutive_failures(1).bulkhead(1)
}

fn in_use(policy: &Policy) -> u64 {
    policy.bulkhead().unwrap().look().in_use
}

fn pieces(items: Vec<Item>) -> impl Stream<Item = Item> {
    stream::iter(items)
}

#[tokio::test]
async fn a_stream_holds_what_its_attempt_holds_until_it_ends() {
    let sandbox = Sandbox::new();
    let policy = policy("held").build_in(&sandbox).unwrap();
    let mut items = Box::pin(policy.stream(|_| pieces(vec![Ok(1), Ok(2)])));
    assert_eq!(in_use(&policy), 0, "nothing was asked for yet");
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    assert_eq!(in_use(&policy), 1);
    assert!(matches!(policy.run(|| Ok::<_, fmt::Error>(())), Err(Error::Refused(_))), "it is full");
    assert_eq!(items.next().await.unwrap().unwrap(), 2);
    assert_eq!(in_use(&policy), 1);
    assert!(items.next().await.is_none() && items.next().await.is_none());
    assert_eq!(in_use(&policy), 0);
    let totals = policy.with(|cx| policy.breaker().unwrap().snapshot(cx)).totals;
    assert_eq!((totals.success, totals.failure, totals.cancelled), (1, 0, 0));

    let mut early = Box::pin(policy.stream(|_| pieces(vec![Ok(1), Ok(2)])));
    early.next().await.unwrap().unwrap();
    drop(early);
    assert_eq!(in_use(&policy), 0);
    let totals = policy.with(|cx| policy.breaker().unwrap().snapshot(cx)).totals;
    assert_eq!((totals.success, totals.failure, totals.cancelled), (1, 0, 1), "left early");

    let mut empty = Box::pin(policy.stream(|_| pieces(vec![])));
    assert!(empty.next().await.is_none());
    let totals = policy.with(|cx| policy.breaker().unwrap().snapshot(cx)).totals;
    assert_eq!((totals.success, in_use(&policy)), (2, 0), "an empty one is exhausted too");
}

#[tokio::test]
async fn it_is_made_again_before_the_first_item_only() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("again").consecutive_failures(9).retry(3).build_in(&sandbox).unwrap();
    let made = AtomicU32::new(0);
    let items = policy.stream(|attempt| {
        made.fetch_add(1, Ordering::SeqCst);
        pieces(if attempt.number < 3 { vec![Err(fmt::Error)] } else { vec![Ok(7), Err(fmt::Error), Ok(8)] })
    });
    let got: Vec<_> = items.collect().await;
    assert_eq!(made.into_inner(), 3);
    assert_eq!(got.len(), 2, "nothing comes after the error: {got:?}");
    assert_eq!(*got[0].as_ref().unwrap(), 7);
    assert!(matches!(got[1], Err(Error::User { attempts: 3, .. })));
    let totals = policy.with(|cx| policy.breaker().unwrap().snapshot(cx)).totals;
    assert_eq!((totals.success, totals.failure), (0, 3));
}

#[tokio::test]
async fn an_open_circuit_refuses_and_errors_are_judged_by_the_caller() {
    let sandbox = Sandbox::new();
    let policy = policy("judged").build_in(&sandbox).unwrap();
    let wrong = |_: &&str| (Outcome::Permanent, None);
    let got: Vec<_> = policy.stream_with(wrong, |_| stream::iter(vec![Ok(1), Err("no such thing")])).collect().await;
    assert!(matches!(got[1], Err(Error::User { error: "no such thing", .. })));
    assert_eq!(policy.state(), Some(State::Closed), "the dependency answered");
    let _: Vec<_> = policy.stream(|_| pieces(vec![Ok(1), Err(fmt::Error)])).collect().await;
    assert_eq!(policy.state(), Some(State::Open));
    let got: Vec<_> = policy.stream(|_| pieces(vec![Ok(1)])).collect().await;
    assert!(matches!(got[..], [Err(Error::Refused(_))]), "{got:?}");
}

/// Items that come after `gaps`.
fn slow(gaps: Vec<Duration>) -> impl Stream<Item = Item> {
    stream::iter(gaps).then(|gap| async move {
        tokio::time::sleep(gap).await;
        Ok(1)
    })
}

const SOON: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_gap_that_is_too_long_is_a_timeout() {
    let idle = Duration::from_millis(500);
    let policy = policy("gap").timeout(Timeout::new().idle(idle)).build().unwrap();
    let all = policy.stream(|_| slow(vec![SOON, SOON, LONG])).collect::<Vec<_>>();
    let got = tokio::time::timeout(LONG / 2, all).await.expect("it is cut");
    assert_eq!(got.iter().filter(|item| item.is_ok()).count(), 2);
    assert!(matches!(got[2], Err(Error::TimedOut { limit, attempts: 1 }) if limit == idle), "{got:?}");
    assert_eq!((policy.state(), in_use(&policy)), (Some(State::Open), 0));
}

#[tokio::test]
async fn the_attempts_limit_is_for_the_first_item_and_the_deadline_for_all() {
    let first = policy("first").attempt_timeout(Duration::from_millis(50)).build().unwrap();
    let late = tokio::time::timeout(LONG / 2, first.stream(|_| slow(vec![LONG])).collect::<Vec<_>>()).await;
    assert!(matches!(late.unwrap()[..], [Err(Error::TimedOut { attempts: 1, .. })]));
    let (attempt, limit) = (Duration::from_millis(300), Duration::from_millis(800));
    let whole = policy("whole").attempt_timeout(attempt).deadline(limit).build().unwrap();
    let endless = whole.stream(|_| slow(vec![SOON; 10_000])).collect::<Vec<_>>();
    let got = tokio::time::timeout(LONG / 2, endless).await.unwrap();
    assert!(got.len() > 2, "longer than the attempt's limit: {got:?}");
    let is_cut = |end: &Error<fmt::Error>| matches!(end, Error::DeadlineExceeded { limit: told, .. } if *told == limit);
    assert!(is_cut(got.last().unwrap().as_ref().unwrap_err()), "{:?}", got.last());
    assert_eq!(in_use(&whole), 0);
}

#[tokio::test]
async fn a_clock_that_stands_still_measures_gaps_too() {
    let sandbox = Sandbox::new();
    let limits = Timeout::new().idle(Duration::from_secs(5));
    let policy = policy("manual").timeout(limits).build_in(&sandbox).unwrap();
    let items = policy.stream(|_| {
        stream::iter([0, 5, 6]).map(|gap| {
            sandbox.advance(Duration::from_secs(gap));
            Ok::<_, fmt::Error>(gap)
        })
    });
    let got: Vec<_> = items.collect().await;
    assert_eq!(got.len(), 3);
    assert_eq!(*got[1].as_ref().unwrap(), 5, "a gap as long as the limit is none too long");
    assert!(matches!(got[2], Err(Error::TimedOut { .. })));
}

#[tokio::test]
async fn a_panic_of_the_stream_is_a_failure() {
    let policy = policy("panics").build_in(&Sandbox::new()).unwrap();
    let mut items = Box::pin(policy.stream(|_| {
        stream::iter([1, 2]).map(|item| if item == 2 { panic!("the stream's own") } else { Ok::<_, fmt::Error>(item) })
    }));
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    let rest = tokio::spawn(async move { items.next().await.is_some() });
    assert!(rest.await.unwrap_err().is_panic());
    assert_eq!((policy.state(), in_use(&policy)), (Some(State::Open), 0));
}
