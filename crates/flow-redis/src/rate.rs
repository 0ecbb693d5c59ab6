//! Rate limits that all replicas count together.
//!
//! The algorithm is governor's, which a replica alone counts with: a bucket of as many requests as the limit allows
//! refills by one each [`RateLimit::pause`]. Only the unit differs: the pause is rounded up to whole microseconds,
//! so a limit is kept to within one microsecond per request and never exceeded: `1000000/second` is exactly 1 µs;
//! above it, where no Redis can follow, the limit stays that.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use flow_edge::edge::{RateDecision, RateLimit, SharedRateLimiter};

use crate::connection::Operation;
use crate::store::RedisStore;

/// A bucket that needs more microseconds than this (142 years) to refill would leave what Lua counts exactly.
const LONGEST: u128 = 1 << 52;

#[async_trait]
impl SharedRateLimiter for RedisStore {
    async fn check(&self, client: IpAddr, limit: RateLimit) -> Option<RateDecision> {
        let inner = self.inner();
        let mut script = inner.scripts.rate.key(inner.key(format_args!("rate:v1:{client}")));
        script.arg(interval(limit)).arg(limit.requests.get());
        let (remaining, wait) = inner.ask::<(u32, u64)>(Operation::Rate, &script).await.ok()?;
        Some(RateDecision { remaining, retry_after: (wait > 0).then(|| Duration::from_micros(wait)) })
    }
}

/// In microseconds.
fn interval(limit: RateLimit) -> u64 {
    let rounded_up = limit.pause().as_nanos().div_ceil(1000);
    let longest = LONGEST / u128::from(limit.requests.get());
    u64::try_from(rounded_up.min(longest)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_whole_microseconds_and_never_shorter_than_the_limit_says() {
        for (limit, micros) in [
            ("50/hour", 72_000_000),
            ("7/minute", 8_571_429),
            ("600000/second", 2),
            ("1000000/second", 1),
            ("4294967295/second", 1),
        ] {
            assert_eq!(interval(limit.parse().unwrap()), micros, "{limit}");
        }
        let limit = RateLimit { per: Duration::MAX, ..("2/day".parse().unwrap()) };
        assert_eq!(interval(limit), 1 << 51);
    }
}
