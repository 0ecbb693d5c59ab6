//! Connections that end when a client goes on sending what nobody reads.
//!
//! After an answer that overtakes its request's body, the framework reads on and throws away for as long as it
//! lingers, so that the client gets to see the answer: a second, in which a fast client sends a gigabyte.

use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes on the wire for each byte of a body, at the worst: chunks of one byte.
const FRAMING: usize = 8;

/// Room for heads.
const HEADS: usize = 256 * 1024;

/// A connection on which only so much is read until something is written.
pub(crate) struct Limited {
    stream: TcpStream,
    limit: usize,
    read: usize,
}

impl Limited {
    /// Lets bodies of so many bytes pass.
    pub(crate) fn new(stream: TcpStream, max_body_size: usize) -> Self {
        let limit = max_body_size.saturating_mul(FRAMING).saturating_add(HEADS);
        Self { stream, limit, read: 0 }
    }
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.read > self.limit {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read += buffer.filled().len() - before;
        read
    }
}

impl AsyncWrite for Limited {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
