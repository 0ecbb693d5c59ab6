//! Serving and shutting down: one adapter, on its framework's own listener or on ours, and remote procedure
//! calls beside it.

use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use flow_edge::App;
use futures_util::future::{select_all, try_join_all};
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::adapter::{Adapter, ListenerConfig, RpcAdapter, Serving};
use crate::hyper_listener::{self, Mounted};
use crate::signals::Signals;

/// After the grace, streams get this long to write their terminal frame and calls their 503.
const LAST_FRAMES: Duration = Duration::from_millis(400);

/// After the last work, connections get this long to carry their last bytes out.
const LAST_BYTES: Duration = Duration::from_millis(400);

/// Whose listener accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// The framework's own.
    Native,
    /// Ours, on hyper: the same for every framework.
    Hyper,
}

impl ServerKind {
    /// The value of `--server`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Hyper => "hyper",
        }
    }
}

/// What to serve, and how.
pub struct Plan<F: ?Sized> {
    /// The framework.
    pub adapter: Adapter<F>,
    /// The listener.
    pub kind: ServerKind,
    /// Bound and non-blocking.
    pub listener: TcpListener,
    /// The application.
    pub app: App<F>,
    /// Worker threads.
    pub workers: NonZeroUsize,
    /// See [`ListenerConfig::keep_alive`].
    pub keep_alive: Duration,
    /// How long work may go on after the first signal.
    pub grace: Duration,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The work was done or told to end within the grace.
    Drained,
    /// A second signal asked not to wait.
    Forced,
}

/// Whether remote procedure calls are served, and where.
pub enum Rpc<F: ?Sized> {
    /// Nowhere.
    Off,
    /// On the framework's port, which must then be on our listener.
    SharedPort(RpcAdapter<F>),
    /// On a port of their own.
    OwnPort(RpcAdapter<F>, RpcListener),
}

/// A port for remote procedure calls.
pub struct RpcListener {
    /// Bound and non-blocking.
    pub listener: TcpListener,
    /// How connections are encrypted, if they are.
    pub tls: Option<Arc<ServerConfig>>,
}

/// Serves until a signal comes, then drains.
///
/// While draining, the listener still answers: probes with a true 503, new work with 503 and `Retry-After`,
/// which says more to a load balancer than a refused connection. It closes when the work is done.
pub async fn serve<F>(plan: Plan<F>, signals: Signals) -> anyhow::Result<End>
where
    F: ?Sized + Send + Sync + 'static,
{
    serve_with_rpc(plan, Rpc::Off, signals).await
}

/// The same with remote procedure calls, which drain together with the rest.
pub async fn serve_with_rpc<F>(plan: Plan<F>, rpc: Rpc<F>, mut signals: Signals) -> anyhow::Result<End>
where
    F: ?Sized + Send + Sync + 'static,
{
    let Plan { adapter, kind, listener, app, workers, keep_alive, grace } = plan;
    let drain = app.edge.drain().clone();
    let stop = CancellationToken::new();
    let config =
        |listener| ListenerConfig { listener, app: app.clone(), workers, keep_alive, stop: stop.clone() };
    let mut servers: Vec<Serving> = Vec::new();
    match (&rpc, kind) {
        (Rpc::SharedPort(rpc), _) => {
            servers.push(Box::pin(hyper_listener::serve(
                Mounted::Both(adapter, *rpc),
                config(listener),
                None,
            )));
        }
        (_, ServerKind::Native) => servers.push((adapter.serve_natively)(config(listener))),
        (_, ServerKind::Hyper) => {
            servers.push(Box::pin(hyper_listener::serve(Mounted::Web(adapter), config(listener), None)));
        }
    }
    if let Rpc::OwnPort(rpc, RpcListener { listener, tls }) = rpc {
        servers.push(Box::pin(hyper_listener::serve(Mounted::Rpc(rpc), config(listener), tls)));
    }
    tokio::select! {
        (ended, ..) = select_all(&mut servers) => {
            ended.context("a listener failed")?;
            anyhow::bail!("a listener ended by itself");
        }
        () = signals.next() => {}
    }
    tracing::info!(in_flight = drain.in_flight(), grace_s = grace.as_secs_f64(), "draining");
    drain.start_draining();
    let drained = async {
        if timeout(grace, drain.idle()).await.is_err() {
            tracing::warn!(in_flight = drain.in_flight(), "the grace is over; ending what is left");
        }
        drain.start_ending();
        let _ = timeout(LAST_FRAMES, drain.idle()).await;
        stop.cancel();
    };
    let mut servers = try_join_all(servers);
    tokio::select! {
        biased;
        () = signals.next() => return Ok(End::Forced),
        ended = &mut servers => return ended.map(|_| End::Drained).context("a listener failed"),
        () = drained => {}
    }
    // A client that does not read its last bytes must not hold the process.
    let _ = timeout(LAST_BYTES, servers).await;
    tracing::info!("stopped");
    Ok(End::Drained)
}
