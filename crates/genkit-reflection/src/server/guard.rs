//! A connection whose client must read, and who may ask at all.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use flow_listener::Stall;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the tools send where a secret is set.
const SECRET: HeaderName = HeaderName::from_static("x-genkit-reflection-secret");

/// What browsers say of the page that asks.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is refused, if it is.
///
/// Whoever asks can run every action, so a web page must not, neither by itself nor under a name that leads here. The
/// tools' own page asks the tools' server, and that one asks here.
pub(super) fn refusal(
    headers: &HeaderMap,
    secret: Option<&SecretString>,
    is_health: bool,
) -> Option<StatusCode> {
    let is_browser = headers.contains_key(ORIGIN) || headers.contains_key(SITE);
    let host = headers.get(HOST).and_then(|it| it.to_str().ok());
    if is_browser || !host.is_none_or(is_loopback) {
        return Some(StatusCode::FORBIDDEN);
    }
    let secret = secret.filter(|_| !is_health)?;
    let sent = headers.get(SECRET).map(http::HeaderValue::as_bytes).unwrap_or_default();
    // Digests are of one length, so the time says nothing of the secret's.
    let equal = Sha256::digest(sent).ct_eq(&Sha256::digest(secret.expose_secret()));
    (!bool::from(equal)).then_some(StatusCode::UNAUTHORIZED)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// A connection that ends when its client leaves unread for too long what is written to it.
pub(super) struct Bounded<S> {
    stream: S,
    stall: Stall,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, stall: Stall::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.stall.bound(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(all: &[(HeaderName, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_secret_is_asked_for_everywhere_but_at_the_health_check() {
        let secret = SecretString::from("abc");
        let unauthorized = Some(StatusCode::UNAUTHORIZED);
        assert_eq!(refusal(&headers(&[]), Some(&secret), false), unauthorized);
        assert_eq!(refusal(&headers(&[(SECRET, "abd")]), Some(&secret), false), unauthorized);
        assert_eq!(refusal(&headers(&[(SECRET, "abc")]), Some(&secret), false), None);
        assert_eq!(refusal(&headers(&[]), Some(&secret), true), None);
        assert_eq!(refusal(&headers(&[]), None, false), None);
    }

    #[test]
    fn no_page_may_ask_and_no_other_name_leads_here() {
        for refused in [(ORIGIN, "http://127.0.0.1:3100"), (SITE, "cross-site"), (HOST, "evil.example:3100")]
        {
            assert_eq!(refusal(&headers(&[refused]), None, true), Some(StatusCode::FORBIDDEN));
        }
        for host in ["127.0.0.1:3100", "localhost:3100", "LOCALHOST", "[::1]:3100", "127.0.0.1"] {
            assert_eq!(refusal(&headers(&[(HOST, host)]), None, false), None, "{host}");
        }
    }
}
