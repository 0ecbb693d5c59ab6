//! Conversations in the memory of this process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;

use super::store::{SessionKey, SessionSettings, SessionStore};

/// moka refuses more than a thousand years.
const MAX_TTL: Duration = Duration::from_hours(24 * 365);

/// What a conversation takes beside its turns, in bytes, roughly.
const OVERHEAD: usize = 256;

pub(super) struct MemorySessions {
    conversations: Cache<SessionKey, Conversation>,
    ttl: Duration,
}

#[derive(Clone)]
struct Conversation {
    turns: VecDeque<Arc<str>>,
    until: Instant,
}

impl MemorySessions {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        let ttl = settings.ttl.min(MAX_TTL);
        let weight =
            |_: &SessionKey, it: &Conversation| u32::try_from(it.bytes() + OVERHEAD).unwrap_or(u32::MAX);
        let conversations = Cache::builder()
            .max_capacity(settings.max_memory)
            .weigher(weight)
            .eviction_policy(EvictionPolicy::lru())
            // moka's clock only frees memory. `Conversation::until` decides by tokio's clock, which tests can pause.
            .time_to_live(ttl)
            .build();
        Self { conversations, ttl }
    }
}

#[async_trait]
impl SessionStore for MemorySessions {
    async fn turns(&self, key: &SessionKey) -> Option<Vec<Arc<str>>> {
        let known = self.conversations.get(key).filter(|it| Instant::now() < it.until);
        Some(known.map(|it| it.turns.into()).unwrap_or_default())
    }

    async fn add(&self, key: &SessionKey, turn: &Arc<str>, settings: &SessionSettings) {
        let now = Instant::now();
        // It holds the key's lock, so no turn that comes at the same time is lost.
        self.conversations.entry(*key).and_compute_with(|known| {
            let known = known.map(moka::Entry::into_value).filter(|it| now < it.until);
            let mut turns = known.map(|it| it.turns).unwrap_or_default();
            turns.push_back(turn.clone());
            let mut conversation = Conversation { turns, until: now + self.ttl };
            while conversation.turns.len() > settings.max_turns || conversation.bytes() > settings.max_bytes {
                conversation.turns.pop_front();
            }
            Op::Put(conversation)
        });
    }

    async fn remove(&self, key: &SessionKey) {
        self.conversations.invalidate(key);
    }
}

impl Conversation {
    fn bytes(&self) -> usize {
        self.turns.iter().map(|it| it.len()).sum()
    }
}

impl fmt::Debug for MemorySessions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MemorySessions").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
