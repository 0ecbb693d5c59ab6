//! What a hyper connection is doing, so that slow heads, idle clients and clients that do not read can be told
//! apart and ended. Its requests say when they begin and end.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flow_edge::limits::READ_TIMEOUT;
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Request, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::connection::{HEAD_TIMEOUT, Linger, Stall};
use crate::http2::PREFACE;
use crate::intake::Intake;

/// The state of one connection. It lives on one thread.
pub struct Activity {
    keep_alive: Duration,
    requests: Cell<u32>,
    /// How many of them have a frame that is not yet written.
    unread: Cell<u32>,
    /// When a frame of one of them was last written.
    taken: Cell<Instant>,
    fresh: Cell<bool>,
    http2: Cell<bool>,
    /// Waiting for a head: on a fresh connection, or since the first byte after the last request.
    in_head: Cell<bool>,
    since: Cell<Instant>,
}

/// Why a connection's time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// It has been idle for its keep-alive: close it gracefully.
    Idle,
    /// A head does not end, or nobody reads: drop it.
    Stalled,
}

/// A request under way on a connection.
pub struct RequestActivity(Rc<Activity>);

/// A body that keeps its request under way until it is written or dropped.
pub struct TrackedBody<B> {
    body: B,
    unread: bool,
    request: RequestActivity,
}

/// A stream that tells when bytes come in, bounds how long those going out may wait, and ends in stages.
pub struct Watched<S> {
    stream: S,
    activity: Rc<Activity>,
    intake: Intake,
    stall: Stall,
    linger: Linger,
}

impl Activity {
    /// That of a fresh connection, which may be idle for as long as `keep_alive` between its requests.
    pub fn new(keep_alive: Duration) -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            keep_alive,
            requests: Cell::new(0),
            unread: Cell::new(0),
            taken: Cell::new(now),
            fresh: Cell::new(true),
            http2: Cell::new(false),
            in_head: Cell::new(true),
            since: Cell::new(now),
        })
    }

    /// A request's head has arrived.
    pub fn begin<B>(self: &Rc<Self>, request: &Request<B>) -> RequestActivity {
        self.http2.set(request.version() >= Version::HTTP_2);
        self.requests.set(self.requests.get() + 1);
        self.in_head.set(false);
        RequestActivity(self.clone())
    }

    /// The connection is HTTP/2's. Its clients may connect long before they call.
    pub fn is_http2(&self) {
        self.http2.set(true);
        self.in_head.set(false);
    }

    /// Whether the connection's time is up.
    pub fn expired(&self) -> Option<Expired> {
        let requests = self.requests.get();
        if requests > 0 {
            let nobody_reads = self.unread.get() == requests && self.taken.get().elapsed() >= READ_TIMEOUT;
            return nobody_reads.then_some(Expired::Stalled);
        }
        match self.since.get().elapsed() {
            silent if self.in_head.get() && silent >= HEAD_TIMEOUT => Some(Expired::Stalled),
            silent if !self.in_head.get() && silent >= self.keep_alive => Some(Expired::Idle),
            _ => None,
        }
    }

    /// When to ask again: when time may be up, and before that often enough to see a head begin.
    pub fn next_check(&self) -> Instant {
        let now = Instant::now();
        let check_again = now + HEAD_TIMEOUT.min(self.keep_alive);
        if self.requests.get() > 0 {
            return check_again;
        }
        let allowed = if self.in_head.get() { HEAD_TIMEOUT } else { self.keep_alive };
        let soon = now + Duration::from_millis(100);
        (self.since.get() + allowed).clamp(soon, check_again.max(soon))
    }

    fn received(&self, bytes: &[u8]) {
        // Clients send the preface in one piece. One that does not has as long as for a head.
        if self.fresh.replace(false) && bytes.starts_with(PREFACE) {
            self.is_http2();
        }
        // HTTP/2 speaks between requests, too (pings, windows), which is no sign of work to come; its heads are
        // bounded by hyper's own limits.
        if self.requests.get() == 0 && !self.in_head.get() && !self.http2.get() {
            self.since.set(Instant::now());
            self.in_head.set(true);
        }
    }
}

impl RequestActivity {
    /// Keeps the request under way until its body is written.
    pub fn track<B>(self, body: B) -> TrackedBody<B> {
        let mut body = TrackedBody { body, unread: false, request: self };
        body.set_unread(true);
        body
    }
}

impl Drop for RequestActivity {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
        self.0.since.set(Instant::now());
    }
}

impl<B> TrackedBody<B> {
    /// Notes whether a frame is not yet written. hyper asks for more only once the last frame has found room on the
    /// connection and in the stream's window.
    fn set_unread(&mut self, unread: bool) {
        let activity = &self.request.0;
        let others = activity.unread.get() - u32::from(self.unread);
        activity.unread.set(others + u32::from(unread));
        activity.taken.set(Instant::now());
        self.unread = unread;
    }
}

impl<B> Drop for TrackedBody<B> {
    fn drop(&mut self) {
        self.set_unread(false);
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for TrackedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.set_unread(polled.is_ready());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<S> Watched<S> {
    /// Watches a fresh stream.
    pub fn new(stream: S, max_body_size: usize, activity: Rc<Activity>) -> Self {
        let (stall, linger) = (Stall::default(), Linger::default());
        Self { stream, activity, intake: Intake::new(max_body_size), stall, linger }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = this.intake.poll_read(&mut this.stream, cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received(&buffer.filled()[before..]);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.intake.wrote(&written);
        self.stall.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.intake.wrote(&written);
        self.stall.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.linger.poll_shutdown(&mut this.stream, cx)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Bytes now and then; silent in between.
    struct Pieces(Vec<Poll<()>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.pop() {
                Some(next) => next.map(|()| Some(Ok(Frame::data(Bytes::from_static(b"a"))))),
                None => Poll::Ready(None),
            }
        }
    }

    fn take<B: Body<Data = Bytes> + Unpin>(body: &mut TrackedBody<B>) -> bool {
        Pin::new(body).poll_frame(&mut Context::from_waker(futures_util::task::noop_waker_ref())).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_and_an_idle_connection_another() {
        let activity = Activity::new(60 * SECOND);
        advance(HEAD_TIMEOUT / 2).await;
        assert_eq!(activity.expired(), None);
        advance(HEAD_TIMEOUT / 2).await;
        assert_eq!(activity.expired(), Some(Expired::Stalled));
        drop(activity.begin(&Request::new(())));
        advance(59 * SECOND).await;
        assert_eq!(activity.expired(), None);
        advance(SECOND).await;
        assert_eq!(activity.expired(), Some(Expired::Idle));
        activity.received(b"GET ");
        assert_eq!(activity.expired(), None);
        advance(HEAD_TIMEOUT).await;
        assert_eq!(activity.expired(), Some(Expired::Stalled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nobody_reads_any_answer_ends() {
        let activity = Activity::new(SECOND);
        let request = Request::new(());
        let (silent, read) = (activity.begin(&request), activity.begin(&request));
        advance(100 * SECOND).await;
        assert_eq!(activity.expired(), None, "calls are under way");
        let mut silent = silent.track(Pieces(vec![Poll::Ready(()), Poll::Pending]));
        let mut read = read.track(Pieces(vec![Poll::Ready(()); 2]));
        assert!(!take(&mut silent) && take(&mut read));
        advance(100 * SECOND).await;
        assert_eq!(activity.expired(), None, "one has nothing to say");
        assert!(take(&mut silent));
        advance(READ_TIMEOUT / 2).await;
        assert!(take(&mut read));
        advance(READ_TIMEOUT / 2).await;
        assert_eq!(activity.expired(), None, "one was read");
        advance(READ_TIMEOUT / 2).await;
        assert_eq!(activity.expired(), Some(Expired::Stalled));
        drop((silent, read));
        assert_eq!((activity.requests.get(), activity.unread.get()), (0, 0));
    }
}
