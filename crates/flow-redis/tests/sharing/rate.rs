//! One limit, whoever counts.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use flow_edge::edge::{RateDecision, RateLimit, SharedRateLimiter as _};
use futures_util::future::join_all;
use governor::clock::{Clock as _, FakeRelativeClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use redis::AsyncCommands as _;

use crate::server::Server;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_let_through_exactly_what_the_limit_allows() {
    let Some(server) = Server::start().await else { return };
    let stores = [server.store().await, server.store().await];
    let limit = "50/hour".parse().unwrap();
    let checks = (0..100).map(|nth| stores[nth % 2].check(CLIENT, limit));
    let decisions: Vec<_> = join_all(checks).await.into_iter().map(Option::unwrap).collect();
    let (passed, refused): (Vec<RateDecision>, Vec<_>) =
        decisions.into_iter().partition(|it| it.retry_after.is_none());
    assert_eq!((passed.len(), refused.len()), (50, 50));
    let mut remaining: Vec<_> = passed.iter().map(|it| it.remaining).collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..50).collect::<Vec<_>>(), "each of them is told another count");
    for decision in refused {
        let wait = decision.retry_after.unwrap();
        assert!(wait > Duration::from_mins(1) && wait <= Duration::from_secs(72), "{wait:?}");
    }
    let other = stores[0].check("2001:db8::".parse().unwrap(), limit).await.unwrap();
    assert_eq!((other.remaining, other.retry_after), (49, None), "another client has its own bucket");
    assert_eq!(stores[0].fallbacks() + stores[1].fallbacks(), 0);
}

/// The script as it is, told the time instead of asking for it: so both decide at the same microsecond, and nothing
/// may differ. What is left between the limit and its replicas is the rounding of the pause to microseconds, which
/// governor is given here as well. (Keys expire by real time, so here they do not.)
#[tokio::test]
async fn decisions_are_governors_decisions() {
    let Some(server) = Server::start().await else { return };
    let mut look = server.look().await;
    let asks = include_str!("../../src/rate.lua");
    let (time, expiry) = ("redis.call('TIME')", "math.ceil((full_at - now) / 1000)");
    assert!(asks.contains(time) && asks.contains(expiry));
    let told = asks.replace(time, "{ARGV[3], ARGV[4]}").replace(expiry, "600000");
    let script = redis::Script::new(&told);
    let mut random = fastrand::Rng::with_seed(7);
    for text in ["1/hour", "7/minute", "60/minute", "500/hour", "1000000/minute"] {
        let limit: RateLimit = text.parse().unwrap();
        let interval = u64::try_from(limit.pause().as_nanos().div_ceil(1000)).unwrap();
        let quota = Quota::with_period(Duration::from_micros(interval)).unwrap().allow_burst(limit.requests);
        let clock = FakeRelativeClock::default();
        let model = RateLimiter::direct_with_clock(quota, clock.clone())
            .with_middleware::<StateInformationMiddleware>();
        let mut now: u64 = 1_800_000_000_000_000;
        let (mut allowed, mut refused) = (0, 0);
        for nth in 0..2000 {
            // In bursts, to the microsecond, and with rests; on the whole about twice as fast as it refills.
            let rest = match random.u8(0..40) {
                0..30 => 0,
                30..36 => random.u64(0..interval * 3),
                36 => interval,
                37 => interval - 1,
                38 => interval + 1,
                _ => random.u64(0..interval * 20),
            };
            now += rest;
            clock.advance(Duration::from_micros(rest));
            let expected = match model.check() {
                Ok(state) => (state.remaining_burst_capacity(), 0),
                Err(early) => (0, early.wait_time_from(clock.now()).as_micros()),
            };
            let mut call = script.key(text);
            call.arg(interval).arg(limit.requests.get()).arg(now / 1_000_000).arg(now % 1_000_000);
            let decision: (u32, u128) = call.invoke_async(&mut look).await.unwrap();
            assert_eq!(decision, expected, "{text}, request {nth}");
            *if decision.1 == 0 { &mut allowed } else { &mut refused } += 1;
        }
        println!("{text}: {allowed} allowed, {refused} refused");
        assert!(allowed > 200 && (refused > 200 || limit.requests.get() > 2000), "both were met");
    }
}

#[tokio::test]
async fn a_bucket_that_is_full_again_is_no_key_any_more() {
    let Some(server) = Server::start().await else { return };
    let (store, mut look) = (server.store().await, server.look().await);
    let limit = RateLimit { requests: NonZeroU32::new(10).unwrap(), per: Duration::from_millis(500) };
    for _ in 0..5 {
        store.check(CLIENT, limit).await.unwrap();
    }
    let key = "test:rate:v1:192.0.2.7";
    let left: i64 = look.pttl(key).await.unwrap();
    assert!(left > 0 && left <= 250, "{left}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!look.exists::<_, bool>(key).await.unwrap());
    assert_eq!(store.check(CLIENT, limit).await.unwrap().remaining, 9);
}

#[tokio::test]
async fn the_shortest_interval_is_counted_exactly() {
    let Some(server) = Server::start().await else { return };
    let (store, mut look) = (server.store().await, server.look().await);
    let limit: RateLimit = "1000000/second".parse().unwrap();
    // The bucket as it is in use: emptied for half a second, in Redis' own microseconds.
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(&mut look).await.unwrap();
    let full_at = seconds * 1_000_000 + micros + 500_000;
    let () = look.set("test:rate:v1:192.0.2.7", full_at).await.unwrap();
    store.check(CLIENT, limit).await.unwrap();
    let held: u64 = look.get("test:rate:v1:192.0.2.7").await.unwrap();
    assert_eq!(held, full_at + 1);
}

#[tokio::test]
async fn a_lower_limit_or_a_clock_set_back_locks_nobody_out() {
    let Some(server) = Server::start().await else { return };
    let store = server.store().await;
    let slow = "5/day".parse().unwrap();
    for _ in 0..5 {
        store.check(CLIENT, slow).await.unwrap();
    }
    let refused = store.check(CLIENT, "2/second".parse().unwrap()).await.unwrap();
    assert!(refused.retry_after.unwrap() <= Duration::from_millis(500), "{refused:?}");
}
