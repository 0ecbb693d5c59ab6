//! Our own listener, on hyper: HTTP/1.1 and h2c, the same for every framework.
//!
//! Each worker is a thread with a runtime of its own, as actix-web has it: its applications cannot move
//! between threads, and for the others nothing is lost. All workers accept from one socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use flow_core::adapter::{Adapter, App, HyperService, Native, Starting};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, Watched};

/// Connections over all workers; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 8192;

/// HTTP/2: requests at once on one connection, and resets of requests not yet accepted (CVE-2023-44487).
const MAX_STREAMS: u32 = 200;
const MAX_PENDING_RESETS: usize = 20;

/// The largest request head: HTTP/1 buffer and HTTP/2 header list, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// An HTTP/2 peer that does not answer a ping within this time is gone.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until told to stop. Dropping it stops the workers.
pub(super) async fn serve(adapter: Adapter, native: Native) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let stop_on_drop = native.stop.clone().drop_guard();
    let mut workers = JoinSet::new();
    for nth in 0..native.workers.get() {
        let worker = Worker {
            service: adapter.service,
            app: native.app.clone(),
            listener: native.listener.try_clone()?,
            permits: permits.clone(),
            keep_alive: native.keep_alive,
            stop: native.stop.clone(),
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

struct Worker {
    service: fn(App) -> Starting,
    app: App,
    listener: std::net::TcpListener,
    permits: Arc<Semaphore>,
    keep_alive: Duration,
    stop: CancellationToken,
}

impl Worker {
    fn run(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, self.accept())
    }

    async fn accept(self) -> io::Result<()> {
        let service = (self.service)(self.app).await?;
        let listener = TcpListener::from_std(self.listener)?;
        let builder = Rc::new(builder());
        let mut connections = JoinSet::new();
        loop {
            let accepted = async {
                // The semaphore is never closed, so this only waits.
                let permit = self.permits.clone().acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = accepted => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = connection(
                        builder.clone(),
                        stream,
                        peer,
                        service.clone(),
                        self.keep_alive,
                        self.stop.clone(),
                    );
                    connections.spawn_local(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: trying again at once would only spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

/// One connection, until it closes, falls silent for too long, or the server stops.
async fn connection(
    builder: Rc<auto::Builder<LocalExecutor>>,
    stream: TcpStream,
    peer: SocketAddr,
    service: HyperService,
    keep_alive: Duration,
    stop: CancellationToken,
) {
    // A frame must leave when it is written. A failure here costs latency, nothing else.
    let _ = stream.set_nodelay(true);
    let activity = Rc::new(Activity::new(keep_alive));
    let io = TokioIo::new(Watched::new(stream, activity.clone()));
    let counted = activity.clone();
    let service = hyper::service::service_fn(move |request| {
        let request_activity = counted.begin(&request);
        let response = service(request, peer);
        async move { Ok::<_, std::convert::Infallible>(response.await.map(|body| request_activity.follow(body))) }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let mut stopping = false;
    loop {
        tokio::select! {
            // Broken connections are the clients' business; the calls on them are in the access log.
            _ = connection.as_mut() => return,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep_until(activity.next_check()) => {
                if activity.is_stalled() {
                    return;
                }
                if activity.is_idle() {
                    connection.as_mut().graceful_shutdown();
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
        .max_buf_size(MAX_HEAD)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_TIMEOUT)
        .keep_alive_timeout(PING_TIMEOUT);
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
