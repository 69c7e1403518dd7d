//! The tower layer in front of real tower services.
#![cfg(all(feature = "tower", not(loom)))]

use seawall::breaker::State;
use seawall::outcome::Outcome;
use seawall::run::Layer;
use seawall::testing::Sandbox;
use seawall::{Error, Policy};
use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

type Http = Layer<String, u16, io::Error>;

fn statuses(policy: Policy) -> Http {
    let judge = |result: &Result<u16, io::Error>| match result {
        Ok(500..) => (Outcome::Failure, None),
        Ok(_) => (Outcome::Success, None),
        Err(error) => seawall::judge(error),
    };
    Layer::with(policy, judge).repeat(|request: &String| Some(request.clone()))
}

#[tokio::test]
async fn it_retries_with_copies_and_opens() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("api").consecutive_failures(3).retry(3).build_in(&sandbox).unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let counter = sent.clone();
    let service = service_fn(move |request: String| {
        assert_eq!(request, "hello");
        let sent = counter.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok(if sent < 3 { 503 } else { 200 }) }
    });
    let mut service = ServiceBuilder::new().layer(statuses(policy.clone())).service(service);
    assert_eq!(service.ready().await.unwrap().call("hello".into()).await.unwrap(), 200);
    assert_eq!(sent.load(Ordering::SeqCst), 3);

    let mut broken = ServiceBuilder::new()
        .layer(statuses(policy.clone()))
        .service(service_fn(|_: String| async { Err(io::Error::from(io::ErrorKind::ConnectionRefused)) }));
    let error = broken.ready().await.unwrap().call("hello".into()).await.unwrap_err();
    assert_eq!(error.attempts(), 3);
    assert_eq!(policy.state(), Some(State::Open));
    let refused = broken.ready().await.unwrap().call("hello".into()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(_)));
}

#[tokio::test]
async fn a_request_that_cannot_be_copied_is_sent_once_and_one_that_can_twice_at_most() {
    let sandbox = Sandbox::new();
    for (copies, expected) in [(0, 1), (1, 2)] {
        let policy = Policy::builder(&format!("once{copies}")).retry(5).build_in(&sandbox).unwrap();
        let left = AtomicU32::new(copies);
        let layer: Http = Layer::new(policy).repeat(move |request: &String| {
            let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            left.ok().map(|_| request.clone())
        });
        let sent = Arc::new(AtomicU32::new(0));
        let counter = sent.clone();
        let mut service = ServiceBuilder::new().layer(layer).service(service_fn(move |_: String| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Err(io::Error::from(io::ErrorKind::ConnectionReset)) }
        }));
        assert!(service.ready().await.unwrap().call("x".into()).await.is_err());
        assert_eq!(sent.load(Ordering::SeqCst), expected);
    }
}

/// A service that insists on being polled ready before each call.
#[derive(Default)]
struct Strict {
    ready: bool,
    readied: Arc<AtomicU32>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        // Readiness belongs to the service that was polled.
        Strict { ready: false, readied: self.readied.clone() }
    }
}

impl Service<String> for Strict {
    type Response = u16;
    type Error = io::Error;
    type Future = Ready<Result<u16, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.ready = true;
        self.readied.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: String) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without having been polled ready");
        ready(Ok(503))
    }
}

#[tokio::test]
async fn every_attempt_calls_a_service_that_is_ready() {
    let sandbox = Sandbox::new();
    let policy = Policy::builder("strict").retry(3).build_in(&sandbox).unwrap();
    let strict = Strict::default();
    let readied = strict.readied.clone();
    let mut service = ServiceBuilder::new().layer(statuses(policy)).service(strict);
    assert_eq!(service.ready().await.unwrap().call("x".into()).await.unwrap(), 503);
    assert_eq!(readied.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_dropped_call_gives_back_what_it_held() {
    let policy = Policy::builder("dropped").bulkhead(1).build_in(&Sandbox::new()).unwrap();
    let layer: Http = Layer::new(policy.clone());
    let mut service = ServiceBuilder::new().layer(layer).service(service_fn(|_: String| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(200)
    }));
    let call = service.ready().await.unwrap().call("x".into());
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    assert_eq!(policy.bulkhead().unwrap().look().in_use, 0);
}

#[tokio::test]
async fn a_slow_attempt_is_cut_and_the_next_one_runs() {
    let policy = Policy::builder("slow_attempt")
        .retry(2)
        .backoff(Duration::from_millis(1), Duration::from_millis(1))
        .attempt_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let mut service = ServiceBuilder::new().layer(statuses(policy)).service(service_fn(move |_: String| {
        let first = sent.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Ok(200)
        }
    }));
    assert_eq!(service.ready().await.unwrap().call("x".into()).await.unwrap(), 200);
}
