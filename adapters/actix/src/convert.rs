//! Between the framework's types and those of `http` 1: actix-web is on http 0.2 and everything else on http 1.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_http::{Method, Uri, Version};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A target, with scheme and authority where HTTP/2 has them.
pub(crate) fn uri(uri: &hyper::Uri) -> Uri {
    let text = uri.to_string();
    let bytes = Bytes::from(text);
    Uri::from_maybe_shared(bytes.clone()).unwrap_or_else(|_| {
        // http 1 lets characters outside ASCII pass. Escaped as they should have been sent, they match no
        // route here either.
        Uri::from_maybe_shared(Bytes::from(escape(&bytes))).unwrap_or_default()
    })
}

fn escape(target: &[u8]) -> String {
    let escaped = |byte: &u8| match byte {
        byte if byte.is_ascii_graphic() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    target.iter().map(escaped).collect()
}

/// A method. The old version knows fewer characters than the new one; a method that it does not take has no route either.
pub(crate) fn method(method: &hyper::Method) -> Method {
    Method::from_bytes(method.as_str().as_bytes()).unwrap_or(Method::TRACE)
}

/// A header of `http` 1 as the framework's. Both versions go by the same RFC, so neither refuses what the other holds.
fn header(
    name: &hyper::header::HeaderName,
    value: &hyper::header::HeaderValue,
) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
    Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
}

/// Headers of `http` 1 as the framework's.
pub(crate) fn headers(headers: &hyper::HeaderMap) -> HeaderMap {
    let mut copied = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter_map(|(name, value)| header(name, value)) {
        copied.append(name, value);
    }
    copied
}

/// How many names of headers are kept in both versions. The edge knows fewer.
const NAMES: usize = 32;

/// A header of `http` 1.
type Header = (hyper::header::HeaderName, hyper::header::HeaderValue);

/// What answers have in common, in both versions: sharing it costs less than converting it.
pub(crate) struct Fixed {
    /// The headers that every answer carries.
    headers: Vec<(Header, (HeaderName, HeaderValue))>,
    /// The names of the others, as they come.
    names: RefCell<Vec<(hyper::header::HeaderName, HeaderName)>>,
}

impl Fixed {
    /// Converts the headers once.
    pub(crate) fn new(fixed: &hyper::HeaderMap) -> Self {
        let both = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
            Some(((name.clone(), value.clone()), header(name, value)?))
        };
        Self { headers: fixed.iter().filter_map(both).collect(), names: RefCell::default() }
    }

    /// Puts the headers of an answer in place of the framework's. The edge adds the fixed ones in this order.
    pub(crate) fn write(&self, headers: &hyper::HeaderMap, to: &mut HeaderMap) {
        to.clear();
        let mut fixed = self.headers.iter().peekable();
        for (name, value) in headers {
            let known = fixed.next_if(|((known, _), _)| known == name);
            let shared = known.filter(|((_, known), _)| known == value).map(|(_, both)| both.clone());
            if let Some((name, value)) = shared.or_else(|| self.header(name, value)) {
                to.append(name, value);
            }
        }
    }

    fn header(
        &self,
        name: &hyper::header::HeaderName,
        value: &hyper::header::HeaderValue,
    ) -> Option<(HeaderName, HeaderValue)> {
        let mut names = self.names.borrow_mut();
        if let Some((_, known)) = names.iter().find(|it| it.0 == name) {
            return Some((known.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?));
        }
        let converted = header(name, value)?;
        if names.len() < NAMES {
            names.push((name.clone(), converted.0.clone()));
        }
        Some(converted)
    }
}

/// The framework's headers as those of `http` 1.
pub(crate) fn new_headers(headers: &HeaderMap) -> hyper::HeaderMap {
    let mut copied = hyper::HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = hyper::header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            copied.append(name, value);
        }
    }
    copied
}

/// The framework's target as one of `http` 1.
pub(crate) fn new_uri(uri: &Uri) -> hyper::Uri {
    // The old version takes no more than the new one does.
    match (uri.authority(), uri.path_and_query()) {
        // Most requests: no text is written and read for them.
        (None, Some(path)) => {
            let path = Bytes::copy_from_slice(path.as_str().as_bytes());
            hyper::http::uri::PathAndQuery::from_maybe_shared(path).map(hyper::Uri::from).unwrap_or_default()
        }
        _ => hyper::Uri::try_from(uri.to_string()).unwrap_or_default(),
    }
}

/// The framework's version of the protocol as one of `http` 1.
pub(crate) fn new_version(version: Version) -> hyper::Version {
    match version {
        Version::HTTP_2 => hyper::Version::HTTP_2,
        Version::HTTP_11 => hyper::Version::HTTP_11,
        _ => hyper::Version::HTTP_10,
    }
}

/// An answer's body, as hyper and the edge take it.
pub(crate) struct ResponseBody(pub(crate) BoxBody);

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        // The framework's errors stay on one thread; their text may leave it.
        self.0
            .as_pin_mut()
            .poll_next(cx)
            .map(|chunk| chunk.map(|it| it.map(Frame::data).map_err(|error| error.to_string().into())))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0.size(), BodySize::None | BodySize::Sized(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(length) => SizeHint::with_exact(length),
            BodySize::Stream => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_only_one_of_the_two_versions_takes_is_escaped() {
        let copied = |target: &str| uri(&target.parse().unwrap()).to_string();
        assert_eq!(copied("/flows/caf\u{e9}?a=\u{e9}"), "/flows/caf%C3%A9?a=%C3%A9");
        assert_eq!(copied("http://x:1/health?a=%ff"), "http://x:1/health?a=%ff");
        assert_eq!(copied("*"), "*");
    }
}
