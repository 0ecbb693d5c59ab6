//! Streamed answers as Server-Sent Events (`docs/contract.md`, "SSE").

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE as CONTENT_TYPE_NAME};
use http::{HeaderName, HeaderValue};
use tokio::time::{Instant, Sleep, sleep, timeout, timeout_at};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::body::{self, Answer, Body};
use super::frame::{Frame, OPENING};
use super::pump::{Pumped, pump};
use crate::context::{Dialect, RequestContext};
use crate::drain::Work;
use crate::error::{FlowError, log_failure};
use crate::flow::{Chunk, FlowStream};
use crate::schema::Schema;

/// How long a stream may be silent before a heartbeat. Load balancers drop silent streams at 60 s.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long the head of an answer waits for the first chunk. A client or a load balancer that hears nothing for longer
/// would give up, while some models think for a minute.
const HEAD: Duration = Duration::from_secs(10);

/// The media type of every stream.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// The headers of every stream. `Call::leave` removes `connection` on HTTP/2, HTTP/1.0 and after `close`.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE)),
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    (CONNECTION, HeaderValue::from_static("keep-alive")),
];

type Frames = Pin<Box<dyn Stream<Item = Result<Frame, FlowError>> + Send>>;

/// The bytes of one stream, frame by frame, for an adapter to write and flush one by one.
///
/// It ends with exactly one terminal frame whatever happens: the result, or the error that cut it short,
/// a panic in the flow and the end of the server's grace included. Dropping it drops the flow.
pub struct EventStream {
    frames: Option<Pumped<Frame>>,
    first: Option<Frame>,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
    heartbeat: Pin<Box<Sleep>>,
    /// When the heartbeat is due. The timer may be set to an earlier moment: it is not set anew with each frame.
    due: Instant,
    prefix_sent: bool,
    dialect: Dialect,
    ctx: RequestContext,
    span: tracing::Span,
    started: Instant,
    /// Taken before `Call::run` gives up its own, so that the count does not fall to zero in between.
    _work: Work,
}

impl EventStream {
    /// Waits for the flow's first chunk and only then begins to answer, in the frames of the REST routes.
    ///
    /// So a failure before the first chunk is an ordinary error with a true status, not an error inside a 200. After
    /// 10 s it begins all the same, with heartbeats; a failure is the last frame then. The first chunk must come within
    /// the request's timeout; what follows has none.
    pub async fn start<T: Schema, C: Chunk<T>>(
        ctx: &RequestContext,
        flow: FlowStream<T, C>,
    ) -> Result<Self, FlowError> {
        let notes = ctx.clone();
        let frames = flow.map(move |event| Frame::of_route(&event?, notes.is_cut()));
        Self::open(ctx, Dialect::Rest, frames).await
    }

    /// The same in the frames of the Genkit client protocol.
    pub async fn start_genkit<T: Schema, C: Chunk<T>>(
        ctx: &RequestContext,
        flow: FlowStream<T, C>,
    ) -> Result<Self, FlowError> {
        let notes = ctx.clone();
        let frames = flow.map(move |event| Frame::of_genkit(&event?, notes.is_cut()));
        Self::open(ctx, Dialect::Genkit, frames).await
    }

    /// The dialect is that of the frames, also for a context that belongs to no request: its own may be another.
    async fn open<S>(ctx: &RequestContext, dialect: Dialect, frames: S) -> Result<Self, FlowError>
    where
        S: Stream<Item = Result<Frame, FlowError>> + Send + 'static,
    {
        // A panic in a flow must not cut the stream short without a terminal frame.
        let mut frames: Frames = Box::pin(AssertUnwindSafe(frames).catch_unwind().map(|frame| {
            frame.unwrap_or_else(|_| Err(FlowError::internal("the flow panicked in its stream")))
        }));
        let (first, frames, heartbeat) = match timeout(HEAD, frames.next()).await {
            Ok(Some(first)) => (Some(first?), frames, HEARTBEAT),
            Ok(None) => return Err(FlowError::internal("the flow's stream ended before its first event")),
            Err(_) => (None, first_by(ctx.deadline, frames), Duration::ZERO),
        };
        Ok(Self {
            frames: Some(pump(frames)),
            first,
            ending: Box::pin(ctx.server.drain.ending_started_owned()),
            heartbeat: Box::pin(sleep(heartbeat)),
            due: Instant::now() + heartbeat,
            prefix_sent: false,
            dialect,
            ctx: ctx.clone(),
            span: tracing::Span::current(),
            started: Instant::now(),
            _work: ctx.server.drain.begin(),
        })
    }

    /// The answer that carries this stream.
    pub fn into_answer(self) -> Answer {
        let mut answer = body::answer(Body::Events(Box::pin(self)));
        answer.headers_mut().extend(HEADERS);
        answer
    }

    /// The next frame, or the one to end with.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Frame> {
        // The end of the grace comes first: a flow that always has more, and a client that reads slowly, would let the
        // process exit before the last frame.
        let next = if self.ctx.server.drain.is_ending() {
            Err(FlowError::draining())
        } else if let Some(first) = self.first.take() {
            Ok(first)
        } else if let Some(Poll::Ready(event)) = self.frames.as_mut().map(|it| it.poll_next_unpin(cx)) {
            event.unwrap_or_else(|| Err(FlowError::internal("the flow's stream ended without a result")))
        } else if self.ending.as_mut().poll(cx).is_ready() {
            Err(FlowError::draining())
        } else {
            return Poll::Pending;
        };
        Poll::Ready(next.unwrap_or_else(|error| {
            self.span.in_scope(|| log_failure(&error, "the stream failed"));
            Frame::failure(&error, self.dialect, &self.ctx)
        }))
    }
}

/// The same frames, of which the first must come in time.
fn first_by(deadline: Instant, frames: Frames) -> Frames {
    Box::pin(stream::unfold((frames, Some(deadline)), |(mut frames, deadline)| async move {
        let next = match deadline {
            Some(deadline) => {
                let too_late = |_| Some(Err(FlowError::out_of_time()));
                timeout_at(deadline, frames.next()).await.unwrap_or_else(too_late)
            }
            None => frames.next().await,
        };
        next.map(|frame| (frame, (frames, None)))
    }))
}

impl Stream for EventStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        if this.frames.is_none() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = this.poll_frame(cx) {
            if frame.last {
                // The flow and its model call end here. The work counts (`_work`) until the body is dropped, so that a
                // shutdown waits for the last bytes.
                this.frames = None;
            }
            this.due = Instant::now() + HEARTBEAT;
            return Poll::Ready(Some(frame.into_bytes(std::mem::take(&mut this.prefix_sent))));
        }
        while this.heartbeat.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now < this.due {
                this.heartbeat.as_mut().reset(this.due);
                continue;
            }
            this.due = now + HEARTBEAT;
            // Comments would break the official Genkit client; spaces before the JSON break no parser.
            let beat: &[u8] = if std::mem::replace(&mut this.prefix_sent, true) { b" " } else { OPENING };
            return Poll::Ready(Some(Bytes::from_static(beat)));
        }
        Poll::Pending
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // It counts from the first chunk. The wait before that is in the call's line, "answered".
        let duration_ms = self.started.elapsed().as_millis();
        let what = if self.frames.is_none() { "the stream ended" } else { "the client left its stream" };
        self.span.in_scope(|| tracing::info!(duration_ms, "{what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::context::ServerState;
    use crate::drain::Drain;
    use crate::flow::StreamEvent;
    use crate::schema::samples::Response;

    fn response(said: &str) -> Response {
        Response { said: said.into() }
    }

    fn flow(
        events: impl Stream<Item = Result<StreamEvent<Response>, FlowError>> + Send + 'static,
    ) -> FlowStream<Response> {
        Box::pin(events)
    }

    async fn text(stream: EventStream) -> String {
        stream.map(|it| String::from_utf8(it.to_vec()).unwrap()).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled_with_spaces_inside_the_next_frame() {
        let slow =
            futures_util::stream::iter([StreamEvent::Chunk("a".into()), StreamEvent::Done(response("a"))])
                .enumerate()
                .then(|(nth, event)| async move {
                    tokio::time::sleep(Duration::from_secs(40) * u32::try_from(nth).unwrap()).await;
                    Ok(event)
                });
        let ctx = RequestContext::detached();
        let body = text(EventStream::start(&ctx, flow(slow)).await.unwrap()).await;
        assert_eq!(body, "data: {\"chunk\":\"a\"}\n\ndata:  {\"done\":true,\"said\":\"a\"}\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_thinks_is_waited_for_with_heartbeats_but_not_for_ever() {
        let after = |wait: u64| {
            let event = async move {
                sleep(Duration::from_secs(wait)).await;
                Ok(StreamEvent::Done(response("a")))
            };
            flow(futures_util::stream::once(event))
        };
        let began = Instant::now();
        let ctx = RequestContext { deadline: began + Duration::from_secs(100), ..RequestContext::detached() };
        let thinking = EventStream::start(&ctx, after(40)).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 10);
        assert_eq!(text(thinking).await, "data:   {\"done\":true,\"said\":\"a\"}\n\n", "at 10, 25 and 40 s");

        let too_late = text(EventStream::start(&ctx, after(1000)).await.unwrap()).await;
        assert!(too_late.trim_start_matches("data:").trim_start().starts_with("{\"error\":"), "{too_late}");
        assert!(too_late.contains("\"status\":504"), "{too_late}");
        assert_eq!(began.elapsed().as_secs(), 100);
    }

    #[tokio::test]
    async fn a_failure_before_the_first_chunk_is_no_stream() {
        let failing = futures_util::stream::once(async { Err(FlowError::draining()) });
        let error = EventStream::start(&RequestContext::detached(), flow(failing)).await.err().unwrap();
        assert_eq!(error.kind, crate::ErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn a_panic_a_missing_end_and_the_end_of_the_grace_all_give_one_terminal_frame() {
        let ctx = RequestContext::detached();
        let start = || futures_util::stream::once(async { Ok(StreamEvent::Chunk("a".into())) });
        let panicking = start().chain(futures_util::stream::once(async { panic!("on purpose") }));
        let endless = || flow(start().chain(futures_util::stream::pending()));

        let panicked = text(EventStream::start(&ctx, flow(panicking)).await.unwrap()).await;
        let cut = text(EventStream::start(&ctx, flow(start())).await.unwrap()).await;
        for body in [&panicked, &cut] {
            assert!(body.ends_with("\n\n") && body.matches("\"error\":").count() == 1, "{body}");
            assert!(body.contains("\"status\":500") && !body.contains("on purpose"), "{body}");
        }

        let drain = Drain::default();
        let server = ServerState { drain: drain.clone(), ..ServerState::default() };
        let ctx = RequestContext { server: Arc::new(server), ..ctx };
        let (rest, genkit) = (
            EventStream::start(&ctx, endless()).await.unwrap(),
            EventStream::start_genkit(&ctx, endless()).await.unwrap(),
        );
        assert_eq!(drain.in_flight(), 2);
        drain.start_ending();
        assert!(text(rest).await.contains("\"status\":503"));
        assert!(text(genkit).await.contains("{\"error\":{\"status\":\"UNAVAILABLE\""));
        drain.idle().await;
    }
}
