//! A prompt file rendered.
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin ends")]
#![allow(missing_docs, reason = "the macros write functions without any")]

use std::hint::black_box;
use std::sync::Arc;

use benches::{keep, warm};
use dotprompt::{Dotprompt, Prompt, RenderData, Rendered};
use flow_runtime::{PromptCall, Prompts, Runtime};
use gungraun::{library_benchmark, library_benchmark_group, main};
use serde::Serialize;

const FILE: &str = include_str!("review.prompt");

#[derive(Serialize)]
struct Variables {
    code: String,
    language: Option<&'static str>,
    rules: [&'static str; 3],
}

fn variables() -> Variables {
    let function =
        "fn add(a: u32, b: u32) -> Option<u32> {\n    a.checked_add(b).filter(|it| *it < 100)\n}\n\n";
    let rules = ["Name things in whole words.", "Return errors.", "Write no loop where an iterator will do."];
    Variables { code: function.repeat(10), language: Some("Rust"), rules }
}

fn data() -> RenderData {
    let serde_json::Value::Object(input) = serde_json::to_value(variables()).unwrap() else { unreachable!() };
    RenderData { input, ..RenderData::default() }
}

fn parsed() -> &'static (Prompt, RenderData) {
    let state = keep((Dotprompt::new().parse(FILE).unwrap(), data()));
    warm(|| state.0.render(&state.1).unwrap());
    state
}

// The messages of a file of 1.4 KB with 1 KB of variables.
#[library_benchmark]
#[bench::file(setup = parsed)]
fn render((prompt, data): &'static (Prompt, RenderData)) -> Rendered {
    black_box(prompt.render(black_box(data)).unwrap())
}

type Named = (Runtime, Variables);

fn named() -> &'static Named {
    let prompts = Prompts::new([("review.prompt", FILE)]).unwrap();
    let state = keep((Runtime::builder().prompts(Arc::new(prompts)).build().unwrap(), variables()));
    warm(|| state.0.prompt("review", &state.1).unwrap());
    state
}

// The same from a flow's own type to a request for a model.
#[library_benchmark]
#[bench::file(setup = named)]
fn request((runtime, variables): &'static Named) -> PromptCall {
    black_box(runtime.prompt("review", black_box(variables)).unwrap())
}

// Once for each file, when the program starts.
#[library_benchmark]
#[bench::file(setup = parsed)]
fn parse(_: &'static (Prompt, RenderData)) -> Prompt {
    black_box(Dotprompt::new().parse(black_box(FILE)).unwrap())
}

library_benchmark_group!(name = group, benchmarks = [render, request, parse]);
main!(library_benchmark_groups = group);
