//! Where Redis is, and how it is used.

use std::time::Duration;

use redis::{Client, ConnectionAddr, IntoConnectionInfo as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::failure::RedisError;

/// Where Redis is, and how it is used.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`; `rediss://` for TLS.
    pub url: SecretString,
    /// How long one operation may take. After that the replica goes on alone until Redis is faster again.
    pub timeout: Duration,
    /// How long answers are cached, to the millisecond.
    pub cache_ttl: Duration,
    /// What all keys begin with. Servers that must not share have different ones.
    pub prefix: String,
}

impl RedisSettings {
    /// The defaults, for Redis at `url`. Keys begin with the application's name.
    pub fn new(url: impl Into<SecretString>, application: &str) -> Self {
        Self {
            url: url.into(),
            timeout: Duration::from_millis(20),
            cache_ttl: Duration::from_mins(5),
            prefix: format!("{application}:"),
        }
    }

    /// Whether a store can be made with them. Nothing is connected to.
    pub fn check(&self) -> Result<(), RedisError> {
        client(self).map(drop)
    }
}

/// The client of one server. It connects to nothing yet.
pub(crate) fn client(settings: &RedisSettings) -> Result<Client, RedisError> {
    let info = settings.url.expose_secret().into_connection_info().map_err(|_| RedisError::Url)?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => return Err(RedisError::Insecure),
        // redis-rs takes the process' provider of cryptography and panics where it cannot tell which. One
        // that is installed already stays.
        ConnectionAddr::TcpTls { .. } => {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        _ => {}
    }
    // Otherwise a small request waits for the acknowledgement of the one before it, for up to 40 ms.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_tcp_settings(tcp)).map_err(|_| RedisError::Url)
}

/// A time to live in milliseconds. Redis takes none of zero, and none beyond its own calendar.
pub(crate) fn millis_to_live(time: Duration) -> u64 {
    let (least, most) = (Duration::from_millis(1), Duration::from_hours(24 * 365));
    time.clamp(least, most).as_millis().try_into().unwrap_or(u64::MAX)
}
