//! The pass of a request through the edge, as `edge.rs` of the adapters makes it, without a framework
//! and without a log.
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin ends")]
#![allow(missing_docs, reason = "the macros write functions without any")]

use std::hint::black_box;
use std::sync::Arc;

use benches::{Input, Output, at_once, edge, keep, runtime, warm};
use bytes::Bytes;
use flow_edge::edge::{ApiKeys, EdgeConfig, Entry, Outgoing, lend};
use flow_edge::wire::{self, answer};
use flow_edge::{Answer, Body, Edge, Head};
use gungraun::{library_benchmark, library_benchmark_group, main};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use sha2::{Digest as _, Sha256};

type Incoming = Request<Full<Bytes>>;

const KEY: &str = "bb80ce1c5bb0ee8b4d5e7ecc0d7e8a2f1e4f1d0e8c7ab8f3c9d1c3c0d1f0a9b8";

/// What a handler does with the body.
#[derive(Clone, Copy)]
enum Handler {
    /// It is a probe.
    Health,
    /// Reads it, and answers with so many of the usual result.
    Answer(usize),
    /// There is no such route.
    Missing,
}

/// As `pass` of an adapter does.
async fn pass(edge: &Arc<Edge>, mut request: Incoming, handler: Handler) -> Answer {
    let (body, unread) = lend(std::mem::take(request.body_mut()), request.version(), request.headers());
    let head = Head::of(&request, Some([192, 0, 2, 7].into()));
    let (call, answer) = match edge.enter(head).await {
        Entry::Refused(call, answer) => {
            drop(body);
            (call, answer)
        }
        Entry::Passed(call) => {
            let ctx = call.ctx.clone();
            let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
            let work = async {
                match handler {
                    Handler::Health => Ok(answer::health()),
                    Handler::Missing => Err(flow_edge::FlowError::no_route()),
                    Handler::Answer(times) => {
                        let input: Input = wire::read(&ctx, content_type, body.into_data_stream()).await?;
                        let text = Output::default().text.repeat(times);
                        Ok(answer::json(&Output { text, username: input.language }))
                    }
                }
            };
            let answer = match call.run(work).await.and_then(|it| it) {
                Ok(answer) => answer,
                Err(error) => call.fail(&error),
            };
            (call, answer)
        }
    };
    let (mut parts, body) = answer.into_parts();
    unread.finish(&mut parts.headers).await;
    let body = match call.leave(parts.status, &mut parts.headers, body).await {
        Outgoing::Whole(bytes) => Body::from(bytes),
        Outgoing::Same(body) | Outgoing::Head(body) => body,
    };
    Answer::from_parts(parts, body)
}

/// With the headers of a program's client.
fn request(path: &str, gzip: bool) -> Incoming {
    let body = Bytes::from(br#"{"text":"Why did the crab cross the road?","count":1}"#.to_vec());
    let request = Request::post(path)
        .header("host", "flows.example.com")
        .header("user-agent", "python-httpx/0.28.1")
        .header("accept", "application/json")
        .header("accept-encoding", if gzip { "gzip, deflate" } else { "identity" })
        .header("connection", "keep-alive")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("content-length", body.len());
    request.body(Full::new(body)).unwrap()
}

type Passing = (&'static Arc<Edge>, Incoming, Handler);

fn passing(change: fn(&mut EdgeConfig), path: &str, handler: Handler, gzip: bool) -> Passing {
    let _ = runtime();
    let edge = keep(edge(change));
    warm(|| at_once(pass(edge, request(path, gzip), handler)));
    (edge, request(path, gzip), handler)
}

fn open(_: &mut EdgeConfig) {}

fn limited(config: &mut EdgeConfig) {
    config.rate_limit = "1000000/second".parse().ok();
}

fn keyed(config: &mut EdgeConfig) {
    config.api_keys = ApiKeys::new([Sha256::digest(KEY).into()]);
}

// To valgrind each byte that `rep stos` writes is an instruction, so gzip, which clears its tables, costs less than
// this says.
#[library_benchmark(setup = passing)]
#[bench::health(open, "/health", Handler::Health, false)]
#[bench::missing(open, "/nope", Handler::Missing, false)]
#[bench::answer(open, "/answer", Handler::Answer(1), false)]
#[bench::answer_limited(limited, "/answer", Handler::Answer(1), false)]
#[bench::answer_keyed(keyed, "/answer", Handler::Answer(1), false)]
#[bench::answer_3_kb(open, "/answer", Handler::Answer(10), false)]
#[bench::answer_3_kb_gzip(open, "/answer", Handler::Answer(10), true)]
fn passed((edge, request, handler): Passing) -> Answer {
    black_box(at_once(pass(edge, black_box(request), handler)))
}

library_benchmark_group!(name = group, benchmarks = [passed]);
main!(library_benchmark_groups = group);
