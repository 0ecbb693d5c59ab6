//! What a store of conversations is asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::key::{hexadecimal, update};

/// How long conversations are kept, and how much of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long a conversation is kept after its last turn.
    pub ttl: Duration,
    /// The most turns of one conversation; the oldest go first.
    pub max_turns: usize,
    /// The most bytes of one conversation, as JSON; the oldest turns go first, and a longer turn is not kept.
    pub max_bytes: usize,
    /// The most bytes of all conversations in memory; the least recently used ones go first.
    pub max_memory: u64,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_hours(1),
            max_turns: 50,
            max_bytes: 256 * 1024,
            max_memory: 64 * 1024 * 1024,
        }
    }
}

/// A store of conversations. A turn is a JSON array of messages.
///
/// No method takes longer than milliseconds, even when the store is gone.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// The turns of a conversation, the oldest first; none if it is not known, or its time is over. `None` if the store
    /// does not answer.
    async fn turns(&self, key: &SessionKey) -> Option<Vec<Arc<str>>>;

    /// Adds a turn to a conversation, or begins one with it, and lets the oldest turns go that are beyond the bounds.
    async fn add(&self, key: &SessionKey, turn: &Arc<str>, settings: &SessionSettings);

    /// Forgets a conversation.
    async fn remove(&self, key: &SessionKey);
}

/// SHA-256 over a tenant and the session's id. It reveals neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// The key of a tenant's session. The tenant is empty where there is only one.
    pub fn new(tenant: impl AsRef<[u8]>, id: &str) -> Self {
        let mut hash = Sha256::new();
        update(&mut hash, tenant.as_ref());
        update(&mut hash, id.as_bytes());
        Self(hash.finalize().into())
    }
}

/// Hexadecimal digits, for stores outside this process.
impl fmt::Display for SessionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, out)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SessionKey({self})")
    }
}
