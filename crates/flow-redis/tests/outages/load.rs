//! Redis killed, paused and brought back under load.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use flow_edge::edge::{RateLimit, SharedRateLimiter as _};
use flow_redis::{RedisSettings, RedisStore};
use flow_runtime::{CallKey, CallScope, Claim, SharedCache as _};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;

use crate::ONE_AT_A_TIME;
use crate::server::{Server, until, up};

/// The default, named so that it can be measured against.
const TIMEOUT: Duration = Duration::from_millis(20);
/// What this machine may add, having other work: timers and wake-ups that come late, to one in a hundred operations
/// and to the worst of thousands.
const SLACK: Duration = Duration::from_millis(30);
const WORST: Duration = Duration::from_millis(200);

const TASKS: usize = 8;
const EACH: usize = 250;

fn limit() -> RateLimit {
    "1000000/hour".parse().unwrap()
}

fn key(nth: usize) -> CallKey {
    CallScope::new("model", &()).unwrap().key("flow", "", &json!(nth)).unwrap()
}

/// What a round of 2,000 operations came to.
struct Round {
    answered: usize,
    times: Vec<Duration>,
}

/// Limits and claims from eight tasks at once, about a thousand a second.
async fn round(stores: &[RedisStore; 2]) -> Round {
    let tasks = (0..TASKS).map(|task| {
        let store = stores[task % 2].clone();
        tokio::spawn(async move {
            let client = IpAddr::from([192, 0, 2, u8::try_from(task).unwrap()]);
            let (mut answered, mut times) = (0, Vec::with_capacity(EACH));
            for nth in 0..EACH {
                let begun = Instant::now();
                let heard = if nth % 2 == 0 {
                    store.check(client, limit()).await.is_some()
                } else {
                    !matches!(store.claim(&key(nth % 20)).await, Claim::Unavailable)
                };
                times.push(begun.elapsed());
                answered += usize::from(heard);
                sleep(Duration::from_millis(4)).await;
            }
            (answered, times)
        })
    });
    let mut round = Round { answered: 0, times: Vec::new() };
    for done in join_all(tasks).await {
        let (answered, times) = done.unwrap();
        round.answered += answered;
        round.times.extend(times);
    }
    round.times.sort_unstable();
    round
}

impl Round {
    /// Prints the times and holds them to the timeout.
    fn within(&self, what: &str) {
        let of = |share: usize| self.times[(self.times.len() - 1) * share / 1000];
        let (p50, p99, max) = (of(500), of(990), of(1000));
        println!(
            "{what}: {} of {} answered, p50 {p50:?} p99 {p99:?} max {max:?}",
            self.answered,
            self.times.len()
        );
        assert!(p99 <= TIMEOUT + SLACK && max <= TIMEOUT + WORST, "{what}: {p99:?}, {max:?}");
    }

    /// How many waited as long as may be.
    fn waited(&self) -> usize {
        self.times.iter().filter(|it| **it >= TIMEOUT).count()
    }
}

async fn two(server: &Server) -> [RedisStore; 2] {
    let settings = || RedisSettings { timeout: TIMEOUT, ..RedisSettings::new(server.url(), "test") };
    [up(settings()).await, up(settings()).await]
}

/// Sharing is what one store does and the other sees.
async fn share(stores: &[RedisStore; 2], network: u8) {
    let limit = "10/hour".parse().unwrap();
    for nth in 0..20 {
        let client = IpAddr::from([198, 51, network, nth]);
        let first = stores[0].check(client, limit).await.map(|it| it.remaining);
        let second = stores[1].check(client, limit).await.map(|it| it.remaining);
        if first.is_some() && second.is_some() {
            assert_eq!((first, second), (Some(9), Some(8)));
            return;
        }
        // This machine was busy elsewhere for a whole timeout; that, too, passes.
        sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing is shared");
}

/// Before, during and after an outage that `bring` brings about.
async fn outage(server: &mut Server, what: &str, bring: impl FnOnce(&mut Server)) -> [RedisStore; 2] {
    let stores = two(server).await;
    share(&stores, 1).await;
    round(&stores).await.within(&format!("before {what}"));

    // Under way when it happens.
    for store in &stores {
        until(store, true, Duration::from_secs(2)).await;
    }
    let running = {
        let stores = stores.clone();
        tokio::spawn(async move { round(&stores).await })
    };
    sleep(Duration::from_millis(200)).await;
    bring(server);
    let during = running.await.unwrap();
    during.within(&format!("while {what}"));
    assert!(during.answered > 0 && during.answered < TASKS * EACH, "it happened under way");
    // Each task can have met it in one operation; those after it cost nothing.
    assert!(during.waited() <= 2 * TASKS, "{} operations waited", during.waited());
    for store in &stores {
        assert!(!store.is_up() && store.fallbacks() > 0);
        let begun = Instant::now();
        assert!(store.check(IpAddr::from([192, 0, 2, 9]), limit()).await.is_none());
        assert!(matches!(store.claim(&key(0)).await, Claim::Unavailable));
        assert!(begun.elapsed() < TIMEOUT, "{:?}", begun.elapsed());
    }
    stores
}

async fn recovered(stores: &[RedisStore; 2], what: &str, client: u8) {
    let mut took = Duration::ZERO;
    for store in stores {
        took += until(store, true, Duration::from_secs(2)).await;
    }
    println!("{what}: shared again after {took:?}");
    share(stores, client).await;
    round(stores).await.within(&format!("after {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_costs_one_timeout_and_restarted_it_is_shared_again() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(mut server) = Server::start().await else { return };
    let stores = outage(&mut server, "killed", Server::kill).await;
    server.restart().await;
    recovered(&stores, "restarted", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_under_load_it_costs_one_timeout_and_resumed_it_is_shared_again() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(mut server) = Server::start().await else { return };
    let stores = outage(&mut server, "paused", |it| it.signal("STOP")).await;
    server.signal("CONT");
    recovered(&stores, "resumed", 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_that_is_under_way_when_it_is_paused_waits_once() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(server) = Server::start().await else { return };
    let stores = two(&server).await;
    server.signal("STOP");
    let begun = Instant::now();
    let burst = (0..1000).map(|nth| {
        let store = &stores[nth % 2];
        async move { store.check(IpAddr::from([192, 0, 2, 1]), limit()).await.is_none() }
    });
    assert!(join_all(burst).await.into_iter().all(|it| it));
    println!("a burst of 1000 took {:?}", begun.elapsed());
    assert!(begun.elapsed() <= TIMEOUT + WORST, "{:?}", begun.elapsed());
}

/// Its claim is executed when Redis goes on, but by then nobody holds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_came_too_late_keeps_nobody_waiting() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(server) = Server::start().await else { return };
    let settings = RedisSettings { timeout: TIMEOUT, ..RedisSettings::new(server.url(), "test") };
    let stores = [up(settings).await, server.store().await];
    server.signal("STOP");
    assert!(matches!(stores[0].claim(&key(1)).await, Claim::Unavailable));
    server.signal("CONT");
    for store in &stores {
        until(store, true, Duration::from_secs(2)).await;
    }
    let begun = Instant::now();
    while !matches!(stores[1].claim(&key(1)).await, Claim::Ours(_)) {
        assert!(begun.elapsed() < Duration::from_secs(1), "the lease of nobody is still there");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The supervisor finds the connection dead while it has leases to give back. It must neither forget them nor insist.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_dropped_in_an_outage_do_not_keep_the_store_down() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(mut server) = Server::start().await else { return };
    let store = server.store().await;
    let mut leases = Vec::new();
    for nth in 0..20 {
        leases.push(store.claim(&key(nth)).await);
    }
    assert!(leases.iter().all(|it| matches!(it, Claim::Ours(_))));
    server.kill();
    drop(leases);
    until(&store, false, Duration::from_secs(2)).await;
    server.restart().await;
    until(&store, true, Duration::from_secs(2)).await;
    assert!(matches!(store.claim(&key(0)).await, Claim::Ours(_)));
}

/// What a late reply to one operation must never do is answer another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_gets_the_answer_of_another() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(server) = Server::start().await else { return };
    let stores = two(&server).await;
    for nth in 0..50 {
        if let Claim::Ours(lease) = stores[0].claim(&key(nth)).await {
            lease.fulfil(&nth.to_string().into()).await;
        }
    }
    let (over, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, over, kept) = (stores[task % 2].clone(), over.clone(), kept.clone());
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task as u64);
                while !over.load(SeqCst) {
                    let nth = random.usize(0..50);
                    // Left early now and then, as callers do.
                    let patience = Duration::from_micros(random.u64(50..5000));
                    let claim = tokio::time::timeout(patience, store.claim(&key(nth))).await;
                    if let Ok(Claim::Cached { answer, .. }) = claim {
                        assert_eq!(*answer, *nth.to_string());
                        kept.fetch_add(1, SeqCst);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..4 {
        sleep(Duration::from_millis(300)).await;
        server.signal("STOP");
        sleep(Duration::from_millis(30)).await;
        server.signal("CONT");
    }
    over.store(true, SeqCst);
    join_all(readers).await.into_iter().for_each(|it| it.unwrap());
    assert!(kept.load(SeqCst) > 100, "{kept:?}");
}
