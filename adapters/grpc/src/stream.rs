//! Streamed answers: a message for each chunk, as it arrives.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use flow_edge::drain::{Drain, Work};
use flow_edge::error::log_failure;
use flow_edge::wire::pump::{Pumped, pump};
use flow_edge::{
    App, Chunk, ErrorKind, FlowError, FlowStream, Partial, RequestContext, Schema, StreamEvent, Streamed,
};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};
use tonic::{Response, Status};

use crate::extract::Ctx;
use crate::reply::{Answer, fault, status};

/// A message of a stream whose chunks are `C` and whose result is a `T`.
///
/// Implemented by `From<String>` for a stream of text, and by `From<Partial>` and `From<T>` for a stream of what is
/// known so far.
pub trait StreamMessage<T, C>: Send + 'static {
    /// The message of a chunk.
    fn chunk(chunk: C) -> Self;

    /// The message of the result, if it says more than the chunks did: `any` tells whether there were some.
    fn end(result: T, any: bool) -> Option<Self>
    where
        Self: Sized;
}

impl<T: Streamed, M: From<String> + Send + 'static> StreamMessage<T, String> for M {
    fn chunk(text: String) -> Self {
        text.into()
    }

    fn end(result: T, any: bool) -> Option<Self> {
        (!any).then(|| result.text().to_owned().into())
    }
}

impl<T: Schema, M: From<Partial> + From<T> + Send + 'static> StreamMessage<T, Partial> for M {
    fn chunk(known: Partial) -> Self {
        known.into()
    }

    fn end(result: T, _: bool) -> Option<Self> {
        Some(result.into())
    }
}

/// A flow's stream as messages. Dropping it drops the flow.
///
/// It ends with a status whatever happens: a panic in the flow, the client's deadline, a client that does not
/// read and the end of the server's grace included.
pub struct Chunks<M> {
    /// Gone once the stream has ended: the flow's work ends there, not when the client has read the last byte.
    messages: Option<Pumped<M>>,
    ctx: RequestContext,
    span: tracing::Span,
    _work: Work,
}

impl<M: Send + 'static> Chunks<M> {
    /// Waits for the flow's first chunk and only then begins to answer. The wait is inside the request's
    /// timeout; what follows is bounded only by the client's deadline.
    pub async fn start<F, T, C>(app: &App<F>, ctx: Ctx, flow: FlowStream<T, C>) -> Answer<Self>
    where
        F: ?Sized,
        T: Schema,
        C: Chunk<T>,
        M: StreamMessage<T, C>,
    {
        Self::open(app.edge.drain(), ctx, flow).await
    }

    async fn open<T, C>(drain: &Drain, ctx: Ctx, flow: FlowStream<T, C>) -> Answer<Self>
    where
        T: Schema,
        C: Chunk<T>,
        M: StreamMessage<T, C>,
    {
        // A panic in a flow must not cut the stream short without a status.
        let mut events = AssertUnwindSafe(flow).catch_unwind().map(|event| {
            event.unwrap_or_else(|_| Err(FlowError::internal("the flow panicked in its stream")))
        });
        let (first, goes_on) = match events.next().await {
            Some(Ok(StreamEvent::Chunk(chunk))) => (Some(M::chunk(chunk)), true),
            Some(Ok(StreamEvent::Done(result))) => (M::end(result, false), false),
            Some(Err(error)) => return Err(fault(error)),
            None => return Err(fault(FlowError::internal("the flow's stream ended before its first event"))),
        };
        let work = drain.begin();
        let cut = Box::pin(cut(ctx.deadline, drain.clone()));
        let rest = stream::unfold(goes_on.then_some((events, cut)), |going| async move {
            let (mut events, mut cut) = going?;
            let event = tokio::select! {
                biased;
                error = &mut cut => Some(Err(error)),
                event = events.next() => event,
            };
            match event {
                Some(Ok(StreamEvent::Chunk(chunk))) => Some((Ok(M::chunk(chunk)), Some((events, cut)))),
                Some(Ok(StreamEvent::Done(result))) => M::end(result, true).map(|it| (Ok(it), None)),
                Some(Err(error)) => Some((Err(error), None)),
                None => Some((Err(FlowError::internal("the flow's stream ended without a result")), None)),
            }
        });
        Ok(Response::new(Self {
            messages: Some(pump(stream::iter(first.map(Ok)).chain(rest))),
            ctx: ctx.request,
            span: tracing::Span::current(),
            _work: work,
        }))
    }
}

/// What ends a stream from outside.
pub(crate) async fn cut(deadline: Option<Instant>, drain: Drain) -> FlowError {
    let passed = async {
        match deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = passed => FlowError::new(ErrorKind::DeadlineExceeded, "The client's deadline has passed."),
        () = drain.ending_started() => FlowError::draining(),
    }
}

impl<M> Stream for Chunks<M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(messages) = &mut self.messages else { return Poll::Ready(None) };
        let error = match std::task::ready!(messages.poll_next_unpin(cx)) {
            Some(Ok(message)) => return Poll::Ready(Some(Ok(message))),
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.messages = None;
        Poll::Ready(error.map(|error| {
            self.span.in_scope(|| log_failure(&error, "the stream failed"));
            Err(status(&error, &self.ctx))
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::sync::Arc;

    use flow_edge::limits::READ_TIMEOUT;
    use garde::Validate;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use tonic::Code;

    use super::*;

    #[derive(Serialize, Deserialize, Validate, JsonSchema, Schema)]
    struct Said {
        #[garde(skip)]
        #[streamed]
        text: String,
    }

    type Events = Vec<Result<StreamEvent<Said>, FlowError>>;

    fn chunk() -> StreamEvent<Said> {
        StreamEvent::Chunk("a".into())
    }

    /// A flow of these events and then silence.
    fn flow(events: Events) -> FlowStream<Said> {
        Box::pin(stream::iter(events).chain(stream::pending()))
    }

    async fn start(drain: &Drain, deadline: Option<Duration>, flow: FlowStream<Said>) -> Chunks<String> {
        let deadline = deadline.map(|it| Instant::now() + it);
        let ctx = Ctx { request: RequestContext::detached(), deadline };
        Chunks::open(drain, ctx, flow).await.unwrap().into_inner()
    }

    /// The texts of a stream and the code it ends with.
    async fn read(stream: Chunks<String>) -> (String, Code) {
        let mut code = Code::Ok;
        let texts = stream.map(|it| it.map_err(|it| code = it.code()).unwrap_or_default());
        let texts: Vec<_> = texts.collect().await;
        (texts.concat(), code)
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_ends_a_stream_its_chunks_come_first_and_its_status_last() {
        let drain = Drain::default();
        let end = Ok(StreamEvent::Done(Said { text: "aa".into() }));
        let whole = start(&drain, None, flow(vec![Ok(chunk()), Ok(chunk()), end])).await;
        assert_eq!(read(whole).await, ("aa".into(), Code::Ok));

        let only_result = Ok(StreamEvent::Done(Said { text: "whole".into() }));
        let at_once = start(&drain, None, flow(vec![only_result])).await;
        assert_eq!(read(at_once).await, ("whole".into(), Code::Ok));

        let late = start(&drain, Some(Duration::from_secs(5)), flow(vec![Ok(chunk())])).await;
        assert_eq!(read(late).await, ("a".into(), Code::DeadlineExceeded));

        let cut = start(&drain, None, Box::pin(stream::iter([Ok(chunk())]))).await;
        assert_eq!(read(cut).await, ("a".into(), Code::Internal));

        let panics = stream::iter([Ok(chunk())]).chain(stream::once(async { panic!("on purpose") }));
        let panicked = start(&drain, None, Box::pin(panics)).await;
        assert_eq!(read(panicked).await, ("a".into(), Code::Internal));

        let drained = start(&drain, None, flow(vec![Ok(chunk())])).await;
        drain.start_ending();
        assert_eq!(read(drained).await, ("a".into(), Code::Unavailable));
        drain.idle().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_loses_its_flow() {
        let alive = Arc::new(());
        let held = alive.clone();
        let endless = stream::repeat_with(move || {
            let _ = &held;
            Ok(chunk())
        });
        let unread = start(&Drain::default(), None, Box::pin(endless)).await;
        tokio::time::sleep(READ_TIMEOUT + Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&alive), 1, "the flow goes on");
        assert_eq!(read(unread).await.1, Code::DeadlineExceeded);
    }
}
