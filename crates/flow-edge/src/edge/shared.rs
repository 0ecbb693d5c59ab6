//! What all requests of a server share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::config::{ApiInfo, EdgeConfig};
use super::head::Head;
use super::keys::ApiKeys; // eject: dev-ui
use super::{cors, headers, proxy, rate};
use crate::context::ServerState;
use crate::docs::Pages;
use crate::docs::dev::{self, Dev}; // eject: dev-ui
use crate::drain::Drain;

/// How many requests without a right key a client may send for each that it may send with one.
const GUESSES: u32 = 10;

/// The edge of one server, shared by all its requests.
#[derive(Debug)]
pub struct Edge {
    pub(super) config: EdgeConfig,
    pub(super) cors: cors::Cors,
    pub(super) limiter: Option<rate::Limiter>,
    /// Counts the requests without a right key, which never reach the other one.
    pub(super) guesses: Option<rate::Limiter>,
    pub(super) fixed: HeaderMap,
    pub(super) hsts: Option<HeaderValue>,
    pub(super) server: Arc<ServerState>,
    pages: Pages,
}

impl Edge {
    /// Makes the edge once; nothing here is parsed again per request.
    pub fn new(config: EdgeConfig, drain: Drain) -> Arc<Self> {
        let cors = cors::Cors::new(&config.cors, config.debug);
        let shared = config.shared_rate_limiter.clone();
        let limiter = config.rate_limit.map(|it| rate::Limiter::new(it, shared));
        let guesses = config.rate_limit.map(|it| rate::Limiter::new(it.times(GUESSES), None));
        let (fixed, hsts) = (headers::fixed(&config), headers::hsts(&config));
        let pages = Pages {
            name: config.name.clone(),
            // eject: dev-ui
            dev: Dev {
                needs_key: config.api_keys != ApiKeys::default(),
                traces: config.traces.clone(),
                ..Dev::default()
            },
            // eject: end
        };
        let (name, max_body_size) = (config.name.clone(), config.max_body_size);
        let server = Arc::new(ServerState { name, max_body_size, drain });
        Arc::new(Self { config, cors, limiter, guesses, fixed, hsts, server, pages })
    }

    /// The largest request body, in bytes.
    pub fn max_body_size(&self) -> usize {
        self.config.max_body_size
    }

    /// The smallest answer that is compressed, in bytes.
    pub fn gzip_min_size(&self) -> usize {
        self.config.gzip_min_size
    }

    /// How long a call may take until its answer begins.
    pub fn request_timeout(&self) -> Duration {
        self.config.request_timeout
    }

    /// Whether development conveniences are on.
    pub fn debug(&self) -> bool {
        self.config.debug
    }

    /// The application's name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What OpenAPI says of the application beside its name.
    pub fn api(&self) -> &ApiInfo {
        &self.config.api
    }

    /// The pages, which are served in debug.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    // eject: dev-ui
    /// Whether a path is the development page's, and the page is served.
    pub(super) fn is_dev(&self, path: &str) -> bool {
        self.config.debug && dev::is_own(path)
    }

    // eject: end
    /// The headers that every answer carries, in the order in which [`Call::leave`](super::Call::leave) adds them.
    pub fn fixed_headers(&self) -> &HeaderMap {
        &self.fixed
    }

    /// The server's phase.
    pub fn drain(&self) -> &Drain {
        &self.server.drain
    }

    /// What requests share.
    pub(crate) fn server(&self) -> &Arc<ServerState> {
        &self.server
    }

    /// The client whose connection this is, as limits count clients; none for a trusted proxy, which carries many.
    pub fn client_of_connection(&self, peer: IpAddr) -> Option<IpAddr> {
        (!self.config.trusted_proxies.contains(peer)).then(|| proxy::client_key(peer))
    }

    /// Where a request comes from.
    pub(super) fn client(&self, head: &Head<'_>) -> (Option<IpAddr>, bool) {
        let origin = self.config.trusted_proxies.origin(head);
        (origin.client, origin.https)
    }
}
