//! The Lua scripts. Redis runs each as a whole or not at all.

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

pub(crate) struct Scripts {
    pub(crate) rate: Script,
    pub(crate) claim: Script,
    pub(crate) renew: Script,
    pub(crate) fulfil: Script,
    pub(crate) turns: Script,
    pub(crate) add_turn: Script,
    pub(crate) forget: Script,
    release: Script,
}

/// A lease to give back.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) key: String,
    pub(crate) token: String,
}

impl Scripts {
    pub(crate) fn all(&self) -> [&Script; 8] {
        let Self { rate, claim, renew, fulfil, turns, add_turn, forget, release } = self;
        [rate, claim, renew, fulfil, turns, add_turn, forget, release]
    }

    pub(crate) async fn release(&self, release: &Release, to: &mut MultiplexedConnection) -> RedisResult<()> {
        let mut script = self.release.key(&release.key);
        script.arg(&release.token).invoke_async(to).await
    }
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            rate: Script::new(include_str!("rate.lua")),
            claim: Script::new(include_str!("claim.lua")),
            renew: Script::new(include_str!("renew.lua")),
            fulfil: Script::new(include_str!("fulfil.lua")),
            turns: Script::new(include_str!("turns.lua")),
            add_turn: Script::new(include_str!("add_turn.lua")),
            forget: Script::new(include_str!("forget.lua")),
            release: Script::new(include_str!("release.lua")),
        }
    }
}
