//! An answer from the cache, and the hash under which it is found.
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin ends")]
#![allow(missing_docs, reason = "the macros write functions without any")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use benches::{Input, Output, at_once, keep, runtime, warm};
use flow_edge::schema::TypeInfo;
use flow_edge::{FlowError, FlowInfo, OperationInfo, RequestContext};
use flow_runtime::{
    CacheSettings, CallKey, CallScope, ModelError, Prompts, Resilience, ResponseCache, Runtime, Sessions,
};
use flow_service::{FlowDeps, FlowRunner, RuntimeSlot};
use gungraun::{library_benchmark, library_benchmark_group, main};

const FLOW: FlowInfo = FlowInfo {
    name: "translate_text",
    unary: Some(OperationInfo { route: "/translate", summary: "Translates a text." }),
    streamed: None,
    form: None,
    cached: true,
    input: TypeInfo::of::<Input>(),
    output: TypeInfo::of::<Output>(),
};

fn scope() -> CallScope {
    CallScope::new("googleai/gemini-flash-latest", &"0.1.0").unwrap()
}

fn key_of(scope: &CallScope, input: &Input) -> CallKey {
    scope.key(FLOW.name, [0; 32], input).unwrap()
}

fn hashing() -> &'static (CallScope, Input) {
    let state = keep((scope(), Input::default()));
    warm(|| key_of(&state.0, &state.1));
    state
}

// The hash over an input of 1 KB, which it puts into JSON first. valgrind knows none of the instructions for SHA-256,
// so the hash costs less on a processor that has them.
#[library_benchmark]
#[bench::input_1_kb(setup = hashing)]
fn key((scope, input): &'static (CallScope, Input)) -> CallKey {
    black_box(key_of(scope, black_box(input)))
}

type Cached = (ResponseCache<FlowError>, CallKey);

fn cached() -> &'static Cached {
    let _ = runtime();
    let (cache, key) = (ResponseCache::new(&CacheSettings::default()), key_of(&scope(), &Input::default()));
    let answer = serde_json::to_string(&Output::default()).unwrap();
    at_once(cache.get_or_compute(key, async move { Ok(answer.into()) })).unwrap();
    warm(|| cache.get(&key).unwrap());
    keep((cache, key))
}

// The look-up alone, by a key that is made.
#[library_benchmark]
#[bench::hit(setup = cached)]
fn get((cache, key): &'static Cached) -> Option<Arc<str>> {
    black_box(cache.get(black_box(key)))
}

async fn run(_: Runtime, _: RequestContext, input: Input) -> Result<Output, FlowError> {
    Ok(Output { text: input.text, username: None })
}

fn call(runner: &FlowRunner, ctx: &RequestContext, input: Input) -> Result<Output, FlowError> {
    at_once(runner.call(&FLOW, ctx, input, run))
}

type Answered = (&'static FlowRunner, &'static RequestContext, Input);

fn answered(cache: bool) -> Answered {
    let _ = runtime();
    let deps = FlowDeps {
        version: "0.1.0",
        models: Vec::new(),
        defaults: BTreeMap::new(),
        prompts: Arc::new(Prompts::default()),
        find_model: Arc::new(|_| Err(ModelError::NotConfigured)),
        resilience: Resilience::default(),
        cache: cache.then(|| ResponseCache::new(&CacheSettings::default())),
        sessions: Sessions::default(),
        stream_join: Vec::new(),
        ready: true,
        measured: false,
        shared_is_up: None,
        runtime: RuntimeSlot::default(),
    };
    let runner = keep(FlowRunner::new(&[FLOW], deps, Ok).unwrap());
    let ctx = keep(RequestContext::detached());
    warm(|| call(runner, ctx, Input::default()).unwrap());
    (runner, ctx, Input::default())
}

// A whole hit: the key, the look-up, the answer read back into its type. Beside it a flow of nothing without a cache.
#[library_benchmark(setup = answered)]
#[bench::hit(true)]
#[bench::no_cache(false)]
fn flow((runner, ctx, input): Answered) -> Result<Output, FlowError> {
    black_box(call(runner, ctx, black_box(input)))
}

library_benchmark_group!(name = group, benchmarks = [key, get, flow]);
main!(library_benchmark_groups = group);
