//! How many requests one client may send.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tracing::{Instrument, Span};

use super::proxy::client_key;
use crate::error::FlowError;

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

/// What a limiter says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateDecision {
    /// How many more requests it would let through at once.
    pub remaining: u32,
    /// When to come back, if this one is refused.
    pub retry_after: Option<Duration>,
}

/// Counts that all replicas of a server share.
#[async_trait]
pub trait SharedRateLimiter: fmt::Debug + Send + Sync + 'static {
    /// Counts one request of a client, in milliseconds at most. `None` if the shared store cannot say; then this
    /// replica counts alone.
    async fn check(&self, client: IpAddr, limit: RateLimit) -> Option<RateDecision>;
}

/// How many clients are counted at most. A client beyond them takes the place of the one unheard of for longest,
/// whose count is lost: a flood of addresses costs memory for so many, and no more.
pub const MAX_CLIENTS: u64 = 65_536;

/// Counts requests by client: a token bucket that refills evenly (GCRA, as governor implements it).
pub(super) struct Limiter {
    limit: RateLimit,
    buckets: RateLimiter<IpAddr, Buckets, DefaultClock, StateInformationMiddleware>,
    clients: Cache<IpAddr, Arc<InMemoryState>>,
    shared: Option<Arc<dyn SharedRateLimiter>>,
    policy: Option<HeaderValue>,
}

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// governor's own stores grow with every client they meet; this one is bounded.
struct Buckets(Cache<IpAddr, Arc<InMemoryState>>);

impl Limiter {
    pub(super) fn new(limit: RateLimit, shared: Option<Arc<dyn SharedRateLimiter>>) -> Self {
        let quota = Quota::with_period(limit.pause()).map(|it| it.allow_burst(limit.requests));
        let quota = quota.unwrap_or_else(|| Quota::per_second(limit.requests));
        let clients = Cache::builder()
            .max_capacity(MAX_CLIENTS)
            // Another policy would turn new clients away from a full cache, and so not count them at all.
            .eviction_policy(EvictionPolicy::lru())
            // By then a bucket is full again, as a new one is.
            .time_to_idle(limit.per)
            .build();
        let buckets = RateLimiter::new(quota, Buckets(clients.clone()), DefaultClock::default());
        let policy = format!("\"default\";q={};w={}", limit.requests, limit.per.as_secs());
        let policy = HeaderValue::try_from(policy).ok();
        Self { limit, buckets, clients, shared, policy }
    }

    /// Counts a request of the client at this address. What the shared store writes to log and traces is in the span.
    pub(super) async fn check(&self, address: IpAddr, span: &Span) -> RateDecision {
        let client = client_key(address);
        if let Some(shared) = &self.shared
            && let Some(decision) = shared.check(client, self.limit).instrument(span.clone()).await
        {
            return decision;
        }
        self.check_alone(client)
    }

    /// Counts a request on this replica alone.
    pub(super) fn count(&self, address: IpAddr) -> RateDecision {
        self.check_alone(client_key(address))
    }

    fn check_alone(&self, client: IpAddr) -> RateDecision {
        match self.buckets.check_key(&client) {
            Ok(state) => RateDecision { remaining: state.remaining_burst_capacity(), retry_after: None },
            Err(too_early) => {
                let wait = too_early.wait_time_from(self.buckets.clock().now());
                RateDecision { remaining: 0, retry_after: Some(wait) }
            }
        }
    }

    /// What clients are told of their limit (draft-ietf-httpapi-ratelimit-headers-10): the policy, and what is left
    /// of it until it is whole again.
    pub(super) fn add_headers(&self, decision: &RateDecision, headers: &mut HeaderMap) {
        let used = self.limit.requests.get().saturating_sub(decision.remaining);
        let whole = self.limit.pause().saturating_mul(used);
        let whole = whole.as_secs() + u64::from(whole.subsec_nanos() > 0);
        let state = format!("\"default\";r={};t={whole}", decision.remaining);
        let lines = [(RATELIMIT_POLICY, self.policy.clone()), (RATELIMIT, HeaderValue::try_from(state).ok())];
        headers.extend(lines.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
}

impl RateDecision {
    pub(super) fn into_result(self) -> Result<(), FlowError> {
        self.retry_after.map_or(Ok(()), |wait| {
            metrics::counter!(flow_metrics::RATE_LIMITED.name).increment(1);
            Err(FlowError::rate_limited(wait))
        })
    }
}

impl RateLimit {
    /// So many times as many requests in the same time.
    pub(super) fn times(self, factor: u32) -> Self {
        let requests = self.requests.saturating_mul(NonZeroU32::new(factor).unwrap_or(NonZeroU32::MIN));
        Self { requests, ..self }
    }

    /// The time in which a bucket refills by one. It is at least 1 ns, the shortest time the clock
    /// knows.
    pub fn pause(&self) -> Duration {
        (self.per / self.requests.get()).max(Duration::from_nanos(1))
    }
}

impl StateStore for Buckets {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, client: &IpAddr, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.get_with(*client, Arc::default).measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("limit", &self.limit)
            .field("clients", &self.clients.entry_count())
            .field("shared", &self.shared)
            .finish_non_exhaustive()
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
    use std::net::Ipv6Addr;

    use super::*;
    use crate::error::ErrorKind;

    static NO_SPAN: Span = Span::none();

    fn limiter(limit: &str) -> Limiter {
        Limiter::new(limit.parse().unwrap(), None)
    }

    #[test]
    fn rates_are_numbers_per_unit() {
        let rate: RateLimit = "60/minute".parse().unwrap();
        assert_eq!((rate.requests.get(), rate.per), (60, Duration::from_mins(1)));
        for bad in ["", "60", "0/minute", "-1/s", "1.5/s", "60/fortnight", "99999999999/s"] {
            assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn each_client_has_its_own_bucket_and_learns_what_is_left() {
        let limiter = limiter("2/hour");
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|it| it.parse().unwrap());
        for remaining in [1, 0] {
            assert_eq!(limiter.check(a, &NO_SPAN).await, RateDecision { remaining, retry_after: None });
        }
        let refused = limiter.check(a, &NO_SPAN).await;
        let error = refused.into_result().unwrap_err();
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert!((1790..=1800).contains(&error.retry_after_seconds().unwrap()));
        let mut headers = HeaderMap::new();
        limiter.add_headers(&refused, &mut headers);
        let [policy, state] = [&headers[RATELIMIT_POLICY], &headers[RATELIMIT]];
        assert_eq!(policy, "\"default\";q=2;w=3600");
        assert_eq!(state, "\"default\";r=0;t=3600");
        assert!(limiter.check(b, &NO_SPAN).await.into_result().is_ok());
    }

    #[derive(Debug)]
    struct Shared(Option<RateDecision>);

    #[async_trait]
    impl SharedRateLimiter for Shared {
        async fn check(&self, _: IpAddr, _: RateLimit) -> Option<RateDecision> {
            self.0
        }
    }

    #[tokio::test]
    async fn what_is_shared_decides_where_it_can_say() {
        let client = IpAddr::from([10, 0, 0, 1]);
        let limit = "1/day".parse().unwrap();
        let told = RateDecision { remaining: 7, retry_after: None };
        let shared = Limiter::new(limit, Some(Arc::new(Shared(Some(told)))));
        assert_eq!([shared.check(client, &NO_SPAN).await, shared.check(client, &NO_SPAN).await], [told; 2]);
        let alone = Limiter::new(limit, Some(Arc::new(Shared(None))));
        let refused = [alone.check(client, &NO_SPAN).await, alone.check(client, &NO_SPAN).await]
            .map(|it| it.into_result().is_err());
        assert_eq!(refused, [false, true]);
    }

    #[test]
    fn an_ipv6_customer_is_one_client() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|it| client_key(it.parse().unwrap()));
        assert!(a == b && a != c);
        assert_eq!(client_key("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn a_flood_of_addresses_is_counted_in_bounded_memory_and_forgets_the_stalest() {
        let limiter = limiter("1/day");
        let loud = IpAddr::from([192, 0, 2, 1]);
        limiter.check_alone(loud);
        for nth in 0..200_000 {
            limiter.check_alone(Ipv6Addr::from_bits(nth << 64).into());
            // Whoever goes on asking is not forgotten.
            if nth % 1000 == 0 {
                assert!(limiter.check_alone(loud).retry_after.is_some(), "forgotten after {nth} others");
            }
        }
        limiter.clients.run_pending_tasks();
        let counted = limiter.clients.entry_count();
        assert!(counted <= MAX_CLIENTS && counted > MAX_CLIENTS / 2, "{counted}");
    }
}
