//! HTTP behind a policy: the call goes on until the body of its response has ended.

use super::error::Error;
use super::judge::{Judged, judge};
use super::layer::{Layer, not_ready, sent, take_ready};
use super::opened::Opened;
use crate::classify::{http_status, retry_after};
use crate::outcome::Outcome;
use crate::policy::Policy;
use http::header::RETRY_AFTER;
use http_body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;
use tower_service::Service;

/// Puts services that answer with an HTTP response behind a policy, until the body has ended: the breaker's
/// permit and the place in the bulkhead are given back then, and how the body ends is how the attempt
/// ends. The attempt's limit holds for the head, `timeout.idle` for each gap in the body, the deadline for
/// all. Only before the head is an attempt repeated.
///
/// A body that is dropped early counts for nothing, or as a success where its length was known: then the
/// dependency had given its answer.
pub struct HttpLayer<R, B, E>(Layer<R, http::Response<B>, E>);

impl<R, B, E> Clone for HttpLayer<R, B, E> {
    fn clone(&self) -> Self {
        HttpLayer(self.0.clone())
    }
}

impl<R, B, E> HttpLayer<R, B, E> {
    /// Responses are judged by their status and `Retry-After`, errors by [`crate::judge`].
    pub fn new(policy: Policy) -> HttpLayer<R, B, E>
    where
        E: std::error::Error + 'static,
    {
        HttpLayer::with(policy, |result| match result {
            Ok(response) => by_status(response),
            Err(error) => judge(error),
        })
    }

    /// `judge` judges heads, and errors of any type.
    pub fn with(
        policy: Policy,
        judge: impl Fn(&Result<http::Response<B>, E>) -> Judged + Send + Sync + 'static,
    ) -> HttpLayer<R, B, E> {
        HttpLayer(Layer::with(policy, judge))
    }

    /// Copies a request for a retry; `None` for one that must not be sent twice.
    #[must_use]
    pub fn repeat(self, copy: impl Fn(&R) -> Option<R> + Send + Sync + 'static) -> Self {
        HttpLayer(self.0.repeat(copy))
    }
}

fn by_status<B>(response: &http::Response<B>) -> Judged {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    (http_status(response.status().as_u16()), asked.and_then(|text| retry_after(text, now)))
}

impl<S, R, B, E> tower_layer::Layer<S> for HttpLayer<R, B, E> {
    type Service = HttpProtected<S, R, B, E>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpProtected { inner, layer: self.0.clone() }
    }
}

/// A service behind a policy, with the bodies of its responses.
pub struct HttpProtected<S, R, B, E> {
    inner: S,
    layer: Layer<R, http::Response<B>, E>,
}

impl<S: Clone, R, B, E> Clone for HttpProtected<S, R, B, E> {
    fn clone(&self) -> Self {
        HttpProtected { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, R, B> Service<R> for HttpProtected<S, R, B, S::Error>
where
    S: Service<R, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    R: Send + 'static,
{
    type Response = http::Response<HeldBody<B>>;
    type Error = Error<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    /// Ready when the service is; whether the policy lets the call through is said by the call.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(not_ready)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (layer, ready) = (self.layer.clone(), take_ready(&mut self.inner));
        Box::pin(async move {
            let goes_on: fn(&http::Response<B>) -> bool = |response| !response.body().is_end_stream();
            let (response, held) = sent(layer, ready, request, Some(goes_on)).await?;
            Ok(response.map(|inner| {
                let whole = inner.size_hint().exact().is_some();
                HeldBody { inner: Box::pin(inner), held, whole }
            }))
        })
    }
}

/// The body of a response, and what its attempt holds until it ends. Its errors are those of the body as
/// [`Error::User`], or how the policy ended it: [`Error::TimedOut`] where a gap was too long.
pub struct HeldBody<B> {
    inner: Pin<Box<B>>,
    held: Option<Box<Opened>>,
    /// Its length was known: it is an answer, however much of it is read.
    whole: bool,
}

impl<B> HeldBody<B> {
    fn end(&mut self, outcome: Outcome) {
        self.held.take().into_iter().for_each(|opened| opened.end(outcome));
    }
}

impl<B> Body for HeldBody<B>
where
    B: Body,
    B::Error: std::error::Error + 'static,
{
    type Data = B::Data;
    type Error = Error<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        Poll::Ready(match ready!(Opened::poll(&mut this.held, cx, |cx| this.inner.as_mut().poll_frame(cx))) {
            Ok(Some(Ok(frame))) => {
                if this.inner.is_end_stream() {
                    this.end(Outcome::Success);
                }
                Some(Ok(frame))
            }
            Ok(Some(Err(error))) => Some(Err(match this.held.take() {
                Some(opened) => {
                    let judged = judge(&error);
                    opened.fail(error, judged)
                }
                None => Error::User { error, attempts: 1, gave_up: None },
            })),
            Ok(None) => {
                this.end(Outcome::Success);
                None
            }
            Err(late) => Some(Err(late)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for HeldBody<B> {
    fn drop(&mut self) {
        if self.whole {
            self.end(Outcome::Success);
        }
    }
}
