//! How traces learn of requests. The edge itself knows no tracing system.

use std::fmt::Debug;

use tracing::Span;

use super::Head;

/// Is told of each request. It must not block.
pub trait Observer: Debug + Send + Sync {
    /// A request has come. The span is around all work for it; that of a stream is open until its end.
    fn begin(&self, span: &Span, request: &Begin<'_>) -> Option<TraceIds>;

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

/// By what a trace is found, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceIds {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its status.
    pub status: Status,
    /// The route that answered. No route has parameters, so it is the path; none if there is no such route, or if the
    /// request was refused before one was looked for.
    pub route: Option<&'a str>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// HTTP's; 499 if the client left.
    Http(u16),
    /// The canonical one (`google.rpc.Code`).
    Rpc(i32),
}
