//! What can be said about the shared store.

use std::time::Duration;

use secrecy::SecretString;

use crate::failure::RedisError;
use crate::store::client;

/// Where Redis is, and how it is used.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`; `rediss://` for TLS.
    pub url: SecretString,
    /// How long one operation may take. After that the replica goes on alone until Redis is faster again.
    pub timeout: Duration,
    /// How long answers are kept, to the millisecond.
    pub cache_ttl: Duration,
    /// What all keys begin with. Servers that must not share have different ones.
    pub prefix: String,
}

impl RedisSettings {
    /// The defaults, for Redis at `url`.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            timeout: Duration::from_millis(20),
            cache_ttl: Duration::from_mins(5),
            prefix: "genkit-endpoints:".to_owned(),
        }
    }

    /// Whether a store can be made with them. Nothing is connected to.
    pub fn check(&self) -> Result<(), RedisError> {
        client(self).map(drop)
    }
}
