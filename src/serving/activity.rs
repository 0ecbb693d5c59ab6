//! What a connection is doing, so that slow heads and idle connections can be told apart and ended.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flow_core::adapter::{HEAD_TIMEOUT, HyperBody, Linger};
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a connection of HTTP/2 begins with (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The state of one connection. It lives on one thread.
pub(super) struct Activity {
    keep_alive: Duration,
    requests: Cell<u32>,
    fresh: Cell<bool>,
    http2: Cell<bool>,
    /// Waiting for a head: on a fresh connection, or since the first byte after the last request.
    in_head: Cell<bool>,
    since: Cell<Instant>,
}

/// A request under way on a connection.
pub(super) struct RequestActivity(Rc<Activity>);

/// A body that keeps its request under way until it is written or dropped.
pub(super) struct Followed {
    body: HyperBody,
    _request: RequestActivity,
}

/// A stream that tells when bytes come in.
pub(super) struct Watched {
    stream: TcpStream,
    activity: Rc<Activity>,
    linger: Linger,
}

impl Activity {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self {
            keep_alive,
            requests: Cell::new(0),
            fresh: Cell::new(true),
            http2: Cell::new(false),
            in_head: Cell::new(true),
            since: Cell::new(Instant::now()),
        }
    }

    /// A request's head has arrived.
    pub(super) fn begin<B>(self: &Rc<Self>, request: &Request<B>) -> RequestActivity {
        self.http2.set(request.version() >= hyper::Version::HTTP_2);
        self.requests.set(self.requests.get() + 1);
        self.in_head.set(false);
        RequestActivity(self.clone())
    }

    /// Whether a head has been arriving for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.requests.get() == 0 && self.in_head.get() && self.since.get().elapsed() >= HEAD_TIMEOUT
    }

    /// Whether nothing has happened for longer than an idle connection is kept.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.get() == 0 && !self.in_head.get() && self.since.get().elapsed() >= self.keep_alive
    }

    /// When it is worth looking again: when time is up, and before that often enough to see a head begin.
    pub(super) fn next_check(&self) -> Instant {
        let now = Instant::now();
        let look_again = now + HEAD_TIMEOUT.min(self.keep_alive);
        if self.requests.get() > 0 {
            return look_again;
        }
        let allowed = if self.in_head.get() { HEAD_TIMEOUT } else { self.keep_alive };
        let soon = now + Duration::from_millis(100);
        (self.since.get() + allowed).clamp(soon, look_again.max(soon))
    }

    /// The connection is HTTP/2's. Its clients may connect long before they call.
    pub(super) fn is_http2(&self) {
        self.http2.set(true);
        self.in_head.set(false);
    }

    fn received(&self, bytes: &[u8]) {
        // Clients send it in one piece. One that does not has as long as for a head, like anybody unknown.
        if self.fresh.replace(false) && bytes.starts_with(HTTP2_PREFACE) {
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
    pub(super) fn follow(self, body: HyperBody) -> Followed {
        Followed { body, _request: self }
    }
}

impl Drop for RequestActivity {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get().saturating_sub(1));
        self.0.since.set(Instant::now());
    }
}

impl Body for Followed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Watched {
    pub(super) fn new(stream: TcpStream, activity: Rc<Activity>) -> Self {
        Self { stream, activity, linger: Linger::default() }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.received(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.linger.poll_shutdown(&mut this.stream, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
