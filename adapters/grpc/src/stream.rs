//! Streamed answers: a message for each chunk, as it arrives.

use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use flow_edge::drain::{Drain, Work};
use flow_edge::error::log_failure;
use flow_edge::wire::pump::{Pumped, pump};
use flow_edge::{App, ErrorKind, FlowError, FlowStream, RequestContext, StreamEvent, Streamed};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};
use tonic::{Response, Status};

use crate::extract::Ctx;
use crate::reply::{Answer, fault, status};

/// A flow's chunks as messages. Dropping it drops the flow.
///
/// It ends with a status whatever happens: a panic in the flow, the client's deadline, a client that does not
/// read and the end of the server's grace included.
pub struct Chunks<M> {
    /// Gone once the stream has ended: the flow's work ends there, not when the client has read the last byte.
    texts: Option<Pumped<String>>,
    ctx: RequestContext,
    span: tracing::Span,
    message: PhantomData<fn() -> M>,
    _work: Work,
}

impl<M> Chunks<M> {
    /// Waits for the flow's first chunk and only then begins to answer. The wait is inside the request's
    /// timeout; what follows is bounded only by the client's deadline.
    pub async fn start<F, T>(app: &App<F>, ctx: Ctx, flow: FlowStream<T>) -> Answer<Self>
    where
        F: ?Sized,
        T: Streamed,
    {
        Self::open(app.edge.drain(), ctx, flow).await
    }

    async fn open<T: Streamed>(drain: &Drain, ctx: Ctx, flow: FlowStream<T>) -> Answer<Self> {
        // A panic in a flow must not cut the stream short without a status.
        let mut events = AssertUnwindSafe(flow).catch_unwind().map(|event| {
            event.unwrap_or_else(|_| Err(FlowError::internal("the flow panicked in its stream")))
        });
        let (first, goes_on) = match events.next().await {
            Some(Ok(StreamEvent::Chunk(text))) => (text, true),
            // The result repeats what was streamed; here nothing was.
            Some(Ok(StreamEvent::Done(result))) => (result.text().to_owned(), false),
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
                Some(Ok(StreamEvent::Chunk(text))) => Some((Ok(text), Some((events, cut)))),
                Some(Ok(StreamEvent::Done(_))) => None,
                Some(Err(error)) => Some((Err(error), None)),
                None => Some((Err(FlowError::internal("the flow's stream ended without a result")), None)),
            }
        });
        Ok(Response::new(Self {
            texts: Some(pump(stream::once(async { Ok(first) }).chain(rest))),
            ctx: ctx.request,
            span: tracing::Span::current(),
            message: PhantomData,
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
        () = drain.grace_over() => FlowError::draining(),
    }
}

impl<M: From<String>> Stream for Chunks<M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(texts) = &mut self.texts else { return Poll::Ready(None) };
        let error = match std::task::ready!(texts.poll_next_unpin(cx)) {
            Some(Ok(text)) => return Poll::Ready(Some(Ok(text.into()))),
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.texts = None;
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

    use flow_edge::Schema;
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
        drain.end();
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
