//! How much a client may send.

use std::io::{ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// Bytes on the wire for each byte of a body, at the worst: chunks of one byte.
const FRAMING: usize = 8;

/// Room for heads, in bytes.
const HEADS: usize = 256 * 1024;

/// How many bytes are read before other connections get their turn.
const TURN: usize = 64 * 1024;

/// The same at first, and after each answer, where reads are to be short.
const SHORT: usize = 1024;

/// A bound on what a client may send without being answered: it is the same for a body that never ends, for requests
/// one behind the other, and for a chunk's size with a million zeros.
pub(crate) struct Intake {
    limit: usize,
    /// How many bytes came since something was last written.
    read: usize,
    write_waits: bool,
    reader: Option<Waker>,
    /// How many bytes may be read in a turn at first, and after each answer.
    first_turn: usize,
    /// The same now; it doubles from turn to turn.
    turn: usize,
    read_in_turn: usize,
}

impl Intake {
    /// Lets bodies of so many bytes pass.
    pub(crate) fn new(max_body_size: usize) -> Self {
        let limit = max_body_size.saturating_mul(FRAMING).saturating_add(HEADS);
        Self {
            limit,
            read: 0,
            write_waits: false,
            reader: None,
            first_turn: TURN,
            turn: TURN,
            read_in_turn: 0,
        }
    }

    /// Reads little at a time from a client that is being answered. A framework that parses all it has read, and
    /// keeps what it cannot answer at once, would otherwise keep thousands of requests.
    pub(crate) fn in_short_reads(mut self) -> Self {
        (self.first_turn, self.turn) = (SHORT, SHORT);
        self
    }

    /// Reads, unless that was too much already.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.read > self.limit {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        if self.read_in_turn >= self.turn {
            self.turn = self.turn.saturating_mul(2).min(TURN);
            self.read_in_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let most = (self.turn - self.read_in_turn) as u64;
        let read = Pin::new(&mut stream.take(most)).poll_read(cx, buffer);
        let filled = buffer.filled().len() - before;
        self.read += filled;
        self.read_in_turn = if read.is_pending() { 0 } else { self.read_in_turn + filled };
        read
    }

    /// Whether a write waits for the client. What it asks for meanwhile would pile up as answers.
    pub(crate) fn is_paused(&mut self, cx: &mut Context<'_>) -> bool {
        if self.write_waits {
            self.reader = Some(cx.waker().clone());
        }
        self.write_waits
    }

    /// Notes what became of a write.
    pub(crate) fn wrote(&mut self, written: &Poll<Result<usize>>) {
        self.write_waits = written.is_pending();
        if written.is_ready() {
            self.read = 0;
            (self.turn, self.read_in_turn) = (self.first_turn, 0);
            self.reader.take().into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::SHORT;
    use crate::connection::Bounded;
    use crate::places::Place;

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_only_sends_is_left_and_one_that_is_answered_is_not() {
        for answered in [true, false] {
            let (ours, mut client) = duplex(64 * 1024);
            let mut connection = Bounded::new(ours, LONG, 1000, Place::default());
            let sends = async { while client.write_all(&[b'0'; 10_000]).await.is_ok() {} };
            let reads = async {
                let mut read = 0;
                while read < 10_000_000 {
                    read += connection.read(&mut [0; 10_000]).await?;
                    if answered {
                        connection.write_all(b"x").await?;
                    }
                    // Nobody reads the answers; this is about those that find room.
                    if read > 500_000 {
                        break;
                    }
                }
                std::io::Result::Ok(read)
            };
            let read = tokio::select! { () = sends => unreachable!(), read = reads => read };
            assert_eq!(read.is_ok(), answered, "{read:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_reads_grow_with_a_body_and_are_short_again_after_an_answer() {
        let (ours, mut client) = duplex(64 * 1024);
        let mut connection = Bounded::new(ours, LONG, 100_000, Place::default()).in_short_reads();
        client.write_all(&vec![0; 50_000]).await.unwrap();
        let mut buffer = vec![0; 100_000];
        let mut lengths = Vec::new();
        for _ in 0..3 {
            lengths.push(connection.read(&mut buffer).await.unwrap());
        }
        connection.write_all(b"x").await.unwrap();
        lengths.push(connection.read(&mut buffer).await.unwrap());
        assert_eq!(lengths, [SHORT, 2 * SHORT, 4 * SHORT, SHORT]);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_write_waits_nothing_is_read_and_then_it_is() {
        let (ours, mut client) = duplex(1000);
        let (mut reader, mut writer) = tokio::io::split(Bounded::new(ours, LONG, 1000, Place::default()));
        let task = tokio::spawn(async move { writer.write_all(&[0; 1500]).await });
        tokio::task::yield_now().await;
        client.write_all(b"next").await.unwrap();
        let mut next = [0; 4];
        let early = timeout(Duration::from_secs(1), reader.read_exact(&mut next)).await;
        assert!(early.is_err(), "it was read");
        client.read_exact(&mut [0; 1500]).await.unwrap();
        reader.read_exact(&mut next).await.unwrap();
        assert_eq!(&next, b"next");
        task.await.unwrap().unwrap();
    }
}
