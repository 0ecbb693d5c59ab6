//! From bytes to an input, and from an answer, an error or a stream to bytes.
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin ends")]
#![allow(missing_docs, reason = "the macros write functions without any")]

use std::hint::black_box;

use benches::{CHUNK, CHUNKS, Input, JSON, Output, at_once, keep, runtime, warm};
use flow_edge::wire::{answer, decode::decode};
use flow_edge::{Answer, EventStream, FlowError, FlowStream, RequestContext, StreamEvent};
use futures_util::{StreamExt as _, stream};
use gungraun::{library_benchmark, library_benchmark_group, main};
use tokio::runtime::Runtime;

/// A body, after it was read some times.
fn body(body: String) -> &'static str {
    warm(|| decode::<Input>(JSON, body.as_bytes()).is_ok());
    keep(body)
}

fn good() -> String {
    serde_json::to_string(&Input::default()).unwrap()
}

fn faulty() -> String {
    serde_json::json!({"text": Input::default().text, "language": 7, "count": 11}).to_string()
}

// 1.1 KB, decoded and validated; and with two faults, which are both found.
#[library_benchmark]
#[bench::good(args = (good()), setup = body)]
#[bench::two_faults(args = (faulty()), setup = body)]
fn decode_input(body: &'static str) -> Result<Input, FlowError> {
    black_box(decode::<Input>(JSON, black_box(body.as_bytes())))
}

fn context() -> &'static RequestContext {
    // A context of a request of the edge knows the application's name.
    let edge = benches::edge(|_| {});
    let request = http::Request::post("/answer").header("host", "a.example").body(()).unwrap();
    match at_once(edge.enter(flow_edge::Head::of(&request, None))) {
        flow_edge::edge::Entry::Passed(call) => keep(call.ctx.clone()),
        flow_edge::edge::Entry::Refused(..) => unreachable!("nothing refuses it"),
    }
}

fn failed(error: FlowError) -> (&'static RequestContext, &'static FlowError) {
    let ctx = context();
    warm(|| answer::error(&error, ctx));
    (ctx, keep(error))
}

// A problem document with its headers.
#[library_benchmark]
#[bench::short(args = (FlowError::no_route()), setup = failed)]
#[bench::two_faults(args = (decode::<Input>(JSON, faulty().as_bytes()).unwrap_err()), setup = failed)]
fn problem((ctx, error): (&'static RequestContext, &'static FlowError)) -> Answer {
    black_box(answer::error(black_box(error), ctx))
}

fn output() -> &'static Output {
    warm(|| answer::json(&Output::default()));
    keep(Output::default())
}

// A result of 300 bytes with its headers.
#[library_benchmark]
#[bench::short(setup = output)]
fn result(output: &'static Output) -> Answer {
    black_box(answer::json(black_box(output)))
}

fn flow() -> FlowStream<Output> {
    let chunks = stream::repeat_with(|| Ok(StreamEvent::Chunk(CHUNK.to_owned()))).take(CHUNKS + 1);
    chunks.chain(stream::once(async { Ok(StreamEvent::Done(Output::default())) })).boxed()
}

type Open = (&'static Runtime, &'static mut EventStream);

async fn open(genkit: bool) -> EventStream {
    let ctx = RequestContext::detached();
    let begun = if genkit {
        EventStream::start_genkit(&ctx, flow()).await
    } else {
        EventStream::start(&ctx, flow()).await
    };
    let mut stream = begun.unwrap();
    stream.next().await;
    stream
}

fn stream_of(genkit: bool) -> Open {
    let runtime = runtime();
    warm(|| runtime.block_on(async { open(genkit).await.count().await }));
    (runtime, Box::leak(Box::new(runtime.block_on(open(genkit)))))
}

// 100 frames. To write a frame is private, so they come through `EventStream` and the task of its flow, which makes
// each chunk when it is asked for: a text of 71 bytes.
#[library_benchmark]
#[bench::rest(args = (false), setup = stream_of)]
#[bench::genkit(args = (true), setup = stream_of)]
fn frames_100((runtime, stream): Open) -> usize {
    let bytes = stream.take(CHUNKS).fold(0, async |sum, frame| sum + black_box(frame).len());
    black_box(runtime.block_on(bytes))
}

library_benchmark_group!(name = group, benchmarks = [decode_input, problem, result, frames_100]);
main!(library_benchmark_groups = group);
