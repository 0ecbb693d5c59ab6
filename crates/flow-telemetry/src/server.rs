//! The span around a request, by OpenTelemetry's conventions for HTTP and for RPC.
//!
//! It is the edge's own span, which the log has, too. What only traces want is added to it past the log.

use flow_edge::edge::observe::{
    Begin, End, Observer, Protocol, Status, TraceIds, UNRECORDED, method_name, rpc_status_name,
};
use http::header::USER_AGENT;
use opentelemetry::trace::{Status as SpanStatus, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::platform::Cloud;
use crate::settings::Sampler;
use crate::{propagate, recorded};

/// Makes the edge's span of each request that of a server. It belongs to the caller's trace, if its headers name one.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpans {
    sampler: Sampler,
    cloud: Option<Cloud>,
}

impl ServerSpans {
    /// Records the traces that this sampler says.
    pub fn new(sampler: Sampler) -> Self {
        Self { sampler, cloud: None }
    }

    /// Reads the headers of this cloud as well, where a request has no `traceparent`.
    #[must_use]
    pub fn on(self, cloud: Option<Cloud>) -> Self {
        Self { cloud, ..self }
    }
}

impl Observer for ServerSpans {
    fn unrecorded(&self, request: &Begin<'_>) -> Option<TraceIds> {
        let caller = propagate::extract(request.head.headers, self.cloud);
        let trace = caller.as_ref().map(|it| u128::from_be_bytes(it.span.trace_id().to_bytes()));
        let trace = trace.unwrap_or_else(rand::random);
        let is_recorded = self.sampler.records(caller.and_then(|it| it.is_recorded), trace);
        (!is_recorded).then(|| TraceIds::new(trace.to_be_bytes(), rand::random()))
    }

    fn begin(
        &self,
        request_span: &Span,
        request: &Begin<'_>,
        unrecorded: Option<&TraceIds>,
    ) -> Option<TraceIds> {
        let head = request.head;
        if let Some(ids) = unrecorded {
            recorded::keep(request_span, ids, head.headers);
            return None;
        }
        if let Some(caller) = propagate::extract(head.headers, self.cloud) {
            // It fails for a span that is not traced, which needs no parent.
            let _ = request_span.set_parent(Context::new().with_remote_span_context(caller.span));
        }
        let context = request_span.context();
        let span = context.span();
        let set = |name: &'static str, value: Value| span.set_attribute(KeyValue::new(name, value));
        match request.protocol {
            Protocol::Http => {
                set("http.request.method", method_name(head.method).into());
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
        let ids = span.span_context();
        ids.is_valid().then(|| TraceIds::new(ids.trace_id().to_bytes(), ids.span_id().to_bytes()))
    }

    fn end(&self, span: &Span, end: &End<'_>) {
        if span.metadata().is_none_or(|it| it.target() == UNRECORDED) {
            return;
        }
        let context = span.context();
        let span = context.span();
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
                let name = rpc_status_name(status);
                set("rpc.response.status_code", name.into());
                SERVER_ERRORS.contains(&name).then(|| name.to_owned())
            }
        };
        if let Some(kind) = error {
            set("error.type", kind.into());
            span.set_status(SpanStatus::error(""));
        }
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

/// Those that are errors of a server's span (semantic conventions for RPC).
const SERVER_ERRORS: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];
