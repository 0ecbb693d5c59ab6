//! Conversations that all replicas share: a list of turns each.

use std::sync::Arc;

use async_trait::async_trait;
use flow_runtime::{SessionKey, SessionSettings, SessionStore};

use crate::connection::{Inner, Operation};
use crate::settings::millis_to_live;
use crate::store::RedisStore;

#[async_trait]
impl SessionStore for RedisStore {
    async fn turns(&self, key: &SessionKey) -> Option<Vec<Arc<str>>> {
        let inner = self.inner();
        let script = inner.scripts.turns.key(inner.session_key(key));
        let turns: Vec<String> = inner.ask(Operation::Turns, &script).await.ok()?;
        Some(turns.into_iter().map(Into::into).collect())
    }

    async fn add(&self, key: &SessionKey, turn: &Arc<str>, settings: &SessionSettings) {
        let inner = self.inner();
        let mut script = inner.scripts.add_turn.key(inner.session_key(key));
        script.arg(&**turn).arg(millis_to_live(settings.ttl)).arg(settings.max_turns).arg(settings.max_bytes);
        // Without an answer there is nothing to do: this replica has the turn in its memory.
        let _ = inner.ask::<()>(Operation::AddTurn, &script).await;
    }

    async fn remove(&self, key: &SessionKey) {
        let inner = self.inner();
        let _ = inner.ask::<()>(Operation::Forget, &inner.scripts.forget.key(inner.session_key(key))).await;
    }
}

impl Inner {
    fn session_key(&self, key: &SessionKey) -> String {
        self.key(format_args!("session:v1:{key}"))
    }
}
