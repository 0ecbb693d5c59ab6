//! The one task that owns the connection: it makes it, watches it, and makes it anew.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{Inner, Link};
use crate::failure::{Failure, within};
use crate::scripts::Release;

/// How long Redis is left alone between two attempts. Each lost connection costs the requests under way one
/// timeout, so this also bounds what a server that is slow now and then costs.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How long the supervisor waits for Redis: for a connection with name lookup and TLS, for a heartbeat, for a lease to
/// be given back. No request waits for these. Platforms that suspend idle CPUs would time out on resume with an
/// operation's few milliseconds.
const SUPERVISOR_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a connection is tried, so that a dead one is found before a request finds it.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Leases to give back. One that was lost with its connection is the first on the next.
struct Releases {
    queue: mpsc::Receiver<Release>,
    first: Option<Release>,
}

/// Runs until it is aborted.
pub(crate) async fn run(client: Client, inner: Arc<Inner>, queue: mpsc::Receiver<Release>) {
    let mut releases = Releases { queue, first: None };
    // Whether the outage is in the log already.
    let mut told = false;
    loop {
        let attempt = timeout(SUPERVISOR_TIMEOUT, connect(&client, &inner)).await;
        match attempt.unwrap_or(Err(Failure::Slow(SUPERVISOR_TIMEOUT))) {
            Ok(link) => {
                inner.publish(&link);
                serve(&inner, &link, &mut releases).await;
                told = true;
            }
            Err(failure) if told => tracing::debug!(%failure, "Redis is still not reachable"),
            Err(failure) => {
                told = true;
                tracing::warn!(%failure, "Redis is not reachable: this replica counts and caches alone");
            }
        }
        metrics::gauge!(flow_metrics::STORE_UP.name).set(0);
        sleep(RETRY_EVERY).await;
    }
}

/// A connection that has shown that it can do what operations do.
///
/// It is always a new one. A connection on which an answer is overdue may lead to a server that became a replica, or
/// nowhere, and telling that takes longer than connecting.
async fn connect(client: &Client, inner: &Inner) -> Result<Link, Failure> {
    // The deadlines are ours.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    try_join_all(inner.scripts.all().map(|script| {
        let mut connection = connection.clone();
        async move { script.load_async(&mut connection).await }
    }))
    .await?;
    within(inner.settings.timeout, prove(inner, &mut connection)).await?;
    Ok(Link { connection, lost: CancellationToken::new() })
}

/// Does what operations do. A server that is full, or became a replica, answers a ping as well.
async fn prove(inner: &Inner, connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut write = redis::cmd("SET");
    write.arg(inner.key(format_args!("probe:v1"))).arg(1).arg("PX").arg(1000);
    write.exec_async(connection).await
}

/// Looks after a connection until it is lost, and gives leases back.
async fn serve(inner: &Inner, link: &Link, releases: &mut Releases) {
    let mut connection = link.connection.clone();
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let work = async {
        loop {
            tokio::select! {
                Some(release) = releases.next() => {
                    let done = within(SUPERVISOR_TIMEOUT, inner.scripts.release(release, &mut connection)).await;
                    match done {
                        // What cannot be sent fails at once, so trying again here would never yield.
                        Err(failure) if failure.is_lasting() => return inner.lose(link, &failure),
                        _ => releases.done(),
                    }
                }
                _ = heartbeat.tick() => {
                    // Said again for a recorder that was installed since.
                    metrics::gauge!(flow_metrics::STORE_UP.name).set(1);
                    if let Err(failure) = within(SUPERVISOR_TIMEOUT, prove(inner, &mut connection)).await {
                        return inner.lose(link, &failure);
                    }
                }
            }
        }
    };
    link.lost.run_until_cancelled(work).await;
}

impl Releases {
    async fn next(&mut self) -> Option<&Release> {
        if self.first.is_none() {
            self.first = self.queue.recv().await;
        }
        self.first.as_ref()
    }

    fn done(&mut self) {
        self.first = None;
    }
}
