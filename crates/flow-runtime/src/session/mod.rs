//! Conversations that go on from call to call.
//!
//! A call in a [`Session`] sees the turns before it, and adds its own when it has succeeded. Turns are added, never
//! replaced, so that of two calls at once neither loses its turn. A call that fails, or that its caller leaves, adds
//! nothing.

mod memory;
mod store;

use std::sync::Arc;

use crate::error::ModelError;
use crate::message::Message;
use memory::MemorySessions;
pub use store::{SessionKey, SessionSettings, SessionStore};

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
