//! Version 1 of the protocol: a server that the tools ask.

mod answers;
mod guard;
mod routes;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::guard::Bounded;
pub(crate) use self::routes::Api;

/// The ports that are tried.
pub(crate) const PORTS: (u16, u16) = (3100, 3199);

/// How many connections there may be.
const CONNECTIONS: usize = 128;

/// How long a request's head may take, and how long a connection may wait for its next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after a connection could not be accepted, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens on loopback: on this port, or on the first free one.
pub(crate) async fn listen(port: Option<u16>) -> Option<TcpListener> {
    let (first, last) = port.map_or(PORTS, |it| (it, it));
    for port in first..=last {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Some(listener);
        }
    }
    None
}

/// Serves until `ending` is cancelled, and then until the last answers are sent.
pub(crate) async fn serve(listener: TcpListener, api: Arc<Api>, ending: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = ending.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, place)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (api, ending) = (api.clone(), ending.clone());
        connections.spawn(async move {
            connection(stream, api, ending).await;
            drop(place);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Chunks of a stream are small, and each is wanted at once.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn connection(stream: TcpStream, api: Arc<Api>, ending: CancellationToken) {
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { Ok::<_, std::convert::Infallible>(api.answer(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(Bounded::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What is wrong with a connection is its client's business.
        _ = connection.as_mut() => return,
        () = ending.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
