//! How traces and metrics learn of requests. The edge itself knows neither.

use std::fmt::Debug;
use std::time::Duration;

use http::Method;

use tracing::Span;

use super::Head;

/// The target of the span of a request whose trace is not recorded, so that a filter tells it from others at no cost.
pub const UNRECORDED: &str = "flow_edge::unrecorded";

/// Is told of each request. It must not block.
pub trait Observer: Debug + Send + Sync {
    /// A request has come. Returns its ids if its trace is not recorded: its span is made with the target [`UNRECORDED`]
    /// then.
    fn unrecorded(&self, _request: &Begin<'_>) -> Option<TraceIds> {
        None
    }

    /// The span around all work for a request has been made; that of a stream is open until its end. Returns its ids if
    /// its trace is recorded.
    fn begin(&self, _span: &Span, _request: &Begin<'_>, _unrecorded: Option<&TraceIds>) -> Option<TraceIds> {
        None
    }

    /// Its answer is complete; that of a stream has begun.
    fn end(&self, span: &Span, end: &End<'_>);
}

/// A request that has come. Its method, its path and its client are in its span.
#[derive(Debug)]
pub struct Begin<'a> {
    /// Its head.
    pub head: &'a Head<'a>,
    /// Whether it asks for a resource or for a procedure.
    pub protocol: Protocol,
    /// Whether the client has used TLS.
    pub https: bool,
}

/// By what a trace is found, for the log. It is made for each request, so it holds its digits itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceIds {
    trace: [u8; 32],
    span: [u8; 16],
}

impl TraceIds {
    /// Of the ids' bytes.
    pub fn new(trace: [u8; 16], span: [u8; 8]) -> Self {
        let mut ids = Self { trace: [0; 32], span: [0; 16] };
        write_hex(&trace, &mut ids.trace);
        write_hex(&span, &mut ids.span);
        ids
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        // They are digits.
        std::str::from_utf8(&self.trace).unwrap_or_default()
    }

    /// 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        std::str::from_utf8(&self.span).unwrap_or_default()
    }
}

fn write_hex(bytes: &[u8], to: &mut [u8]) {
    // Without a table, which takes a fifth fewer instructions for the ids of a request.
    let digit = |half: u8| half + b'0' + u8::from(half > 9) * (b'a' - b'9' - 1);
    for (byte, digits) in bytes.iter().zip(to.chunks_exact_mut(2)) {
        digits[0] = digit(byte >> 4);
        digits[1] = digit(byte & 15);
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its status.
    pub status: Status,
    /// The path of the route that answered; of `/flows/{flow}` it is the one with the flow's name. None if there is no such
    /// route or flow, or if the request was refused before one was looked for. So there are as many as routes and flows.
    pub route: Option<&'a str>,
    /// The method, as it was sent.
    pub method: &'a Method,
    /// How long it took until now.
    pub duration: Duration,
    /// The id that its answer has.
    pub request_id: &'a str,
    /// Its trace, if there is one.
    pub trace: Option<&'a TraceIds>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A resource.
    Http,
    /// A procedure, whose path is its name.
    Rpc,
}

/// The status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// HTTP's; 499 if the client left.
    Http(u16),
    /// The canonical one (`google.rpc.Code`).
    Rpc(i32),
}

/// A method as OpenTelemetry's conventions have it: what is not registered is `_OTHER`.
pub fn method_name(method: &Method) -> &'static str {
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

/// The name of a canonical status.
pub fn rpc_status_name(status: i32) -> &'static str {
    usize::try_from(status).ok().and_then(|it| NAMES.get(it)).unwrap_or(&"UNKNOWN")
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
