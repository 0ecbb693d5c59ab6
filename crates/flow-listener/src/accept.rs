//! Accepting for a framework's own server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flow_edge::edge::Edge;
use tokio::net::{TcpListener, TcpStream};

use crate::connection::{Bounded, longest_silence};
use crate::places::Places;

/// A listener for a framework's own server, which leaves to others what [`Bounded`] does.
pub struct BoundedListener {
    listener: TcpListener,
    places: Places,
    idle: Duration,
    max_body_size: usize,
}

impl BoundedListener {
    /// Takes a listener that is bound and non-blocking, and how long an idle connection is kept.
    pub fn new(listener: std::net::TcpListener, edge: Arc<Edge>, keep_alive: Duration) -> io::Result<Self> {
        let idle = longest_silence(keep_alive, edge.request_timeout());
        let max_body_size = edge.max_body_size();
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, places: Places::new(edge), idle, max_body_size })
    }

    /// The next connection, and its client's end.
    pub async fn accept(&self) -> (Bounded<TcpStream>, SocketAddr) {
        let (stream, peer, place) = self.places.accept(&self.listener).await;
        (Bounded::new(stream, self.idle, self.max_body_size, place), peer)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
