//! What a careful team adds by hand around its routes, as far as it is the same in all frameworks.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tracing_appender::non_blocking::WorkerGuard;
use uuid::Uuid;

/// How long an answer may take to begin.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(2);

/// The header that requests are found by.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Calls a client may make in a second, far above any load.
const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999);

/// The longest request id that is taken.
const MAX_ID: usize = 128;

/// The headers of each answer. A macro, because the frameworks do not have the same types.
macro_rules! fixed_headers {
    () => {
        [
            (
                HeaderName::from_static("content-security-policy"),
                HeaderValue::from_static("default-src 'none'"),
            ),
            (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
            (HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY")),
            (
                HeaderName::from_static("referrer-policy"),
                HeaderValue::from_static("strict-origin-when-cross-origin"),
            ),
            (
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static("geolocation=(), camera=(), microphone=()"),
            ),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store")),
        ]
    };
}
pub(crate) use fixed_headers;

/// What all requests share.
pub(crate) struct Dress {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
}

impl Dress {
    /// The guard ends the thread that writes the log.
    pub(crate) fn new() -> (Self, WorkerGuard) {
        // Requests do not wait for standard output, as tracing's guide has it for servers.
        let (writer, guard) = tracing_appender::non_blocking(std::io::stdout());
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer)
            .init();
        (Self { limiter: RateLimiter::keyed(Quota::per_second(RATE)) }, guard)
    }

    /// Whether the client may call.
    pub(crate) fn admits(&self, client: IpAddr) -> bool {
        self.limiter.check_key(&client).is_ok()
    }
}

/// A request for the log.
pub(crate) struct Line {
    begun: Instant,
    pub(crate) request_id: String,
    client: IpAddr,
}

impl Line {
    /// Takes the client's id if it is harmless, else makes one.
    pub(crate) fn begin(sent_id: Option<&[u8]>, client: IpAddr) -> Self {
        let harmless = sent_id
            .filter(|it| (1..=MAX_ID).contains(&it.len()) && it.iter().all(u8::is_ascii_graphic))
            .and_then(|it| std::str::from_utf8(it).ok());
        let request_id = harmless.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        Self { begun: Instant::now(), request_id, client }
    }

    /// Writes it.
    pub(crate) fn end(&self, method: &str, path: &str, status: u16) {
        // A bigger number would be written as text.
        let duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Self { request_id, client, .. } = self;
        tracing::info!(status, duration_ms, request_id, method, path, %client, "answered");
    }
}
