//! What a flow may know of the request it answers.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use tokio::time::Instant;

use crate::drain::Drain;
use crate::request_id;

/// What a flow may know of the request it answers.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Ties logs, answers and the client's own records together.
    pub request_id: Arc<str>,
    /// A display name from the `Authorization` header; never an identity.
    pub display_name: Option<Arc<str>>,
    /// Whose API key it was sent with, where keys are on. What one tenant is answered is not shared with another.
    pub tenant: Option<Tenant>,
    /// When the answer must have begun.
    pub deadline: Instant,
    /// Which form errors take.
    pub dialect: Dialect,
    /// Where the answer came from, for the `x-cache` header. Shared by clones: the flow writes, `Call::leave` reads.
    pub(crate) cache: Arc<OnceLock<&'static str>>,
    pub(crate) server: Arc<ServerState>,
}

/// What all requests of a server share.
#[derive(Debug, Default)]
pub(crate) struct ServerState {
    /// The application's name, which problem types begin with.
    pub(crate) name: String,
    /// The largest request body, in bytes.
    pub(crate) max_body_size: usize,
    pub(crate) drain: Drain,
}

/// Whose API key a request was sent with: the key's digest, which tells clients apart and opens nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tenant(pub(crate) [u8; 32]);

/// Which form errors take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 9457 problem documents.
    #[default]
    Problem,
    /// The Genkit client protocol, under `/flows/` (`docs/contract.md`, "Genkit client protocol").
    Genkit,
}

impl RequestContext {
    /// A context that belongs to no request, for flows called from a test or a command line.
    pub fn detached() -> Self {
        Self {
            request_id: request_id::choose(None),
            display_name: None,
            tenant: None,
            deadline: Instant::now() + std::time::Duration::from_mins(2),
            dialect: Dialect::Problem,
            cache: Arc::default(),
            server: Arc::new(ServerState { max_body_size: usize::MAX, ..ServerState::default() }),
        }
    }

    /// Says where the answer came from: `hit`, `miss` or `coalesced`. What is said first holds.
    pub fn note_cache(&self, outcome: &'static str) {
        let _ = self.cache.set(outcome);
    }

    /// The display name from the header, else the one in the body (`docs/contract.md`, "API keys and display names").
    pub fn username(&self, from_body: Option<String>) -> Option<String> {
        self.display_name.as_deref().map(str::to_owned).or(from_body)
    }

    /// The application's name.
    pub fn service_name(&self) -> &str {
        &self.server.name
    }

    /// The largest request body, in bytes.
    pub fn max_body_size(&self) -> usize {
        self.server.max_body_size
    }

    /// The value of `x-cache`, if the flow has said one.
    pub(crate) fn cache_header(&self) -> Option<HeaderValue> {
        self.cache.get().map(|outcome| HeaderValue::from_static(outcome))
    }
}

impl Dialect {
    /// The dialect of a path.
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/flows/") { Self::Genkit } else { Self::Problem }
    }
}

impl AsRef<[u8]> for Tenant {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tenant")
    }
}
