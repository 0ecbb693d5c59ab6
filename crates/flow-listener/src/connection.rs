//! A connection with what some frameworks' own listeners leave to others: a bound on how long no byte may move and on
//! what is read without an answer, and an end that its client gets to see.
//!
//! It only passes bytes on and does not read them. Limits on heads need a parser, so they belong to our own listener
//! (`--server hyper`), where hyper has one.

use std::future::Future;
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use flow_edge::limits::READ_TIMEOUT;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::intake::Intake;
use crate::places::Place;

/// How long a request's head may take to arrive on our own listener.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be silent beyond the time that a call may take.
const SILENCE: Duration = Duration::from_secs(10);

/// How long, and for how many bytes, a client may go on sending what nobody reads any more.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// How long no byte may move on a framework's own listener.
///
/// A call may be silent for as long as it may take. Which connections are idle only a parser could tell.
pub fn longest_silence(keep_alive: Duration, request_timeout: Duration) -> Duration {
    keep_alive.max(request_timeout.saturating_add(SILENCE))
}

/// A bound on how long a client may leave unread what is written to it.
///
/// The flow behind it has its own ([`pump`](flow_edge::wire::pump)); this one frees the connection and its place.
#[derive(Default)]
pub struct Stall(Option<Pin<Box<Sleep>>>);

impl Stall {
    /// The result of a write, or an error once none has got through for [`READ_TIMEOUT`].
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
                // End of stream, or a read error.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A connection with bounds that need no knowledge of the protocol. Dropping it frees its place.
pub struct Bounded<S> {
    stream: S,
    idle: Duration,
    /// When a byte was last read, or a write was last attempted.
    active: Instant,
    timer: Pin<Box<Sleep>>,
    intake: Intake,
    stall: Stall,
    linger: Linger,
    _place: Place,
}

impl<S> Bounded<S> {
    /// Bounds a fresh connection: it ends when no byte has moved for `idle`, when a write waits for
    /// [`READ_TIMEOUT`], and when its client sends far more than a body of `max_body_size` without an answer.
    pub fn new(stream: S, idle: Duration, max_body_size: usize, place: Place) -> Self {
        Self {
            stream,
            idle,
            active: Instant::now(),
            timer: Box::pin(sleep(idle)),
            intake: Intake::new(max_body_size),
            stall: Stall::default(),
            linger: Linger::default(),
            _place: place,
        }
    }

    /// Reads little at a time from a client that is being answered, for a framework that keeps each request it has read.
    #[must_use]
    pub fn in_short_reads(mut self) -> Self {
        self.intake = self.intake.in_short_reads();
        self
    }

    /// Whether time is up. Wakes the task when it may be.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            // Nobody polls the timer while bytes move, so it may have fired for a deadline that has moved on.
            let until = self.active + self.idle;
            if until <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(until);
        }
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = if this.intake.is_paused(cx) {
            Poll::Pending
        } else {
            this.intake.poll_read(&mut this.stream, cx, buffer)
        };
        if buffer.filled().len() > before {
            self.active = Instant::now();
        }
        if read.is_pending() && self.is_over(cx) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.active = Instant::now();
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.intake.wrote(&written);
        self.stall.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.active = Instant::now();
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.intake.wrote(&written);
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    const LONG: Duration = Duration::from_hours(1);

    fn bounded(idle: Duration) -> (Bounded<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = duplex(1024);
        (Bounded::new(ours, idle, 1000, Place::default()), theirs)
    }

    /// Reads until there is nothing more to read; how that came, and after how long.
    async fn end(mut connection: Bounded<tokio::io::DuplexStream>) -> (Option<ErrorKind>, u64) {
        let began = Instant::now();
        let read = connection.read_to_end(&mut Vec::new()).await;
        (read.err().map(|it| it.kind()), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_left_after_a_while_but_not_a_slow_one() {
        for (reads, expected) in [(false, Some(ErrorKind::TimedOut)), (true, None)] {
            let (mut connection, mut client) = bounded(LONG);
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
            let (mut connection, mut client) = bounded(LONG);
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
    async fn a_connection_lives_while_bytes_move() {
        for (idle, lives) in [(30 * SECOND, 130), (LONG, 1000)] {
            let (connection, mut client) = bounded(idle);
            let talk = async {
                for _ in 0..5 {
                    tokio::time::sleep(20 * SECOND).await;
                    client.write_all(b"x").await.unwrap();
                }
                tokio::time::sleep(900 * SECOND).await;
                drop(client);
            };
            let ((error, seconds), ()) = tokio::join!(end(connection), talk);
            let expected = (idle != LONG).then_some(ErrorKind::TimedOut);
            assert_eq!((error, seconds), (expected, lives), "{idle:?}");
        }
    }
}
