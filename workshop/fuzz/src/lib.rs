//! What several targets need.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow_edge::drain::Drain;
use flow_edge::edge::{Call, Entry};
use flow_edge::{Answer, Body, Edge, EdgeConfig, Head, RequestContext};
use futures_util::{FutureExt, Stream};
use http::Request;

/// An edge that lets everything through.
pub fn open_settings() -> EdgeConfig {
    EdgeConfig { request_timeout: Duration::from_secs(1), max_body_size: 1000, ..EdgeConfig::default() }
}

/// A request with nothing in its head.
pub fn bare_request(path: &str) -> Request<()> {
    Request::post(path).body(()).expect("a path")
}

/// The call of a request that reached its handler, or the edge's answer to it. The edge's checks need no other task.
pub fn enter(edge: &Arc<Edge>, request: &Request<()>, peer: Option<IpAddr>) -> (Call, Option<Answer>) {
    match edge.enter(Head::of(request, peer)).now_or_never().expect("never waits") {
        Entry::Passed(call) => (call, None),
        Entry::Refused(call, answer) => (call, Some(answer)),
    }
}

/// A context as an adapter gets it for each request, of a server in this phase.
pub fn context(path: &str, drain: Drain) -> RequestContext {
    let edge = Edge::new(open_settings(), drain);
    enter(&edge, &bare_request(path), None).0.ctx.clone()
}

/// A body as it arrives: in one piece, or cut in two.
pub fn arriving(body: &[u8], cut: usize) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let (first, rest) = body.split_at(cut.min(body.len()));
    let pieces = [first, rest].map(Bytes::copy_from_slice);
    futures_util::stream::iter(pieces.into_iter().filter(|it| !it.is_empty()).map(Ok))
}

/// The bytes of an answer that is no stream.
pub fn bytes(answer: &Answer) -> &[u8] {
    match answer.body() {
        Body::Whole(bytes) => bytes,
        Body::Events(_) => panic!("a stream"),
    }
}
