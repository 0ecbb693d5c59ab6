//! How many requests one client may send.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::{ErrorKind, FlowError};

/// So many requests in such a time, written `60/minute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: NonZeroU32,
    /// In what time.
    pub per: Duration,
}

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseRateLimitError;

/// Counts requests by client: a token bucket that refills evenly (GCRA, as governor implements it).
pub(super) struct Limiter {
    buckets: DefaultKeyedRateLimiter<IpAddr>,
    checks: AtomicU32,
}

/// After so many checks, buckets that are full again are forgotten.
const SWEEP_EVERY: u32 = 4096;

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        let pause = limit.per / limit.requests.get();
        // A pause under a nanosecond is no limit governor knows; the smallest it knows is as good as none.
        let pause = pause.max(Duration::from_nanos(1));
        let quota = Quota::with_period(pause).map(|it| it.allow_burst(limit.requests));
        let quota = quota.unwrap_or_else(|| Quota::per_second(limit.requests));
        Self { buckets: RateLimiter::keyed(quota), checks: AtomicU32::new(0) }
    }

    pub(super) fn check(&self, peer: IpAddr) -> Result<(), FlowError> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.buckets.retain_recent();
        }
        self.buckets.check_key(&client(peer)).map_err(|too_early| {
            let wait = too_early.wait_time_from(self.buckets.clock().now());
            FlowError::new(ErrorKind::RateLimited, "Too many requests from this client.").retry_after(wait)
        })
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limiter({} clients)", self.buckets.len())
    }
}

/// One client: an IPv4 address, or the /64 that one IPv6 customer gets.
fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl FromStr for RateLimit {
    type Err = ParseRateLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (requests, unit) = text.split_once('/').ok_or(ParseRateLimitError)?;
        let seconds = match unit.trim().to_ascii_lowercase().as_str() {
            "second" | "s" => 1,
            "minute" | "min" | "m" => 60,
            "hour" | "h" => 3600,
            "day" | "d" => 86400,
            _ => return Err(ParseRateLimitError),
        };
        let requests = requests.trim().parse().map_err(|_| ParseRateLimitError)?;
        Ok(Self { requests, per: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for ParseRateLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a whole number above 0 per second, minute, hour or day, such as 60/minute")
    }
}

impl std::error::Error for ParseRateLimitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_per_unit() {
        let rate: RateLimit = "60/minute".parse().unwrap();
        assert_eq!((rate.requests.get(), rate.per), (60, Duration::from_mins(1)));
        for bad in ["", "60", "0/minute", "-1/s", "1.5/s", "60/fortnight", "99999999999/s"] {
            assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_client_has_its_own_bucket_and_learns_when_to_come_back() {
        let limiter = Limiter::new("2/hour".parse().unwrap());
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|it| it.parse().unwrap());
        assert!(limiter.check(a).is_ok() && limiter.check(a).is_ok());
        let error = limiter.check(a).unwrap_err();
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert!((1790..=1800).contains(&error.retry_after_seconds().unwrap()));
        assert!(limiter.check(b).is_ok());
    }

    #[test]
    fn an_ipv6_customer_is_one_client() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|it| client(it.parse().unwrap()));
        assert!(a == b && a != c);
        assert_eq!(client("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }
}
