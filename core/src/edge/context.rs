//! What a flow may know of the request it answers.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Header, Tenant, request_id};
use crate::drain::Drain;
use crate::wire::reply::Dialect;

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
    /// Whether the client speaks HTTP/1.
    pub http1: bool,
    /// How the answer was come by, for the `x-cache` header: the flow may say so once.
    pub(crate) cache: Arc<OnceLock<&'static str>>,
    pub(crate) drain: Drain,
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
            http1: true,
            cache: Arc::default(),
            drain: Drain::default(),
        }
    }

    /// Says how the answer was come by: `hit`, `miss` or `coalesced`. What is said first holds.
    pub fn note_cache(&self, how: &'static str) {
        let _ = self.cache.set(how);
    }

    /// The header that tells the client.
    pub fn cache_header(&self) -> Option<Header> {
        self.cache.get().map(|how| ("x-cache", Bytes::from_static(how.as_bytes())))
    }

    /// The listener's name: the `Authorization` header's, else the one in the body (`docs/contract.md`,
    /// "API keys and display names").
    pub fn username(&self, from_body: Option<String>) -> Option<String> {
        self.display_name.as_deref().map(str::to_owned).or(from_body)
    }
}
