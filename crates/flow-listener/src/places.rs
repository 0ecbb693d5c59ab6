//! How many connections a listener has: only so many at once, in all and of one client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flow_edge::edge::Edge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections a listener serves at once. Those beyond wait in the kernel's queue.
pub const MAX_CONNECTIONS: usize = 8192;

/// How many of them one client may have. Those beyond are closed at once, so that no client takes all places.
const MAX_CONNECTIONS_OF_ONE: usize = MAX_CONNECTIONS / 4;

/// How long to wait before accepting again after a failure.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the log says that connections of some client are closed.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The places for a listener's connections. Cloned, they are the same.
#[derive(Clone)]
pub struct Places {
    all: Arc<Semaphore>,
    of_clients: PerClient,
    edge: Arc<Edge>,
    last_told: Arc<Mutex<Option<Instant>>>,
}

/// A connection's place, until it is dropped.
#[derive(Debug, Default)]
pub struct Place {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_client: Option<Held>,
}

impl Places {
    /// Trusted proxies, which carry many clients, may have as many connections as there are places.
    pub fn new(edge: Arc<Edge>) -> Self {
        let of_clients = PerClient::new(MAX_CONNECTIONS_OF_ONE);
        Self { all: Arc::new(Semaphore::new(MAX_CONNECTIONS)), of_clients, edge, last_told: Arc::default() }
    }

    /// The next connection that gets a place. What is not accepted for want of one waits.
    pub async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr, Place) {
        // The semaphore is never closed.
        let Ok(of_all) = self.all.clone().acquire_owned().await else { std::future::pending().await };
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(place) = self.admit(peer.ip()) else { continue };
                    // A frame must leave when it is written. A failure here costs latency, nothing else.
                    let _ = stream.set_nodelay(true);
                    return (stream, peer, Place { _of_all: Some(of_all), ..place });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: trying again at once would only spin.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// A place among those of its client, for a server that bounds by itself how many there are in all; none, if the
    /// client has too many.
    pub fn admit(&self, peer: IpAddr) -> Option<Place> {
        let client = self.edge.client_of_connection(peer);
        let of_client = client.map(|it| self.of_clients.hold(it).ok_or(it)).transpose();
        match of_client {
            Ok(of_client) => Some(Place { _of_all: None, _of_client: of_client }),
            Err(client) => {
                self.tell(client);
                None
            }
        }
    }

    fn tell(&self, client: IpAddr) {
        let mut last = self.last_told.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|it| it.elapsed() >= TELL_EVERY) {
            *last = Some(Instant::now());
            tracing::warn!(
                %client,
                limit = MAX_CONNECTIONS_OF_ONE,
                "a client has too many connections, new ones are closed; TRUSTED_PROXIES lifts the limit for a proxy"
            );
        }
    }
}

/// How many of something each client may have at once. Cloned, it counts the same.
#[derive(Clone)]
pub struct PerClient {
    most: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of what a client has, until it is dropped.
pub struct Held {
    of: PerClient,
    client: IpAddr,
}

impl PerClient {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { most, counts: Arc::default() }
    }

    /// One more, if the client may have it.
    pub fn hold(&self, client: IpAddr) -> Option<Held> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        (*count < self.most).then(|| {
            *count += 1;
            Held { of: self.clone(), client }
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.of.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.client) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_and_others_have_theirs() {
        let limit = PerClient::new(2);
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let held = [limit.hold(one), limit.hold(one)];
        assert!(held.iter().all(Option::is_some));
        assert!(limit.hold(one).is_none());
        assert!(limit.hold(other).is_some());
        drop(held);
        assert!(limit.counts.lock().unwrap().is_empty(), "nobody is remembered");
        assert!(limit.hold(one).is_some());
    }
}
