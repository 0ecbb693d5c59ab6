//! What a flow may know of the request it answers.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::drain::Drain;
use crate::request_id;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_FINISH_REASON: HeaderName = HeaderName::from_static("x-finish-reason");
const X_MODEL: HeaderName = HeaderName::from_static("x-model");

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
    /// Which form errors and frames take.
    pub dialect: Dialect,
    /// What is told of the answer. Shared by clones: the flow writes, `Call::leave` reads.
    pub(crate) notes: Arc<Notes>,
    pub(crate) server: Arc<ServerState>,
}

/// What is told of an answer beside it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Where it came from.
    cache: OnceLock<&'static str>,
    /// The model.
    model: OnceLock<HeaderValue>,
    /// Whether it was cut at the model's limit.
    cut: AtomicBool,
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

/// Which form errors and frames take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// That of the routes: RFC 9457 problem documents.
    #[default]
    Rest,
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
            dialect: Dialect::Rest,
            notes: Arc::default(),
            server: Arc::new(ServerState { max_body_size: usize::MAX, ..ServerState::default() }),
        }
    }

    /// Says where the answer came from: `hit`, `miss` or `coalesced`. What is said first holds.
    pub fn note_cache(&self, outcome: &'static str) {
        let _ = self.notes.cache.set(outcome);
    }

    /// Says which model answers. What is said first holds, as the head of a stream is sent only once.
    pub fn note_model(&self, name: &str) {
        if let Ok(name) = HeaderValue::from_str(name) {
            let _ = self.notes.model.set(name);
        }
    }

    /// Says that the answer was cut at the model's limit.
    pub fn note_cut(&self) {
        self.notes.cut.store(true, Ordering::Relaxed);
    }

    /// Whether the answer was cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.notes.cut.load(Ordering::Relaxed)
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

    /// The headers for what is told of the answer.
    pub(crate) fn add_notes(&self, headers: &mut HeaderMap) {
        if let Some(outcome) = self.notes.cache.get() {
            headers.insert(X_CACHE, HeaderValue::from_static(outcome));
        }
        if let Some(name) = self.notes.model.get() {
            headers.insert(X_MODEL, name.clone());
        }
        if self.is_cut() {
            headers.insert(X_FINISH_REASON, HeaderValue::from_static("length"));
        }
    }
}

impl Dialect {
    /// The dialect of a path.
    pub(crate) fn of(path: &str) -> Self {
        if path.starts_with("/flows/") { Self::Genkit } else { Self::Rest }
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
