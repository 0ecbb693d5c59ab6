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

/// The client's end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A listener whose connections are bounded in number and time.
pub(crate) struct Listener {
    accepting: tokio::net::TcpListener,
    idle: Duration,
    places: Arc<Semaphore>,
}

impl Listener {
    /// Takes a listener that is bound and non-blocking, and how long its connections may be silent.
    pub(crate) fn new(listener: std::net::TcpListener, idle: Duration) -> io::Result<Self> {
        let accepting = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { accepting, idle, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) })
    }
}

impl axum::serve::Listener for Listener {
    type Io = Bounded<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        // The semaphore is never closed.
        let Ok(place) = self.places.clone().acquire_owned().await else { std::future::pending().await };
        // axum's own, which waits a moment after a failure.
        let (stream, peer) = axum::serve::Listener::accept(&mut self.accepting).await;
        // A frame must leave when it is written. A failure here costs latency, nothing else.
        let _ = stream.set_nodelay(true);
        (Bounded::new(stream, Some(self.idle), Some(place)), peer)
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
