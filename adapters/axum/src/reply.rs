//! The typed way out: axum responders over core's bytes.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
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
pub(crate) struct Fault(pub(crate) Arc<FlowError>);

impl From<FlowError> for Fault {
    fn from(error: FlowError) -> Self {
        Self(Arc::new(error))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

impl<T: Schema> IntoResponse for Output<T> {
    fn into_response(self) -> Response {
        Raw(Reply::json(200, &self.0)).into_response()
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let mut response = Body::from_stream(self.0.map(Ok::<_, std::convert::Infallible>)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(sse::CONTENT_TYPE));
        for (name, value) in sse::HEADERS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

impl IntoResponse for FlowAnswer {
    fn into_response(self) -> Response {
        match self.0 {
            FlowReply::Result(result) => Raw(Reply::json(200, &result)).into_response(),
            FlowReply::Stream(stream) => Events(*stream).into_response(),
        }
    }
}

impl IntoResponse for Raw {
    fn into_response(self) -> Response {
        let Reply { status, content_type, headers, body } = self.0;
        let mut response = Body::from(body).into_response();
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
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
pub(crate) fn set(response: &mut Response, (name, value): Header) {
    if let Ok(value) = HeaderValue::from_maybe_shared(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
