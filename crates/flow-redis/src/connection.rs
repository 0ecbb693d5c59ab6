//! The one connection of all operations, and how one operation is done: at once or not at all.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, ScriptInvocation};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, within};
use crate::scripts::{Release, Scripts};
use crate::settings::RedisSettings;

pub(crate) struct Inner {
    pub(crate) settings: RedisSettings,
    pub(crate) scripts: Scripts,
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
    Turns,
    AddTurn,
    Forget,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Redis was not asked.
    Unasked,
    /// It was, and may have done it, or may do it later.
    Unheard,
}

impl Inner {
    pub(crate) fn new(settings: RedisSettings, releases: mpsc::Sender<Release>) -> Self {
        Self {
            settings,
            scripts: Scripts::default(),
            link: watch::Sender::new(None),
            releases,
            fallbacks: AtomicU64::new(0),
        }
    }

    /// Whether there is a connection that operations may use.
    pub(crate) fn is_up(&self) -> bool {
        self.link.borrow().is_some()
    }

    /// How many operations Redis has not answered.
    pub(crate) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Ordering::Relaxed)
    }

    /// Runs a script for a request.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        operation: Operation,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Unanswered> {
        let answer = self.ask_redis(operation, script).await;
        if answer.is_err() {
            self.fallbacks.fetch_add(1, Ordering::Relaxed);
            metrics::counter!(flow_metrics::STORE_FALLBACKS.name, "db.operation.name" => operation.name())
                .increment(1);
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
        metrics::histogram!(
            flow_metrics::STORE_DURATION.name,
            "db.system.name" => "redis",
            "db.operation.name" => operation.name(),
        )
        .record(asked.elapsed());
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
        metrics::gauge!(flow_metrics::STORE_UP.name).set(1);
        tracing::info!("Redis is connected: replicas share limits, answers and conversations");
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
            metrics::gauge!(flow_metrics::STORE_UP.name).set(0);
            tracing::warn!(%failure, "Redis is slow or gone: this replica counts and caches alone");
        }
    }

    /// Has a lease given back as soon as possible.
    pub(crate) fn give_back(&self, release: Release) {
        // If too many wait, or the supervisor has ended, the lease ends by itself.
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
            Self::Turns => "turns",
            Self::AddTurn => "add_turn",
            Self::Forget => "forget",
        }
    }
}
