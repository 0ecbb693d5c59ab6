//! The typed way out: actix-web responders over core's bytes.

use std::convert::Infallible;
use std::fmt;

use actix_web::body::{BodyStream, BoxBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use flow_core::FlowError;
use flow_core::edge::Header;
use flow_core::schema::Schema;
use flow_core::wire::genkit::FlowReply;
use flow_core::wire::{EventStream, Reply, sse};
use futures_util::StreamExt;

/// A flow's result.
pub(crate) struct Output<T>(pub(crate) T);

/// A flow's stream. It always ends with a terminal frame.
pub(crate) struct Events(pub(crate) EventStream);

/// The answer of a flow called by name: a result or a stream.
pub(crate) struct FlowAnswer(pub(crate) FlowReply);

/// An answer that core has already put into bytes.
pub(crate) struct Raw(pub(crate) Reply);

/// An error. The edge renders it, since only the edge knows the request's id and dialect.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) FlowError);

impl From<FlowError> for Fault {
    fn from(error: FlowError) -> Self {
        Self(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The framework keeps an error beside the answer made of it, and there the edge finds it.
impl ResponseError for Fault {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Responder for Fault {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::from_error(self)
    }
}

impl<T: Schema> Responder for Output<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        Raw(Reply::json(200, &self.0)).into()
    }
}

impl Responder for Events {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let body = BoxBody::new(BodyStream::new(self.0.map(Ok::<_, Infallible>)));
        let mut response = HttpResponse::with_body(StatusCode::OK, body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(sse::CONTENT_TYPE));
        for (name, value) in sse::HEADERS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

impl Responder for FlowAnswer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self.0 {
            FlowReply::Result(result) => Raw(Reply::json(200, &result)).into(),
            FlowReply::Stream(stream) => Events(*stream).respond_to(request),
        }
    }
}

impl Responder for Raw {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.into()
    }
}

impl From<Raw> for HttpResponse {
    fn from(raw: Raw) -> Self {
        let Reply { status, content_type, headers, body } = raw.0;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::with_body(status, BoxBody::new(body));
        if let Some(content_type) = content_type {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for header in headers {
            set(&mut response, header);
        }
        response
    }
}

/// Sets a header, in place of any other of its name.
pub(crate) fn set(response: &mut HttpResponse, (name, value): Header) {
    if let Ok(value) = HeaderValue::from_maybe_shared(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
