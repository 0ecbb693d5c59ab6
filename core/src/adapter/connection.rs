//! A connection with what some frameworks' own listeners leave to others: a bound on how many there are, on how long
//! the first request's head may take, and on how long nothing may happen; and an end that its client gets to see.
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

/// How many connections a listener serves at once. Those beyond wait in the kernel's queue.
pub const MAX_CONNECTIONS: usize = 8192;

/// How long a request's head may take to arrive once it has begun, or on a fresh connection at all.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long, and for how many bytes, a client may go on sending what nobody reads any more.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// What a head ends with. HTTP/2's preface has it, too (RFC 9113 §3.4).
const HEAD_END: &[u8] = b"\r\n\r\n";

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
    /// How much of [`HEAD_END`] the last bytes were; all of it, once the first head is in.
    head_end: usize,
    idle: Option<Duration>,
    active: Instant,
    timer: Pin<Box<Sleep>>,
    linger: Linger,
    _place: OwnedSemaphorePermit,
}

impl<S> Guarded<S> {
    /// Guards a fresh connection. After its first head, it may be silent for as long as `idle`, if that is given.
    pub fn new(stream: S, idle: Option<Duration>, place: OwnedSemaphorePermit) -> Self {
        let timer = Box::pin(sleep(HEAD_TIMEOUT));
        let (active, linger) = (Instant::now(), Linger::default());
        Self { stream, head_end: 0, idle, active, timer, linger, _place: place }
    }

    /// What was read or written; `read` is empty where something was written.
    fn moved(&mut self, read: &[u8]) {
        self.active = Instant::now();
        for byte in read {
            if self.head_end == HEAD_END.len() {
                return;
            }
            self.head_end = match byte {
                byte if *byte == HEAD_END[self.head_end] => self.head_end + 1,
                b'\r' => 1,
                _ => 0,
            };
        }
    }

    /// Whether time is up. Wakes the task when it may be.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.head_end < HEAD_END.len() {
                return true;
            }
            // Nobody looks at the timer while bytes move, so it may ring late, and for a deadline that has moved on.
            let Some(until) = self.idle.map(|idle| self.active + idle) else { return false };
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
            self.moved(&buffer.filled()[before..]);
        }
        if read.is_pending() && self.is_over(cx) {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.moved(&[]);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.moved(&[]);
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
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
        (Guarded::new(ours, idle, place), theirs)
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
