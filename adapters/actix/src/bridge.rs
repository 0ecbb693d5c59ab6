//! Between hyper's types and the framework's: actix-web is on http 0.2 and everything else on http 1.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_http::{BoxedPayloadStream, Message, Method, Payload, Request, RequestHead, Uri, Version};
use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Response, Service, ServiceResponse};
use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::CONTENT_LENGTH;

use crate::serve::answer;

/// Calls the application with a request of hyper's. Dropping the future, or the answer, drops the flow.
pub(crate) async fn call<S>(
    app: &S,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> hyper::Response<ResponseBody>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let is_head = request.method() == hyper::Method::HEAD;
    let mut response = response(answer(app, incoming(request, peer)).await);
    // hyper leaves a body out where there must be none, but only in HTTP/1.
    if is_head {
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        response.body_mut().0 = BoxBody::new(());
    }
    response
}

/// A request as the framework takes it. Its body is read as the handler asks for it.
fn incoming(request: hyper::Request<Incoming>, peer: SocketAddr) -> Request {
    let (parts, body) = request.into_parts();
    let mut head = Message::<RequestHead>::new();
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).unwrap_or_default();
    head.uri = uri(&parts.uri);
    head.version = match parts.version {
        hyper::Version::HTTP_2 => Version::HTTP_2,
        hyper::Version::HTTP_10 => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    head.headers = headers(&parts.headers);
    head.peer_addr = Some(peer);
    let payload = if body.is_end_stream() {
        Payload::None
    } else {
        let payload: BoxedPayloadStream = Box::pin(RequestBody(body));
        Payload::Stream { payload }
    };
    Request::from(head).replace_payload(payload).0
}

/// An answer as hyper takes it.
fn response(response: Response<BoxBody>) -> hyper::Response<ResponseBody> {
    let (head, body) = response.into_parts();
    let mut response = hyper::Response::new(ResponseBody(body));
    *response.status_mut() = hyper::StatusCode::from_u16(head.status().as_u16()).unwrap_or_default();
    for (name, value) in head.headers() {
        let name = hyper::header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
        // Both versions go by the same RFC, so neither refuses what the other holds.
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The request's target, with scheme and authority where HTTP/2 has them.
fn uri(uri: &hyper::Uri) -> Uri {
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

fn headers(headers: &hyper::HeaderMap) -> HeaderMap {
    let mut copied = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            copied.append(name, value);
        }
    }
    copied
}

/// A request's body.
struct RequestBody(Incoming);

impl Stream for RequestBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = std::task::ready!(Pin::new(&mut self.0).poll_frame(cx));
            let frame = frame.map(|it| it.map(Frame::into_data));
            return Poll::Ready(match frame {
                Some(Ok(Ok(data))) => Some(Ok(data)),
                // Trailers: no flow has a use for them.
                Some(Ok(Err(_))) => continue,
                Some(Err(error)) => Some(Err(PayloadError::Io(io::Error::other(error)))),
                None => None,
            });
        }
    }
}

/// An answer's body.
pub(crate) struct ResponseBody(BoxBody);

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
