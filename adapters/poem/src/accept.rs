//! Connections on which poem's server notices that the client left.

use std::io::{ErrorKind, IoSlice, Result};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use flow_listener::{Bounded, MAX_CONNECTIONS};
use poem::http::uri::Scheme;
use poem::listener::TcpAcceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// How long to wait before accepting again after a failure.
const PAUSE: Duration = Duration::from_millis(100);

/// poem's acceptor, with what it leaves to others.
pub(crate) struct Acceptor {
    tcp: TcpAcceptor,
    idle: Duration,
    max_body_size: usize,
    places: Arc<Semaphore>,
}

/// A connection whose end is an error.
///
/// hyper ends a connection once its client has left in the middle of an exchange, but poem's server polls
/// the ended connection once more, to shut it down gracefully. When the end was only an end of file, hyper
/// then takes the write half for open and the handler runs on, with nobody left to answer. After an error
/// of the connection both halves are closed, and the handler and its body are dropped.
pub(crate) struct Connection(Bounded<TcpStream>);

impl Acceptor {
    /// Takes a listener that is bound and non-blocking, how long its connections may be silent, and the largest body.
    pub(crate) fn new(listener: TcpListener, idle: Duration, max_body_size: usize) -> Result<Self> {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        TcpAcceptor::from_std(listener).map(|tcp| Self { tcp, idle, max_body_size, places })
    }
}

impl poem::listener::Acceptor for Acceptor {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.tcp.local_addr()
    }

    async fn accept(&mut self) -> Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        // The semaphore is never closed.
        let Ok(place) = self.places.clone().acquire_owned().await else { std::future::pending().await };
        match self.tcp.accept().await {
            Ok((stream, local, remote, scheme)) => {
                // A frame must leave when it is written. A failure here costs latency, nothing else.
                let _ = stream.set_nodelay(true);
                // poem ends idle connections by itself, but asks one in a first head, and one of HTTP/2, only to
                // end: a client that says no more would keep it.
                let bounded = Bounded::new(stream, self.idle, self.max_body_size, Some(place));
                Ok((Connection(bounded), local, remote, scheme))
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: poem's server tries again at once, which would only
                // spin.
                tokio::time::sleep(PAUSE).await;
                Err(error)
            }
        }
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
