//! Connections on which poem's server notices that the client left.

use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flow_listener::{Bounded, BoundedListener};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// poem's acceptor, with what it leaves to others.
///
/// poem ends idle connections by itself, but asks one in a first head, and one of HTTP/2, only to end: a client
/// that says no more would keep it.
pub(crate) struct Acceptor(pub(crate) BoundedListener);

/// A connection whose end is an error.
///
/// hyper ends a connection once its client has left in the middle of an exchange, but poem's server polls
/// the ended connection once more, to shut it down gracefully. When the end was only an end of file, hyper
/// then takes the write half for open and the handler runs on, with nobody left to answer. After an error
/// of the connection both halves are closed, and the handler and its body are dropped.
pub(crate) struct Connection(Bounded<TcpStream>);

impl poem::listener::Acceptor for Acceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr().into_iter().map(|it| LocalAddr(it.into())).collect()
    }

    async fn accept(&mut self) -> Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, peer) = self.0.accept().await;
        let local = LocalAddr(self.0.local_addr()?.into());
        Ok((Connection(stream), local, RemoteAddr(peer.into()), Scheme::HTTP))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let room = buffer.remaining();
        ready!(Pin::new(&mut self.0).poll_read(cx, buffer))?;
        let at_the_end = room > 0 && buffer.remaining() == room;
        Poll::Ready(if at_the_end { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) })
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
