//! The span around a request, by OpenTelemetry's conventions for HTTP and for RPC.
//!
//! It is the edge's own span, which the log has, too. What only traces want is added to it past the log.

use flow_edge::edge::observe::{Begin, End, Observer, Protocol, Status, TraceIds};
use http::header::USER_AGENT;
use opentelemetry::trace::{Status as SpanStatus, TraceContextExt as _};
use opentelemetry::{KeyValue, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{propagate, recorded};

/// Makes the edge's span of each request that of a server. It belongs to the caller's trace, if its headers name one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerSpans;

impl Observer for ServerSpans {
    fn begin(&self, request_span: &Span, request: &Begin<'_>) -> Option<TraceIds> {
        let head = request.head;
        // It fails for a span that is not traced, which needs no parent.
        let _ = request_span.set_parent(propagate::extract(head.headers));
        let context = request_span.context();
        let span = context.span();
        if span.is_recording() {
            let set = |name: &'static str, value: Value| span.set_attribute(KeyValue::new(name, value));
            match request.protocol {
                Protocol::Http => {
                    set("http.request.method", known(head.method).into());
                    set("url.scheme", if request.https { "https" } else { "http" }.into());
                    set("network.protocol.version", version(head.version).into());
                    if let Some(agent) = head.headers.get(USER_AGENT).and_then(|it| it.to_str().ok()) {
                        set("user_agent.original", agent.to_owned().into());
                    }
                }
                Protocol::Rpc => {
                    set("rpc.system.name", "grpc".into()); // eject: grpc
                }
            }
        }
        if !span.is_recording() {
            recorded::leave_out(request_span);
        }
        let ids = span.span_context();
        let (trace_id, span_id) = (ids.trace_id().to_string(), ids.span_id().to_string());
        ids.is_valid().then_some(TraceIds { trace_id, span_id })
    }

    fn end(&self, span: &Span, end: &End<'_>) {
        let context = span.context();
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        let set = |name: &'static str, value: Value| span.set_attribute(KeyValue::new(name, value));
        if let Some(route) = end.route {
            set("http.route", route.to_owned().into());
        }
        let error = match end.status {
            Status::Http(status) => {
                set("http.response.status_code", i64::from(status).into());
                // A client's mistake is no error of the server's.
                (status >= 500).then(|| status.to_string())
            }
            Status::Rpc(status) => {
                let name = usize::try_from(status).ok().and_then(|it| NAMES.get(it)).unwrap_or(&"UNKNOWN");
                set("rpc.response.status_code", (*name).into());
                SERVER_ERRORS.contains(name).then(|| (*name).to_owned())
            }
        };
        if let Some(kind) = error {
            set("error.type", kind.into());
            span.set_status(SpanStatus::error(""));
        }
    }
}

/// A method as the conventions have it: what is not registered is `_OTHER`.
fn known(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "_OTHER",
    }
}

fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// The canonical statuses by their numbers.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Those that are errors of a server's span (semantic conventions for RPC).
const SERVER_ERRORS: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];
