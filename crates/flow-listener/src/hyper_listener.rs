//! Our own listener, on hyper: HTTP/1.1 and h2c, the same for every framework and for remote procedure calls.
//!
//! Each worker is a thread with a runtime of its own, as some frameworks have it: their applications cannot move
//! between threads, and for the others nothing is lost. All workers accept from one socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use flow_edge::App;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, Expired, Watched};
use crate::adapter::{Adapter, Encrypted, HyperService, ListenerConfig, RpcAdapter};
use crate::connection::HEAD_TIMEOUT;
use crate::http2;
use crate::places::Places;

/// HTTP/1's buffer, which a head must fit into, in bytes.
const MAX_BUFFER: usize = 16 * 1024;

/// What is served on one port.
pub(crate) enum Mounted<F: ?Sized> {
    /// A framework's application.
    Web(Adapter<F>),
    /// Remote procedure calls.
    Rpc(RpcAdapter<F>),
    /// Both; each request goes to the one it is meant for.
    Both(Adapter<F>, RpcAdapter<F>),
}

// Derived, they would ask for flows that can be copied.
impl<F: ?Sized> Clone for Mounted<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: ?Sized> Copy for Mounted<F> {}

impl<F: ?Sized> Mounted<F> {
    async fn start(self, app: App<F>) -> io::Result<HyperService> {
        match self {
            Self::Web(web) => (web.hyper_service)(app).await,
            Self::Rpc(rpc) => (rpc.hyper_service)(app).await,
            Self::Both(web, rpc) => {
                let (on_web, on_rpc) =
                    ((web.hyper_service)(app.clone()).await?, (rpc.hyper_service)(app).await?);
                Ok(Rc::new(move |request, peer| {
                    if (rpc.claims)(&request) { on_rpc(request, peer) } else { on_web(request, peer) }
                }))
            }
        }
    }
}

/// Serves until told to stop. Dropping it stops the workers.
pub(crate) async fn serve<F: ?Sized + Send + Sync + 'static>(
    mounted: Mounted<F>,
    config: ListenerConfig<F>,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<()> {
    let places = Places::new(config.app.edge.clone());
    let stop_on_drop = config.stop.clone().drop_guard();
    let mut workers = JoinSet::new();
    for nth in 0..config.workers.get() {
        let worker = Worker {
            mounted,
            tls: tls.clone().map(TlsAcceptor::from),
            app: config.app.clone(),
            listener: config.listener.try_clone()?,
            places: places.clone(),
            keep_alive: config.keep_alive,
            stop: config.stop.clone(),
        };
        let (ended, end) = oneshot::channel();
        // The thread is not joined but awaited through the channel, so that no thread of ours blocks on it.
        std::thread::Builder::new().name(format!("worker-{nth}")).spawn(move || {
            let _ = ended.send(worker.run());
        })?;
        workers.spawn(async move { end.await.unwrap_or_else(|_| Err(io::Error::other("a worker died"))) });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    drop(stop_on_drop);
    Ok(())
}

struct Worker<F: ?Sized> {
    mounted: Mounted<F>,
    tls: Option<TlsAcceptor>,
    app: App<F>,
    listener: std::net::TcpListener,
    places: Places,
    keep_alive: Duration,
    stop: CancellationToken,
}

impl<F: ?Sized + 'static> Worker<F> {
    fn run(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.accept())
    }

    async fn accept(self) -> io::Result<()> {
        let max_body_size = self.app.edge.max_body_size();
        let service = self.mounted.start(self.app).await?;
        let listener = TcpListener::from_std(self.listener)?;
        let connector = Rc::new(Connector {
            builder: builder(),
            service,
            tls: self.tls,
            keep_alive: self.keep_alive,
            max_body_size,
            stop: self.stop.clone(),
        });
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer, place) = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = self.places.accept(&listener) => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let connector = connector.clone();
            connections.spawn_local(async move {
                connector.accept(stream, peer).await;
                drop(place);
            });
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

/// What the connections of one worker share.
struct Connector {
    builder: auto::Builder<LocalExecutor>,
    service: HyperService,
    tls: Option<TlsAcceptor>,
    keep_alive: Duration,
    max_body_size: usize,
    stop: CancellationToken,
}

impl Connector {
    /// One connection, until it closes, falls silent for too long, or the server stops.
    async fn accept(&self, stream: TcpStream, peer: SocketAddr) {
        let activity = Activity::new(self.keep_alive);
        let stream = Watched::new(stream, self.max_body_size, activity.clone());
        let Some(tls) = &self.tls else { return self.serve(stream, peer, false, activity).await };
        let encrypted = tokio::select! {
            encrypted = timeout(HEAD_TIMEOUT, tls.accept(stream)) => encrypted,
            () = self.stop.cancelled() => return,
        };
        match encrypted {
            Ok(Ok(stream)) => {
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    activity.is_http2();
                }
                // Encrypted connections are few and their state is large.
                Box::pin(self.serve(stream, peer, true, activity)).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    async fn serve<I>(&self, stream: I, peer: SocketAddr, encrypted: bool, activity: Rc<Activity>)
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let counted = activity.clone();
        let application = self.service.clone();
        let service = hyper::service::service_fn(move |mut request| {
            let request_activity = counted.begin(&request);
            if encrypted {
                request.extensions_mut().insert(Encrypted);
            }
            let response = application(request, peer);
            async move {
                Ok::<_, std::convert::Infallible>(response.await.map(|body| request_activity.track(body)))
            }
        });
        let mut connection = std::pin::pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut stopping = false;
        loop {
            tokio::select! {
                // Broken connections are the clients' business; the calls on them are in the access log.
                _ = connection.as_mut() => return,
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep_until(activity.next_check()) => match activity.expired() {
                    None => {}
                    Some(Expired::Idle) => connection.as_mut().graceful_shutdown(),
                    Some(Expired::Stalled) => return,
                }
            }
        }
    }
}

fn builder() -> auto::Builder<LocalExecutor> {
    let mut builder = auto::Builder::new(LocalExecutor);
    builder
        .http1()
        .timer(TokioTimer::new())
        // hyper's own timeout also runs while an idle connection waits for its next request, which may take
        // far longer than a head may; `Activity` tells the two apart.
        .header_read_timeout(None)
        .max_buf_size(MAX_BUFFER)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(http2::MAX_STREAMS)
        .max_pending_accept_reset_streams(http2::MAX_PENDING_RESETS)
        .max_header_list_size(http2::MAX_HEAD)
        .keep_alive_interval(http2::PING)
        .keep_alive_timeout(http2::PING);
    builder
}

/// Runs HTTP/2's streams on the worker's own thread; its `LocalSet` owns them.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
