//! A request's head, as adapters show it.

use std::net::IpAddr;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

/// Probes: exempt from API keys and rate limits, and answered while draining.
pub const PROBES: [&str; 4] = ["/health", "/healthz", "/ready", "/readyz"];

/// How much of a path is logged, in bytes. No route is longer.
const LONGEST_PATH: usize = 256;

/// How much of a method is logged, in bytes. No registered one is longer.
const LONGEST_METHOD: usize = 20;

/// A request's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target. HTTP/2's `:authority` and that of an absolute form are in it.
    pub uri: &'a Uri,
    /// The protocol's version: some headers are forbidden in HTTP/2, some unknown in HTTP/1.0.
    pub version: Version,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The address at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// Whether the connection itself is encrypted.
    pub encrypted: bool,
}

impl<'a> Head<'a> {
    /// The head of a request that came over a connection in clear text.
    pub fn new(
        method: &'a Method,
        uri: &'a Uri,
        version: Version,
        headers: &'a HeaderMap,
        peer: Option<IpAddr>,
    ) -> Self {
        Self { method, uri, version, headers, peer, encrypted: false }
    }

    /// The same of a request of the `http` crate.
    pub fn of<B>(request: &'a Request<B>, peer: Option<IpAddr>) -> Self {
        Self::new(request.method(), request.uri(), request.version(), request.headers(), peer)
    }

    /// The path as it was sent, without query.
    pub(super) fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The first line of a header.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&'a [u8]> {
        self.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// Every line of a header, in their order.
    pub(super) fn lines(&self, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
        self.headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    /// As much of the path as one line of the log may hold.
    pub(super) fn logged_path(&self) -> &'a str {
        let path = self.path();
        &path[..path.floor_char_boundary(LONGEST_PATH)]
    }

    /// As much of the method.
    pub(super) fn logged_method(&self) -> &'a str {
        let method = self.method.as_str();
        &method[..method.len().min(LONGEST_METHOD)]
    }

    /// Whether this is a CORS preflight.
    pub(super) fn is_preflight(&self) -> bool {
        self.method == Method::OPTIONS
            && self.headers.contains_key(ORIGIN)
            && self.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Whether the client closes the connection after this request.
    pub(super) fn asks_to_close(&self) -> bool {
        self.lines(&CONNECTION)
            .any(|line| line.split(|it| *it == b',').any(|it| it.trim_ascii().eq_ignore_ascii_case(b"close")))
    }
}

/// Requests for tests.
#[cfg(test)]
pub(super) fn request(target: &str, headers: &[(&'static str, &str)]) -> Request<()> {
    let mut request = Request::post(target).body(()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request
}
