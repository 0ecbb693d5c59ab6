//! The log, put together as the program does it.
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin ends")]
#![allow(missing_docs, reason = "the macros write functions without any")]

use std::hint::black_box;
use std::io;

use benches::{keep, warm};
use flow_log::{Json, Lines};
use flow_runtime::trace::{CONTENT, SPANS};
use gungraun::{library_benchmark, library_benchmark_group, main};
use tracing::{Dispatch, Span};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the edge logs.
const TARGET: &str = "flow_edge::edge::call";

/// The log from here on.
fn start<W: for<'w> MakeWriter<'w> + Send + Sync + 'static>(writer: W) {
    let lines = fmt::layer().with_writer(writer).fmt_fields(Json::default()).event_format(Json::default());
    let filter = format!("warn,genkit_endpoints=info,flow_=info,adapter_=info,{SPANS}=off,{CONTENT}=off");
    let filter = EnvFilter::builder().parse(filter).unwrap();
    tracing_subscriber::registry().with(filter).with(Lines::new(lines, SPANS)).init();
}

fn formatted() {
    start(io::sink);
}

/// The log's thread writes to standard output; what it does does not count.
fn queued() {
    let (queue, guard) = flow_log::non_blocking(Dispatch::none()).unwrap();
    std::mem::forget(guard);
    start(queue);
}

/// The span of a request, with the fields that the edge gives it.
fn open() -> Span {
    tracing::error_span!(
        target: TARGET, "request",
        request_id = "0191e0c2b7a94a4c8f6b3a5d2c1e0f9a", method = "POST", path = "/tell-joke",
        client = %std::net::Ipv4Addr::new(192, 0, 2, 7),
        trace_id = tracing::field::Empty, span_id = tracing::field::Empty
    )
}

fn write(span: &Span) {
    span.in_scope(|| tracing::info!(target: TARGET, status = black_box(200_u16), duration_ms = black_box(12_u64), "answered"));
}

fn in_span(start: fn()) -> &'static Span {
    start();
    let span = open();
    warm(|| write(&span));
    keep(span)
}

// One line, within the span of its request.
#[library_benchmark(setup = in_span)]
#[bench::formatted(formatted)]
#[bench::queued(queued)]
fn line(span: &'static Span) {
    write(black_box(span));
}

fn started(start: fn()) {
    start();
    warm(|| write(&open()));
}

// All that the log costs a request: its span and its line.
#[library_benchmark(setup = started)]
#[bench::formatted(formatted)]
fn span_and_line((): ()) {
    write(&black_box(open()));
}

// A line that the filter leaves out.
#[library_benchmark]
#[bench::formatted(args = (formatted), setup = in_span)]
fn left_out(span: &'static Span) {
    span.in_scope(|| tracing::debug!(target: TARGET, status = black_box(200_u16), "answered"));
}

library_benchmark_group!(name = group, benchmarks = [line, span_and_line, left_out]);
main!(library_benchmark_groups = group);
