//! On a listener: axum's own, or ours.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use flow_core::adapter::{App, Guarded, HyperBody, HyperService, MAX_CONNECTIONS, Native, Serving, Starting};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::routes::router;

/// `axum::serve`: HTTP/1.1 and h2c on the runtime the program runs on, which has the worker threads.
///
/// It has no limits on connections; our [`Listener`] gives it some.
pub(crate) fn native(native: Native) -> Serving {
    Box::pin(async move {
        // A call may be silent for as long as it may take, and then its connection for as long as it is kept.
        let idle = native.app.edge.request_timeout() + native.keep_alive;
        let accepting = tokio::net::TcpListener::from_std(native.listener)?;
        let listener = Listener { accepting, idle, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) };
        let app = router(native.app).into_make_service_with_connect_info::<Peer>();
        axum::serve(listener, app).with_graceful_shutdown(native.stop.cancelled_owned()).await
    })
}

/// The client's end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A listener whose connections are bounded in number and time.
struct Listener {
    accepting: tokio::net::TcpListener,
    idle: Duration,
    places: Arc<Semaphore>,
}

impl axum::serve::Listener for Listener {
    type Io = Guarded<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        // The semaphore is never closed.
        let Ok(place) = self.places.clone().acquire_owned().await else { std::future::pending().await };
        // axum's own, which waits a moment after a failure.
        let (stream, peer) = axum::serve::Listener::accept(&mut self.accepting).await;
        // A frame must leave when it is written. A failure here costs latency, nothing else.
        let _ = stream.set_nodelay(true);
        (Guarded::new(stream, Some(self.idle), Some(place)), peer)
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

/// The router as our hyper listener calls it.
pub(crate) fn hyper(app: App) -> Starting {
    let router = router(app);
    let service: HyperService = Rc::new(move |request: Request<Incoming>, peer| {
        let mut router = router.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        Box::pin(async move {
            let Ok(response) = router.call(request).await;
            response.map(boxed)
        })
    });
    Box::pin(async move { Ok(service) })
}

fn boxed(body: Body) -> HyperBody {
    Box::pin(body.map_err(Into::into))
}
