//! Streams: one attempt from the first item asked for to the end.

use super::asynchronous::following;
use super::attempt::Attempt;
use super::error::Error;
use super::host::Plain;
use super::judge::{Judged, by_error, judge};
use super::opened::Opened;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::sync::Arc;
use futures_core::Stream;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl Policy {
    /// The items of a stream that `work` makes, which is one attempt from the first item asked for to its
    /// end: exhausted it is a success, an error ends it and is judged by [`crate::judge`], and dropped
    /// before its end it counts for nothing. Until then it holds what the attempt holds: the breaker's
    /// permit, a place in the bulkhead.
    ///
    /// `work` is asked again where the policy retries, but only before the first item. The attempt's limit
    /// holds for the first item, `timeout.idle` for each gap after it, the deadline for all. A fallback
    /// does not apply.
    ///
    /// Needs tokio's timers (`enable_time`) for these limits. The stream may move between threads if those
    /// of `work` may.
    ///
    /// # Errors
    /// An item is an error at most once, the last: the work's own as [`Error::User`], or how the policy
    /// ended the call ([`Error::TimedOut`] where a gap was too long).
    pub fn stream<T, E, S, W>(&self, work: W) -> impl Stream<Item = Result<T, Error<E>>> + use<T, E, S, W>
    where
        W: FnMut(Attempt) -> S,
        E: std::error::Error + 'static,
        S: Stream<Item = Result<T, E>>,
    {
        flow(self.clone(), |error: &E| judge(error), work)
    }

    /// The same; `classify` judges errors of any type.
    ///
    /// # Errors
    /// As [`Policy::stream`].
    pub fn stream_with<T, E, S, C, W>(
        &self,
        classify: C,
        work: W,
    ) -> impl Stream<Item = Result<T, Error<E>>> + use<T, E, S, C, W>
    where
        C: Fn(&E) -> Judged,
        W: FnMut(Attempt) -> S,
        S: Stream<Item = Result<T, E>>,
    {
        flow(self.clone(), classify, work)
    }
}

/// The first item, and where the others come from.
type Head<S, T> = (Option<T>, Pin<Box<S>>);

fn flow<T, E, S>(
    policy: Policy,
    classify: impl Fn(&E) -> Judged,
    mut work: impl FnMut(Attempt) -> S,
) -> impl Stream<Item = Result<T, Error<E>>>
where
    S: Stream<Item = Result<T, E>>,
{
    let classify = Arc::new(classify);
    let judge = classify.clone();
    let begin = async move {
        let first = move |attempt| {
            let mut items = Box::pin(work(attempt));
            async move {
                let item = poll_fn(|cx| items.as_mut().poll_next(cx)).await.transpose()?;
                Ok((item, items))
            }
        };
        let holds: fn(&Head<S, T>) -> bool = |(item, _)| item.is_some();
        following(&policy, &by_error(|error| judge(error)), &mut Plain, || false, Some(holds), first).await
    };
    Flow { state: State::Beginning(Box::pin(begin)), classify }
}

struct Flow<B, S, C> {
    state: State<B, S>,
    classify: Arc<C>,
}

enum State<B, S> {
    Beginning(Pin<Box<B>>),
    Flowing(Pin<Box<S>>, Option<Box<Opened>>),
    Over,
}

// What has to stay in its place is in boxes.
impl<B, S, C> Unpin for Flow<B, S, C> {}

impl<T, E, B, S, C> Stream for Flow<B, S, C>
where
    B: Future<Output = Result<(Head<S, T>, Option<Box<Opened>>), Error<E>>>,
    S: Stream<Item = Result<T, E>>,
    C: Fn(&E) -> Judged,
{
    type Item = Result<T, Error<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let item = match &mut this.state {
            State::Over => return Poll::Ready(None),
            State::Beginning(begin) => match ready!(begin.as_mut().poll(cx)) {
                Ok(((item, items), opened)) => {
                    this.state = if item.is_some() { State::Flowing(items, opened) } else { State::Over };
                    return Poll::Ready(item.map(Ok));
                }
                Err(error) => Some(Err(error)),
            },
            State::Flowing(items, held) => match ready!(Opened::poll(held, cx, |cx| items.as_mut().poll_next(cx))) {
                Ok(Some(Ok(item))) => return Poll::Ready(Some(Ok(item))),
                Ok(Some(Err(error))) => Some(Err(match held.take() {
                    Some(opened) => {
                        let judged = (this.classify)(&error);
                        opened.fail(error, judged)
                    }
                    None => Error::User { error, attempts: 1, gave_up: None },
                })),
                Ok(None) => {
                    held.take().into_iter().for_each(|opened| opened.end(Outcome::Success));
                    None
                }
                Err(late) => Some(Err(late)),
            },
        };
        this.state = State::Over;
        Poll::Ready(item)
    }
}
