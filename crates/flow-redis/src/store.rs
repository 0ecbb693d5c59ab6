//! The store, as the application holds it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::Inner;
use crate::failure::RedisError;
use crate::settings::{RedisSettings, client};
use crate::supervisor;

/// How many leases can wait for being given back. One beyond them ends when its time is over.
const RELEASES: usize = 1024;

/// State that replicas share. Cloning it is cheap; with the last clone ends the task behind it.
///
/// It is a [`SharedRateLimiter`](flow_edge::edge::SharedRateLimiter), a [`SharedCache`](flow_runtime::SharedCache) and a
/// [`SessionStore`](flow_runtime::SessionStore).
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
    _supervisor: Arc<AbortOnDropHandle<()>>,
}

impl RedisStore {
    /// A store that begins to connect, and is of use as soon as Redis is there.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime. The connection lives in the one it is called in.
    pub fn connect(settings: RedisSettings) -> Result<Self, RedisError> {
        let client = client(&settings)?;
        let (releases, to_release) = mpsc::channel(RELEASES);
        let inner = Arc::new(Inner::new(settings, releases));
        let supervisor = tokio::spawn(supervisor::run(client, inner.clone(), to_release));
        Ok(Self { inner, _supervisor: Arc::new(AbortOnDropHandle::new(supervisor)) })
    }

    /// Whether Redis is in use now. A replica without it is ready all the same.
    pub fn is_up(&self) -> bool {
        self.inner.is_up()
    }

    /// How many operations Redis has not answered.
    pub fn fallbacks(&self) -> u64 {
        self.inner.fallbacks()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("settings", &self.inner.settings)
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}
