//! Conversations that go on from call to call.
//!
//! A call in a [`Session`] sees the turns before it, and adds its own when it has succeeded. Turns are added, never
//! replaced, so that of two calls at once neither loses its turn. A call that fails, or that its caller leaves, adds
//! nothing.

mod memory;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::error::ModelError;
use crate::key::{hexadecimal, update};
use crate::message::Message;
use memory::MemorySessions;

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

/// Where conversations are kept: in memory, and in a store that all replicas share, if there is one.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: SessionSettings,
    memory: MemorySessions,
    shared: Option<Arc<dyn SessionStore>>,
}

/// A conversation. Get one from [`Runtime::session`](crate::Runtime::session) and hand it to
/// [`Generate::session`](crate::Generate::session).
#[derive(Clone, Debug)]
pub struct Session {
    sessions: Sessions,
    key: SessionKey,
}

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

impl Default for Sessions {
    fn default() -> Self {
        Self::new(SessionSettings::default())
    }
}

impl Sessions {
    /// In memory.
    pub fn new(settings: SessionSettings) -> Self {
        let memory = MemorySessions::new(&settings);
        Self(Arc::new(Inner { settings, memory, shared: None }))
    }

    /// In a store that all replicas share as well. While it does not answer, each replica knows the turns that it
    /// took part in.
    #[must_use]
    pub fn with_shared(self, store: Arc<dyn SessionStore>) -> Self {
        let settings = self.0.settings;
        let memory = MemorySessions::new(&settings);
        Self(Arc::new(Inner { settings, memory, shared: Some(store) }))
    }

    pub(crate) fn get(&self, tenant: &[u8], id: &str) -> Session {
        Session { sessions: self.clone(), key: SessionKey::new(tenant, id) }
    }
}

impl Session {
    /// The messages so far; none if the conversation is new, or its time is over.
    pub async fn messages(&self) -> Vec<Message> {
        let inner = &self.sessions.0;
        let shared = match &inner.shared {
            Some(store) => store.turns(&self.key).await,
            None => None,
        };
        let kept = match shared {
            Some(turns) => turns,
            None => inner.memory.turns(&self.key).await.unwrap_or_default(),
        };
        let turns: Result<Vec<Vec<Message>>, _> = kept.iter().map(|it| serde_json::from_str(it)).collect();
        // Only a store outside of this process can hold what does not read.
        let turns = turns.inspect_err(|_| tracing::warn!("a kept conversation is not of the expected form"));
        turns.unwrap_or_default().concat()
    }

    /// Adds messages as one turn. A call in this session does it by itself.
    pub async fn add(&self, turn: &[Message]) -> Result<(), ModelError> {
        let unwritable = |error| ModelError::internal(format!("a turn cannot be written: {error}"));
        let inner = &self.sessions.0;
        let turn: Arc<str> = serde_json::to_string(turn).map_err(unwritable)?.into();
        if turn.len() > inner.settings.max_bytes {
            tracing::info!(bytes = turn.len(), "a turn is too long to be kept in its session");
            return Ok(());
        }
        inner.memory.add(&self.key, &turn, &inner.settings).await;
        if let Some(store) = &inner.shared {
            store.add(&self.key, &turn, &inner.settings).await;
        }
        Ok(())
    }

    /// Forgets the conversation.
    pub async fn forget(&self) {
        let inner = &self.sessions.0;
        inner.memory.remove(&self.key).await;
        if let Some(store) = &inner.shared {
            store.remove(&self.key).await;
        }
    }
}
