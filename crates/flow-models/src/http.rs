//! HTTP clients: one for each runtime that asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow_runtime::ModelError;
use tokio::runtime::{Handle, Id};

use crate::settings::ProviderSettings;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter than the idle limit of Google's and most other front ends, so that no request uses a closed connection.
const IDLE_CONNECTION: Duration = Duration::from_secs(55);

/// How often an idle connection is checked for a dead peer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// So many runtimes have clients. A program has one, or one for each of its threads.
const MAX_RUNTIMES: usize = 1024;

/// The clients of all runtimes. Cloned, they are the same.
///
/// A connection is driven by the runtime that opened it. Were a client shared, the calls of one runtime would wake the
/// threads of another for each chunk of an answer.
#[derive(Clone)]
pub(crate) struct Clients {
    settings: Arc<ProviderSettings>,
    by_runtime: Arc<Mutex<HashMap<Id, reqwest::Client>>>,
}

impl Clients {
    /// Checks that a client can be built. Nothing is asked of any provider yet.
    pub(crate) fn new(settings: Arc<ProviderSettings>) -> Result<Self, ModelError> {
        build(&settings)?;
        Ok(Self { settings, by_runtime: Arc::default() })
    }

    /// The client of the runtime that this is called on.
    pub(crate) fn here(&self) -> Result<reqwest::Client, ModelError> {
        let mut clients = self.by_runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = Handle::current().id();
        if let Some(client) = clients.get(&runtime) {
            return Ok(client.clone());
        }
        if clients.len() >= MAX_RUNTIMES {
            clients.clear();
        }
        let client = build(&self.settings)?;
        clients.insert(runtime, client.clone());
        Ok(client)
    }
}

fn build(settings: &ProviderSettings) -> Result<reqwest::Client, ModelError> {
    reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        // `WireModel` has the deadlines of a call. A total timeout here would cut long streams.
        .pool_max_idle_per_host(settings.pool_max_idle)
        .pool_idle_timeout(IDLE_CONNECTION)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_while_idle(true)
        // A redirect would send the key to another host, and the environment's proxy variables would make a server
        // connect to a host that its settings do not name.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|_| ModelError::internal("the HTTP client could not be built"))
}
