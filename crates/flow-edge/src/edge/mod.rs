//! What a request passes before a flow sees it, and what every answer carries (`docs/contract.md`, "Order of the
//! checks" and "Headers on every response").
//!
//! An adapter lends the edge the body ([`lend`]). [`Edge::enter`] checks the request and gives a [`Call`] or the edge's own
//! answer; [`Call::run`] runs the handler, and [`Call::fail`] makes an answer of its error; [`Unread::finish`] takes the
//! rest of the body; [`Call::leave`] completes status, headers and body of the answer. A body without a declared length is counted as it is read, in the extractor.

mod call;
mod compress;
mod config;
mod cors;
mod head;
mod headers;
mod host;
mod keys;
mod measure;
pub mod observe;
mod proxy;
mod rate;
mod shared;
mod unread;

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

pub use call::{Call, Outgoing};
pub use config::{ApiInfo, EdgeConfig};
pub use cors::CorsConfig;
pub use head::{Head, PROBES};
pub use host::TrustedHosts;
pub use keys::ApiKeys;
pub use measure::RequestMetrics;
pub use proxy::{ParseTrustedProxyError, TrustedProxies, TrustedProxy};
pub use rate::{MAX_CLIENTS, ParseRateLimitError, RateDecision, RateLimit, SharedRateLimiter};
pub use shared::Edge;
pub use unread::{Lent, Unread, lend};

use crate::docs::dev; // eject: dev-ui
use crate::error::FlowError;
use crate::wire::decode::coded;
use crate::wire::{Answer, answer};
use observe::Protocol;

/// What the checks say of a request.
#[derive(Debug)]
pub enum Entry<R> {
    /// It may reach its handler.
    Passed(Call),
    /// Refused, with the reason. [`Call::leave`] must still be called.
    Refused(Call, R),
}

/// Why a request does not reach its handler.
enum Refusal {
    Error(FlowError),
    Preflight,
}

impl Edge {
    /// Checks a request: it may reach its handler, or this is the edge's own answer to it.
    pub async fn enter(self: &Arc<Self>, head: Head<'_>) -> Entry<Answer> {
        let is_probe = PROBES.contains(&head.path());
        let mut call = Call::open(self, &head, Protocol::Http);
        let answer = match self.admit(&mut call, &head, is_probe).await {
            Ok(()) => return Entry::Passed(call),
            Err(Refusal::Error(error)) => {
                call.log(&error, "refused");
                answer::error(&error, &call.ctx)
            }
            Err(Refusal::Preflight) => answer::empty(http::StatusCode::NO_CONTENT),
        };
        call.refused = true;
        Entry::Refused(call, answer)
    }

    /// The same for a remote procedure call, whose path is its method. Which methods are probes the protocol knows.
    /// The protocol renders a refusal.
    pub async fn enter_rpc(self: &Arc<Self>, head: Head<'_>, is_probe: bool) -> Entry<FlowError> {
        let mut call = Call::open(self, &head, Protocol::Rpc);
        match self.admit(&mut call, &head, is_probe).await {
            // A preflight is no call; the protocol answers it like any other request of a browser's.
            Ok(()) | Err(Refusal::Preflight) => Entry::Passed(call),
            Err(Refusal::Error(error)) => {
                call.log(&error, "refused");
                call.refused = true;
                Entry::Refused(call, error)
            }
        }
    }

    /// The checks, in the order of the contract.
    async fn admit(&self, call: &mut Call, head: &Head<'_>, is_probe: bool) -> Result<(), Refusal> {
        self.config.trusted_hosts.check(head)?;
        if head.is_preflight() {
            return Err(Refusal::Preflight);
        }
        if is_probe {
            return Ok(());
        }
        // eject: dev-ui
        let is_dev = self.is_dev(head.path());
        if is_dev && dev::is_open(head.path()) {
            return self.check_head(call, head).map_err(Refusal::Error);
        }
        // eject: end
        match self.config.api_keys.check(head) {
            Ok(tenant) => call.ctx.tenant = tenant,
            Err(error) => {
                if let (Some(client), Some(guesses)) = (call.client, &self.guesses) {
                    guesses.count(client).into_result()?;
                }
                return Err(error.into());
            }
        }
        // eject: dev-ui
        // A page that is open would take from the calls that are made with it.
        if is_dev {
            return self.check_head(call, head).map_err(Refusal::Error);
        }
        // eject: end
        if let (Some(client), Some(limiter)) = (call.client, &self.limiter) {
            let decision = limiter.check(client, &call.span).await;
            call.rate = Some(decision);
            decision.into_result()?;
        }
        self.check_head(call, head)?;
        Ok(())
    }

    /// The checks after the rate limit that need only the head.
    fn check_head(&self, call: &Call, head: &Head<'_>) -> Result<(), FlowError> {
        if self.drain().is_draining() {
            return Err(FlowError::draining());
        }
        if call.protocol == Protocol::Rpc {
            // Its messages have lengths of their own, and its path is a method.
            return Ok(());
        }
        let declared = head.header(&CONTENT_LENGTH).and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
        if declared.is_some_and(|length: u64| length > self.config.max_body_size as u64) {
            return Err(FlowError::body_too_large(self.config.max_body_size));
        }
        if head.lines(&CONTENT_ENCODING).any(|it| !it.eq_ignore_ascii_case(b"identity")) {
            return Err(coded());
        }
        // Frameworks disagree on whether `%2D` is `-` before they match. No route needs an escape, so a path
        // that has one matches none. Nor does one that should have had them.
        if head.path().contains('%') || !head.path().is_ascii() {
            return Err(FlowError::no_route());
        }
        Ok(())
    }
}

impl From<FlowError> for Refusal {
    fn from(error: FlowError) -> Self {
        Self::Error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::head::request;
    use super::*;
    use crate::drain::Drain;

    #[tokio::test]
    async fn whoever_guesses_keys_is_counted_apart_from_whoever_has_one() {
        let right = "bb80ce1c5bb0ee8b4d5e7ecc0d7e8a2f1e4f1d0e8c7ab8f3c9d1c3c0d1f0a9b8";
        let digest = <sha2::Sha256 as sha2::Digest>::digest(right).into();
        let config = EdgeConfig {
            api_keys: ApiKeys::new([digest]),
            rate_limit: "2/day".parse().ok(),
            ..EdgeConfig::default()
        };
        let edge = Edge::new(config, Drain::default());
        let status = async |key: &str| {
            let value = format!("Bearer {key}");
            let request = request("/answer", &[("host", "a.example"), ("authorization", &value)]);
            match edge.enter(Head::of(&request, Some([10, 0, 0, 1].into()))).await {
                Entry::Passed(_) => 200,
                Entry::Refused(_, answer) => answer.status().as_u16(),
            }
        };
        for _ in 0..20 {
            assert_eq!(status("wrong").await, 401);
        }
        assert_eq!(status("wrong").await, 429);
        assert_eq!(status(right).await, 200, "guesses take nothing from it");
    }
}
