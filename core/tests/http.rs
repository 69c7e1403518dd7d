//! HTTP under a policy: a real client and a real server, and bodies that end later than their heads.
#![cfg(all(feature = "http", not(loom)))]

use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use seawall::breaker::State;
use seawall::run::{Builder, HttpLayer};
use seawall::settings::Timeout;
use seawall::{Error, Policy};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower::{Service, ServiceBuilder, ServiceExt};

type Pieces = std::pin::Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send>>;
type Http = HttpLayer<Request<Empty<Bytes>>, Incoming, ClientError>;

const LONG: Duration = Duration::from_secs(60);

/// Two pieces, and what the path says comes after them; the body of `/breaks` does so once it is told to.
fn answer(path: &str, asked: u32, breaks: Arc<Notify>) -> Response<StreamBody<Pieces>> {
    let piece = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    let end: Pieces = match path {
        "/hangs" => Box::pin(stream::pending()),
        "/breaks" => Box::pin(stream::once(async move {
            breaks.notified().await;
            Err(std::io::Error::other("the server lost its source"))
        })),
        _ => Box::pin(stream::empty()),
    };
    let body =
        StreamBody::new(Box::pin(stream::StreamExt::chain(stream::iter([piece("sea"), piece("wall")]), end)) as _);
    let status = if path == "/second" && asked == 1 { 503 } else { 200 };
    let mut response = Response::builder().status(status);
    if path == "/whole" {
        response = response.header("content-length", 7);
    }
    response.body(body).unwrap()
}

async fn server(breaks: &Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, breaks) = (Arc::new(AtomicU32::new(0)), breaks.clone());
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (asked, breaks) = (asked.clone(), breaks.clone());
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                let breaks = breaks.clone();
                async move { Ok::<_, Infallible>(answer(request.uri().path(), asked, breaks)) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

async fn get(
    policy: &Policy,
    server: SocketAddr,
    path: &str,
) -> Result<Response<seawall::run::HeldBody<Incoming>>, Error<ClientError>> {
    let client: Client<HttpConnector, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut service = ServiceBuilder::new().layer(layer(policy)).service(client);
    let request = Request::get(format!("http://{server}{path}")).body(Empty::new()).unwrap();
    service.ready().await.unwrap().call(request).await
}

fn layer(policy: &Policy) -> Http {
    HttpLayer::new(policy.clone()).repeat(|request: &Request<Empty<Bytes>>| Some(request.clone()))
}

/// One failure opens it, one caller at a time is inside.
fn policy(name: &str) -> Builder {
    Policy::builder(name).consecutive_failures(1).bulkhead(1)
}

fn in_use(policy: &Policy) -> u64 {
    policy.bulkhead().unwrap().look().in_use
}

fn counts(policy: &Policy) -> (u64, u64, u64) {
    let totals = policy.with(|cx| policy.breaker().unwrap().snapshot(cx)).totals;
    (totals.success, totals.failure, totals.cancelled)
}

#[tokio::test]
async fn what_the_attempt_holds_goes_back_with_the_end_of_the_body() {
    let server = server(&Arc::default()).await;
    let policy = policy("http_held").build().unwrap();
    let response = get(&policy, server, "/stream").await.unwrap();
    assert_eq!((in_use(&policy), counts(&policy)), (1, (0, 0, 0)), "the head is here, the body is not");
    assert!(matches!(get(&policy, server, "/stream").await, Err(Error::Refused(_))), "it is full");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "seawall");
    assert_eq!((in_use(&policy), counts(&policy)), (0, (1, 0, 0)));

    drop(get(&policy, server, "/stream").await.unwrap());
    assert_eq!((in_use(&policy), counts(&policy)), (0, (1, 0, 1)), "left early");
    drop(get(&policy, server, "/whole").await.unwrap());
    assert_eq!((in_use(&policy), counts(&policy)), (0, (2, 0, 1)), "its length was known: that was the answer");
}

#[tokio::test]
async fn heads_are_judged_and_repeated_and_a_body_that_breaks_is_a_failure() {
    let breaks = Arc::new(Notify::new());
    let server = server(&breaks).await;
    let again = Policy::builder("http_again").retry(2).backoff(Duration::from_millis(1), Duration::from_millis(1));
    let response = get(&again.build().unwrap(), server, "/second").await.unwrap();
    assert_eq!(response.status(), 200, "the first answer was a 503");
    drop(response);

    let policy = policy("http_breaks").build().unwrap();
    let response = get(&policy, server, "/breaks").await.unwrap();
    breaks.notify_one();
    let broken = response.into_body().collect().await;
    assert!(matches!(broken, Err(Error::User { attempts: 1, .. })));
    assert_eq!((policy.state(), in_use(&policy)), (Some(State::Open), 0));
}

#[tokio::test]
async fn a_body_that_hangs_is_cut_at_its_gap() {
    let server = server(&Arc::default()).await;
    let limit = Duration::from_millis(200);
    let policy = policy("http_hangs").timeout(Timeout::new().idle(limit)).build().unwrap();
    let body = get(&policy, server, "/hangs").await.unwrap().into_body();
    let cut = tokio::time::timeout(LONG, body.collect()).await.expect("it is cut");
    assert!(matches!(cut, Err(Error::TimedOut { limit: told, attempts: 1 }) if told == limit));
    assert_eq!((policy.state(), in_use(&policy)), (Some(State::Open), 0));
}
