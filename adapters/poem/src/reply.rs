//! The typed way out: poem responders over core's bytes.

use std::fmt;
use std::io;

use flow_core::FlowError;
use flow_core::edge::Header;
use flow_core::schema::Schema;
use flow_core::wire::genkit::FlowReply;
use flow_core::wire::{EventStream, Reply, sse};
use futures_util::StreamExt;
use poem::error::ResponseError;
use poem::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaResponses, Registry};

use crate::docs;

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

impl std::error::Error for Fault {}

impl ResponseError for Fault {
    // What a client would see were the edge not there.
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl ApiResponse for Fault {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_: &mut Registry) {}
}

impl<T: Schema> IntoResponse for Output<T> {
    fn into_response(self) -> Response {
        Raw(Reply::json(200, &self.0)).into_response()
    }
}

impl<T: Schema> ApiResponse for Output<T> {
    fn meta() -> MetaResponses {
        docs::ok(vec![docs::json(T::NAME)])
    }

    fn register(registry: &mut Registry) {
        docs::register(registry, T::NAME);
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let mut response = Body::from_bytes_stream(self.0.map(Ok::<_, io::Error>)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(sse::CONTENT_TYPE));
        for (name, value) in sse::HEADERS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

impl ApiResponse for Events {
    fn meta() -> MetaResponses {
        docs::ok(vec![docs::text(sse::CONTENT_TYPE)])
    }

    fn register(_: &mut Registry) {}
}

impl IntoResponse for FlowAnswer {
    fn into_response(self) -> Response {
        match self.0 {
            FlowReply::Result(result) => Raw(Reply::json(200, &result)).into_response(),
            FlowReply::Stream(stream) => Events(*stream).into_response(),
        }
    }
}

impl ApiResponse for FlowAnswer {
    fn meta() -> MetaResponses {
        docs::ok(Vec::new())
    }

    fn register(_: &mut Registry) {}
}

impl IntoResponse for Raw {
    fn into_response(self) -> Response {
        let Reply { status, content_type, headers, body } = self.0;
        let length = body.len();
        let mut response = Body::from(body).into_response();
        response.set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        if let Some(content_type) = content_type {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            // hyper would count, but the answer to HEAD has lost its body before hyper sees it.
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        for header in headers {
            set(&mut response, header);
        }
        response
    }
}

/// Sets a header, in place of any other of its name.
pub(crate) fn set(response: &mut Response, (name, value): Header) {
    if let Ok(value) = HeaderValue::from_maybe_shared(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
