//! A [`tower`](https://docs.rs/tower) layer: any service behind a policy.

use super::asynchronous::following;
use super::error::Error;
use super::host::Plain;
use super::judge::{Judged, by_chain};
use super::opened::Opened;
use crate::policy::Policy;
use crate::sync::{Arc, AtomicBool, Ordering};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

type Judging<T, E> = dyn Fn(&Result<T, E>) -> Judged + Send + Sync;
type Copying<R> = dyn Fn(&R) -> Option<R> + Send + Sync;

/// Puts services behind a policy. `R` is the request, `T` the response, `E` the service's error.
///
/// A request is sent once unless [`Layer::repeat`] says how to copy it. A caller that drops the future
/// gives back whatever the call held. What an attempt holds goes back with its response;
/// `HttpLayer` (feature `http`) holds it until the body has ended.
///
/// ```
/// use seawall::outcome::Outcome;
/// use seawall::run::Layer;
/// # use seawall::Policy;
/// # use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let policy = Policy::builder("greeter").consecutive_failures(5).retry(3).build().unwrap();
/// let layer = Layer::with(policy, |result: &Result<u16, std::io::Error>| match result {
///     Ok(500..) => (Outcome::Failure, None),
///     Ok(_) => (Outcome::Success, None),
///     Err(error) => seawall::judge(error),
/// })
/// .repeat(|name: &String| Some(name.clone()));
/// let mut service = ServiceBuilder::new().layer(layer).service(service_fn(|_: String| async { Ok(200) }));
/// assert_eq!(service.ready().await.unwrap().call("ada".to_owned()).await.unwrap(), 200);
/// # });
/// ```
pub struct Layer<R, T, E> {
    policy: Policy,
    judge: Arc<Judging<T, E>>,
    repeat: Option<Arc<Copying<R>>>,
}

impl<R, T, E> Clone for Layer<R, T, E> {
    fn clone(&self) -> Self {
        Layer { policy: self.policy.clone(), judge: self.judge.clone(), repeat: self.repeat.clone() }
    }
}

impl<R, T, E> Layer<R, T, E> {
    /// Errors are judged by [`crate::judge`], and every response is a success.
    pub fn new(policy: Policy) -> Layer<R, T, E>
    where
        T: 'static,
        E: std::error::Error + 'static,
    {
        Layer::with(policy, by_chain)
    }

    /// `judge` judges responses, and errors of any type.
    pub fn with(policy: Policy, judge: impl Fn(&Result<T, E>) -> Judged + Send + Sync + 'static) -> Layer<R, T, E> {
        Layer { policy, judge: Arc::new(judge), repeat: None }
    }

    /// Copies a request for a retry; `None` for one that must not be sent twice.
    #[must_use]
    pub fn repeat(mut self, copy: impl Fn(&R) -> Option<R> + Send + Sync + 'static) -> Self {
        self.repeat = Some(Arc::new(copy));
        self
    }
}

impl<S, R, T, E> tower_layer::Layer<S> for Layer<R, T, E> {
    type Service = Protected<S, R, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        Protected { inner, layer: self.clone() }
    }
}

/// A service behind a policy.
pub struct Protected<S, R, T, E> {
    inner: S,
    layer: Layer<R, T, E>,
}

impl<S: Clone, R, T, E> Clone for Protected<S, R, T, E> {
    fn clone(&self) -> Self {
        Protected { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, R> Service<R> for Protected<S, R, S::Response, S::Error>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    /// Ready when the service is; whether the policy lets the call through is said by the call.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(not_ready)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (layer, ready) = (self.layer.clone(), take_ready(&mut self.inner));
        Box::pin(async move { sent(layer, ready, request, None).await.map(|(value, _)| value) })
    }
}

/// The service that was ready makes the first attempt; a clone of it stays behind.
pub(super) fn take_ready<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    std::mem::replace(service, clone)
}

/// Of a service that failed before there was a call.
pub(super) fn not_ready<E>(error: E) -> Error<E> {
    Error::User { error, attempts: 0, gave_up: None }
}

/// Sends a request, again where the policy retries and it can be copied; `ready` is ready for the first.
/// Where `holds` says so of a good response, the call goes on behind it.
pub(super) async fn sent<S, R>(
    layer: Layer<R, S::Response, S::Error>,
    ready: S,
    request: R,
    holds: Option<fn(&S::Response) -> bool>,
) -> Result<(S::Response, Option<Box<Opened>>), Error<S::Error>>
where
    S: Service<R> + Clone,
{
    let repeat = layer.repeat.clone();
    let copy = move |request: &R| repeat.as_ref().and_then(|copy| copy(request));
    let mut spare = copy(&request);
    let (mut first, mut service) = (Some(request), ready);
    let last = Arc::new(AtomicBool::new(spare.is_none()));
    let is_last = last.clone();
    let work = move |_| {
        // The first attempt takes the service that is ready, later ones a clone of it.
        let mut own = service.clone();
        let is_ready = first.is_some();
        if is_ready {
            std::mem::swap(&mut own, &mut service);
        }
        let request = first.take().or_else(|| {
            let request = spare.take();
            spare = request.as_ref().and_then(&copy);
            // Relaxed: read by the task that wrote it.
            last.store(spare.is_none(), Ordering::Relaxed);
            request
        });
        async move {
            let request = request.expect("what cannot be copied is sent once");
            if !is_ready {
                poll_fn(|cx| own.poll_ready(cx)).await?;
            }
            own.call(request).await
        }
    };
    let judge = |result: &Result<S::Response, S::Error>| (layer.judge)(result);
    following(&layer.policy, &judge, &mut Plain, || is_last.load(Ordering::Relaxed), holds, work).await
}
