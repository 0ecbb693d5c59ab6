//! From hyper to the framework and back.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, Message, Payload, Request, RequestHead, Version};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Response, Service, ServiceResponse};
use bytes::Bytes;
use flow_edge::edge::{Lent, lend};
use futures_util::Stream;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::CONTENT_LENGTH;

use crate::application::answer;
use crate::convert::{ResponseBody, headers, method, new_headers, uri};

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
    let (parts, body) = request.into_parts();
    let (body, unread) = lend(body, parts.version, &parts.headers);
    let request = hyper::Request::from_parts(parts, body);
    let mut response = response(answer(app, incoming(request, peer)).await);
    unread.finish(response.headers_mut()).await;
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
fn incoming(request: hyper::Request<Lent<Incoming>>, peer: SocketAddr) -> Request {
    let (parts, body) = request.into_parts();
    let mut head = Message::<RequestHead>::new();
    head.method = method(&parts.method);
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
    *response.headers_mut() = new_headers(head.headers());
    response
}

/// A request's body.
struct RequestBody(Lent<Incoming>);

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
