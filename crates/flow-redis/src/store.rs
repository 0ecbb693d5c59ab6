//! The store, and how one operation is done: at once or not at all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo as _, ScriptInvocation};
use secrecy::ExposeSecret as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::cache::{self, Release};
use crate::failure::{Failure, RedisError, within};
use crate::rate;
use crate::settings::RedisSettings;
use crate::supervisor;

/// How many leases can wait for being given back. One beyond them ends when its time is over.
const RELEASES: usize = 1024;

/// State that replicas share. Cloning it is cheap; with the last clone ends the task behind it.
///
/// It is a [`SharedRateLimiter`](flow_edge::edge::SharedRateLimiter) and a
/// [`SharedCache`](flow_runtime::SharedCache).
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
    _supervisor: Arc<AbortOnDropHandle<()>>,
}

pub(crate) struct Inner {
    pub(crate) settings: RedisSettings,
    pub(crate) rate: rate::Script,
    pub(crate) cache: cache::Scripts,
    /// The one connection of all operations, while it is good.
    link: watch::Sender<Option<Link>>,
    releases: mpsc::Sender<Release>,
    fallbacks: AtomicU64,
}

/// A connection, and whether it has been given up.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) lost: CancellationToken,
}

/// What is asked of Redis on behalf of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Rate,
    Claim,
    Renew,
    Fulfil,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Redis was not asked.
    Unasked,
    /// It was, and may have done it, or may do it later.
    Unheard,
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
        let inner = Arc::new(Inner {
            settings,
            rate: rate::Script::default(),
            cache: cache::Scripts::default(),
            link: watch::Sender::new(None),
            releases,
            fallbacks: AtomicU64::new(0),
        });
        let supervisor = tokio::spawn(supervisor::run(client, inner.clone(), to_release));
        Ok(Self { inner, _supervisor: Arc::new(AbortOnDropHandle::new(supervisor)) })
    }

    /// Whether Redis is in use now. A replica without it is ready all the same.
    pub fn is_up(&self) -> bool {
        self.inner.link.borrow().is_some()
    }

    /// How many operations Redis has not answered.
    pub fn fallbacks(&self) -> u64 {
        self.inner.fallbacks.load(Ordering::Relaxed)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl Inner {
    /// Runs a script for a request.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        operation: Operation,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Unanswered> {
        let answer = self.ask_redis(operation, script).await;
        if answer.is_err() {
            self.fallbacks.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("redis_fallbacks_total", "operation" => operation.name()).increment(1);
        }
        answer
    }

    async fn ask_redis<T: FromRedisValue>(
        &self,
        operation: Operation,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Unanswered> {
        let link = self.link.borrow().clone();
        let link = link.ok_or(Unanswered::Unasked)?;
        let asked = Instant::now();
        let mut connection = link.connection.clone();
        let work = within(self.settings.timeout, script.invoke_async(&mut connection));
        let answer = link.lost.run_until_cancelled(work).await;
        metrics::histogram!("redis_operation_seconds", "operation" => operation.name())
            .record(asked.elapsed().as_secs_f64());
        match answer {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(failure)) => self.failed(&link, &failure),
            // Another operation has found it lost.
            None => {}
        }
        Err(Unanswered::Unheard)
    }

    /// One operation failed. If others would as well, they need not find out.
    fn failed(&self, link: &Link, failure: &Failure) {
        if failure.is_lasting() {
            self.lose(link, failure);
        } else {
            tracing::debug!(%failure, "Redis did not do one operation");
        }
    }

    /// Lets operations use a connection.
    pub(crate) fn publish(&self, link: &Link) {
        self.link.send_replace(Some(link.clone()));
        metrics::gauge!("redis_up").set(1);
        tracing::info!("Redis is there: replicas share limits and answers");
    }

    /// Takes the connection from all operations and ends those that wait for it. Who finds it bad first says so; the
    /// log gets one line.
    pub(crate) fn lose(&self, link: &Link, failure: &Failure) {
        let found = self.link.send_if_modified(|current| {
            // Decided under the lock. A connection that is not lost yet is the current one.
            let found = !link.lost.is_cancelled();
            if found {
                link.lost.cancel();
                *current = None;
            }
            found
        });
        if found {
            metrics::gauge!("redis_up").set(0);
            tracing::warn!(%failure, "Redis is slow or gone: this replica counts and keeps alone");
        }
    }

    /// Has a lease given back as soon as possible.
    pub(crate) fn give_back(&self, release: Release) {
        // If too many wait, or nobody is left to do it, it ends by itself.
        let _ = self.releases.try_send(release);
    }

    pub(crate) fn key(&self, rest: fmt::Arguments<'_>) -> String {
        format!("{}{rest}", self.settings.prefix)
    }
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Claim => "claim",
            Self::Renew => "renew",
            Self::Fulfil => "fulfil",
        }
    }
}

/// The client of one server. It connects to nothing yet.
pub(crate) fn client(settings: &RedisSettings) -> Result<Client, RedisError> {
    let info = settings.url.expose_secret().into_connection_info().map_err(|_| RedisError::Url)?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => return Err(RedisError::Insecure),
        // redis-rs takes the process' provider of cryptography and panics where it cannot tell which. If somebody
        // has chosen one already, that one stays.
        ConnectionAddr::TcpTls { .. } => {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        _ => {}
    }
    // Otherwise a small request waits for the acknowledgement of the one before it, for up to 40 ms.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_tcp_settings(tcp)).map_err(|_| RedisError::Url)
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("settings", &self.inner.settings)
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}
