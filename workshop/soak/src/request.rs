//! A request, before it is sent.

use std::time::Duration;

use bytes::Bytes;

use crate::answer::Expect;

/// One request, what its answer must be, and whether its client waits for it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub content_type: Option<&'static str>,
    pub accept_stream: bool,
    pub body: Body,
    pub expect: Expect,
    pub leave: Option<Leave>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    Whole(Bytes),
    /// The same without a `Content-Length`.
    Pieces(Vec<Bytes>),
    /// A piece after which the client sends nothing more.
    Unfinished(Bytes),
}

/// When a client leaves.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    /// So long after it sent, unless an answer has begun.
    Waiting(Duration),
    /// So long after it began to send what it never sends whole.
    Sending(Duration),
    /// So long after the first chunk of a stream.
    Streaming(Duration),
}

/// A request with a JSON body.
pub fn post(path: impl Into<String>, body: impl Into<Bytes>, expect: Expect) -> Request {
    Request {
        method: "POST",
        path: path.into(),
        content_type: Some("application/json"),
        accept_stream: false,
        body: Body::Whole(body.into()),
        expect,
        leave: None,
    }
}

/// A request without a body.
pub fn bare(method: &'static str, path: impl Into<String>, expect: Expect) -> Request {
    Request { method, content_type: None, body: Body::None, ..post(path, Bytes::new(), expect) }
}
