//! Connections for axum's server, which has no limits of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use flow_listener::{Bounded, MAX_CONNECTIONS};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// How long to wait before accepting again after a failure.
const PAUSE: Duration = Duration::from_millis(100);

/// The client's end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A listener whose connections are bounded in number and time.
pub(crate) struct Listener {
    accepting: tokio::net::TcpListener,
    idle: Duration,
    max_body_size: usize,
    places: Arc<Semaphore>,
}

impl Listener {
    /// Takes a listener that is bound and non-blocking, how long its connections may be silent, and the largest body.
    pub(crate) fn new(
        listener: std::net::TcpListener,
        idle: Duration,
        max_body_size: usize,
    ) -> io::Result<Self> {
        let accepting = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { accepting, idle, max_body_size, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) })
    }
}

impl axum::serve::Listener for Listener {
    type Io = Bounded<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        // The semaphore is never closed.
        let Ok(place) = self.places.clone().acquire_owned().await else { std::future::pending().await };
        let (stream, peer) = loop {
            match self.accepting.accept().await {
                Ok(accepted) => break accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: trying again at once would only spin.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        // A frame must leave when it is written. A failure here costs latency, nothing else.
        let _ = stream.set_nodelay(true);
        (Bounded::new(stream, self.idle, self.max_body_size, Some(place)), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.accepting.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}
