//! What is protected, and how a future is driven.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::Handle;
use tower::Service;

pub const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy)]
pub struct Boom;

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("boom")
    }
}

impl std::error::Error for Boom {}

#[inline(always)]
pub fn ok(x: u64) -> Result<u64, Boom> {
    Ok(black_box(x))
}

#[inline(always)]
pub fn fail(x: u64) -> Result<u64, Boom> {
    black_box(x);
    Err(Boom)
}

/// A service that is ready at once and allocates nothing.
#[derive(Clone)]
pub struct Echo;

impl Service<u64> for Echo {
    type Response = u64;
    type Error = Infallible;
    type Future = std::future::Ready<Result<u64, Infallible>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, x: u64) -> Self::Future {
        std::future::ready(Ok(black_box(x)))
    }
}

/// The same, failing.
#[derive(Clone)]
pub struct Down;

impl Service<u64> for Down {
    type Response = u64;
    type Error = Boom;
    type Future = std::future::Ready<Result<u64, Boom>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Boom>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, x: u64) -> Self::Future {
        std::future::ready(fail(x))
    }
}

static RUNTIME: OnceLock<Handle> = OnceLock::new();

pub fn set_runtime(handle: Handle) {
    let _ = RUNTIME.set(handle);
}

/// For a measured thread whose library wants tokio's clock.
pub fn inside() -> tokio::runtime::EnterGuard<'static> {
    RUNTIME.get().expect("set before anything is measured").enter()
}

/// One call of a service, readiness first, as its contract asks.
#[inline(always)]
pub fn through<S: Service<u64>>(service: &mut S, x: u64) -> Result<S::Response, S::Error> {
    drive(async {
        std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(x).await
    })
}

/// One poll; a future that is not ready at once is waited for on the runtime.
#[inline]
pub fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => RUNTIME.get().expect("set before anything is measured").block_on(future),
    }
}
