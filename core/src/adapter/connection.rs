//! A connection with what some frameworks' own listeners leave to others: a bound on how many there are, on how long
//! a request's head may take, and on how long nothing may happen; and an end that its client gets to see.
//!
//! It only passes bytes on; that they come from a socket is the adapter's to know.

use std::future::Future;
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use super::http2::PREFACE;
use crate::wire::pump::READ_TIMEOUT;

/// How many connections a listener serves at once. Those beyond wait in the kernel's queue.
pub const MAX_CONNECTIONS: usize = 8192;

/// How long a request's head may take to arrive once it has begun, or on a fresh connection at all.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long, and for how many bytes, a client may go on sending what nobody reads any more.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// What a head ends with. HTTP/2's preface has it, too (RFC 9113 §3.4).
const HEAD_END: &[u8] = b"\r\n\r\n";

/// How much of HTTP/2's preface no request of HTTP/1 begins with.
const HTTP2_START: &[u8] = PREFACE.split_at(4).0;

/// A bound on how long a client may leave unread what is written to it.
///
/// The flow behind it has its own ([`pump`](crate::wire::pump)); this one frees the connection and its place.
#[derive(Default)]
pub struct Stall(Option<Pin<Box<Sleep>>>);

impl Stall {
    /// What a write came to, or an error once none has got through for [`READ_TIMEOUT`].
    pub fn bound<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.0 = None;
            return written;
        }
        let until = self.0.get_or_insert_with(|| Box::pin(sleep(READ_TIMEOUT)));
        until.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

/// The end of a connection, in stages (RFC 9112 §9.6): we stop writing, and read on for a while.
///
/// An answer may overtake its request's body, such as a 413. Closed at once, with bytes still under way to us, the
/// connection would be reset, and the answer lost on a client that has not read it yet.
#[derive(Default)]
pub struct Linger {
    until: Option<Pin<Box<Sleep>>>,
    thrown_away: usize,
}

impl Linger {
    /// Shuts the stream down; ready when its client has ended it, too, or has had its time.
    pub fn poll_shutdown<S>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.until.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut waste = [0; 8192];
        while until.as_mut().poll(cx).is_pending() && self.thrown_away < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.thrown_away += buffer.filled().len(),
                // The end, or as good as one.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A connection under guard. Dropping it makes room for another.
pub struct Guarded<S> {
    stream: S,
    request: Request,
    /// How many bytes of [`HTTP2_START`] the connection has begun with, until it is known to be something else.
    start: Option<usize>,
    /// HTTP/2 speaks between requests, too, and its heads are bounded by whoever speaks it.
    http2: bool,
    idle: Option<Duration>,
    active: Instant,
    timer: Pin<Box<Sleep>>,
    stall: Stall,
    linger: Linger,
    _place: Option<OwnedSemaphorePermit>,
}

/// How far the client is with its request, as far as its bytes tell.
#[derive(Clone, Copy)]
enum Request {
    /// Its head is arriving: since when, and how much of [`HEAD_END`] the last bytes were.
    Head(Instant, usize),
    /// The head is in; a body may follow.
    Body,
    /// Something has been answered. What comes next is another head.
    Answered,
}

impl<S> Guarded<S> {
    /// Guards a fresh connection. Between its heads it may be silent for as long as `idle`, if that is given. `place`
    /// is held as long as it lives.
    pub fn new(stream: S, idle: Option<Duration>, place: Option<OwnedSemaphorePermit>) -> Self {
        let now = Instant::now();
        Self {
            stream,
            request: Request::Head(now, 0),
            start: Some(0),
            http2: false,
            idle,
            active: now,
            timer: Box::pin(sleep(HEAD_TIMEOUT)),
            stall: Stall::default(),
            linger: Linger::default(),
            _place: place,
        }
    }

    /// Counts the time that somebody has looked at the connection before into that of its first head.
    #[must_use]
    pub fn since(mut self, accepted: Instant) -> Self {
        self.request = Request::Head(accepted, 0);
        self.timer.as_mut().reset(accepted + HEAD_TIMEOUT);
        self
    }

    fn read(&mut self, bytes: &[u8]) {
        self.active = Instant::now();
        if let Some(seen) = self.start {
            let rest = &HTTP2_START[seen..];
            let more = rest.len().min(bytes.len());
            self.http2 = bytes.len() >= rest.len() && bytes.starts_with(rest);
            self.start = (more < rest.len() && rest.starts_with(bytes)).then_some(seen + more);
        }
        let (since, mut matched) = match self.request {
            Request::Head(since, matched) => (since, matched),
            Request::Answered if !self.http2 => (self.active, 0),
            Request::Body | Request::Answered => return,
        };
        for byte in bytes {
            matched = match byte {
                byte if *byte == HEAD_END[matched] => matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if matched == HEAD_END.len() {
                self.request = Request::Body;
                return;
            }
        }
        if matches!(self.request, Request::Answered) {
            self.timer.as_mut().reset(since + HEAD_TIMEOUT);
        }
        self.request = Request::Head(since, matched);
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.active = Instant::now();
        // `100 Continue` asks for the body and answers nothing yet.
        if matches!(self.request, Request::Body) && !bytes.starts_with(b"HTTP/1.1 100 ") {
            self.request = Request::Answered;
        }
    }

    /// Whether time is up. Wakes the task when it may be.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            // Nobody looks at the timer while bytes move, so it may ring late, and for a deadline that has moved on.
            let until = match self.request {
                Request::Head(since, _) => since + HEAD_TIMEOUT,
                Request::Body | Request::Answered => {
                    let Some(idle) = self.idle else { return false };
                    self.active + idle
                }
            };
            if until <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(until);
        }
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.read(&buffer.filled()[before..]);
        }
        if read.is_pending() && self.is_over(cx) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.wrote(bytes);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.stall.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.wrote(slices.first().map_or(&[], |it| it));
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.stall.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        this.linger.poll_shutdown(&mut this.stream, cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::sync::Semaphore;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn guarded(idle: Option<Duration>) -> (Guarded<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = duplex(1024);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Guarded::new(ours, idle, Some(place)), theirs)
    }

    /// Reads until there is nothing more to read; how that came, and after how long.
    async fn end(mut connection: Guarded<tokio::io::DuplexStream>) -> (Option<ErrorKind>, u64) {
        let began = Instant::now();
        let read = connection.read_to_end(&mut Vec::new()).await;
        (read.err().map(|it| it.kind()), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_cut_off() {
        let (connection, mut client) = guarded(None);
        let trickle = async {
            for byte in b"GET / HTTP/1.1\r\nx: ".iter().cycle() {
                if client.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(SECOND).await;
            }
        };
        let (ended, ()) = tokio::join!(end(connection), trickle);
        assert_eq!(ended, (Some(ErrorKind::TimedOut), HEAD_TIMEOUT.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn so_is_a_later_head_but_no_body_and_nothing_of_http2() {
        const HEAD: &[u8] = b"POST / HTTP/1.1\r\n\r\n";
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for (first, answer, cut_off) in [
            (HEAD, &b"HTTP/1.1 200 OK\r\n\r\n"[..], true),
            (HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", false),
            (HEAD, b"", false),
            (PREFACE, b"settings", false),
        ] {
            let (mut connection, mut client) = guarded(Some(60 * SECOND));
            let talk = async {
                client.write_all(first).await.unwrap();
                tokio::time::sleep(20 * SECOND).await;
                for _ in 0..15 {
                    if client.write_all(b"x").await.is_err() {
                        break;
                    }
                    tokio::time::sleep(SECOND).await;
                }
                drop(client);
            };
            let serve = async {
                connection.read_exact(&mut vec![0; first.len()]).await.unwrap();
                connection.write_all(answer).await.unwrap();
                end(connection).await
            };
            let (ended, ()) = tokio::join!(serve, talk);
            let expected = if cut_off { (Some(ErrorKind::TimedOut), 30) } else { (None, 35) };
            assert_eq!(ended, expected, "{}", String::from_utf8_lossy(answer));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn http2_is_known_however_its_preface_comes_in() {
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for cut in 1..PREFACE.len() {
            let (mut connection, mut client) = guarded(None);
            let talk = async {
                client.write_all(&PREFACE[..cut]).await.unwrap();
                tokio::time::sleep(SECOND).await;
                client.write_all(&PREFACE[cut..]).await.unwrap();
                tokio::time::sleep(20 * SECOND).await;
                client.write_all(b"a frame").await.unwrap();
                tokio::time::sleep(20 * SECOND).await;
                drop(client);
            };
            let serve = async {
                connection.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
                connection.write_all(b"settings").await.unwrap();
                end(connection).await.0
            };
            let (ended, ()) = tokio::join!(serve, talk);
            assert_eq!(ended, None, "cut after {cut}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_left_after_a_while_but_not_a_slow_one() {
        for (reads, expected) in [(false, Some(ErrorKind::TimedOut)), (true, None)] {
            let (mut connection, mut client) = guarded(None);
            let reading = async {
                let mut left = 5000;
                while reads && left > 0 {
                    tokio::time::sleep(READ_TIMEOUT / 2).await;
                    left -= client.read(&mut [0; 500]).await.unwrap();
                }
                tokio::time::sleep(2 * READ_TIMEOUT).await;
            };
            let writing = async { connection.write_all(&[0; 5000]).await.err().map(|it| it.kind()) };
            let (written, ()) = tokio::join!(writing, reading);
            assert_eq!(written, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_send_on_for_a_while_after_the_end() {
        for (pause, all_taken) in [(SECOND / 10, true), (2 * SECOND, false)] {
            let (mut connection, mut client) = guarded(None);
            let sending = async {
                tokio::time::sleep(pause).await;
                let taken = client.write_all(&vec![0; 100_000]).await.is_ok();
                drop(client);
                taken
            };
            let ending = async move { connection.shutdown().await };
            let (ended, taken) = tokio::join!(ending, sending);
            assert_eq!((ended.is_ok(), taken), (true, all_taken), "{pause:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_its_head_a_connection_lives_while_something_moves() {
        for (first, idle, lives) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], Some(30 * SECOND), 130),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(30 * SECOND), 130),
            (b"a\r\n\r\r\n\r\n", None, 1000),
        ] {
            let (connection, mut client) = guarded(idle);
            let talk = async {
                client.write_all(first).await.unwrap();
                for _ in 0..5 {
                    tokio::time::sleep(20 * SECOND).await;
                    client.write_all(b"x").await.unwrap();
                }
                tokio::time::sleep(900 * SECOND).await;
                drop(client);
            };
            let ((error, seconds), ()) = tokio::join!(end(connection), talk);
            assert_eq!((error, seconds), (idle.map(|_| ErrorKind::TimedOut), lives), "{idle:?}");
        }
    }
}
