//! Spans: what a trace shows of a flow. They hold prompts and answers only where [`CONTENT`] is enabled.
//!
//! Their attributes are those of OpenTelemetry's conventions for generative AI (`gen_ai.…`) and those that Genkit's tools
//! expect (`genkit:…`). `otel.…` are what `tracing-opentelemetry` takes for a span's name, kind and status.

mod content;

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::error::ModelError;
use crate::model::{FinishReason, ModelRequest, ModelResponse};

pub use content::{CONTENT, input, output, response_json};

/// The target of every event of this crate.
pub(crate) const TARGET: &str = "genkit";

/// The target of the spans of this crate. They are for traces: a log that leaves them out saves their cost.
pub const SPANS: &str = "flow_trace";

/// The state of a span whose work did what it should.
const SUCCESS: &str = "success";

/// A span around one call of a flow.
pub fn flow(name: &str) -> Span {
    info_span!(
        target: SPANS,
        "flow",
        "otel.name" = name,
        "otel.status_code" = Empty,
        "genkit:type" = "action",
        "genkit:metadata:subtype" = "flow",
        "genkit:name" = name,
        "genkit:input" = Empty,
        "genkit:output" = Empty,
        "genkit:state" = Empty,
        "error.type" = Empty,
    )
}

/// Runs `work` inside `span` and records how it ended. A dropped `work` leaves the state unset.
pub async fn in_span<T, E>(span: &Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    if span.is_disabled() {
        return work.await;
    }
    let outcome = work.instrument(span.clone()).await;
    record(span, outcome.is_ok());
    outcome
}

/// Records how the work of a span ended.
pub fn record(span: &Span, succeeded: bool) {
    if succeeded {
        span.record("genkit:state", SUCCESS);
    } else {
        span.record("genkit:state", "error").record("otel.status_code", "ERROR");
    }
}

/// A span around the loop of model and tool calls, which a prompt file may have begun.
pub(crate) fn generate(prompt: Option<&str>) -> Span {
    info_span!(
        target: SPANS,
        "generate",
        "otel.name" = prompt.map(|it| format!("prompt {it}")),
        "otel.status_code" = Empty,
        "gen_ai.prompt.name" = prompt,
        "genkit:type" = "util",
        "genkit:name" = "generate",
        "genkit:state" = Empty,
    )
}

/// A span around one tool call.
pub(crate) fn tool(name: &str) -> Span {
    info_span!(
        target: SPANS,
        "tool",
        "otel.name" = format_args!("execute_tool {name}"),
        "otel.status_code" = Empty,
        "gen_ai.operation.name" = "execute_tool",
        "gen_ai.tool.name" = name,
        "genkit:type" = "action",
        "genkit:metadata:subtype" = "tool",
        "genkit:name" = name,
        "genkit:input" = Empty,
        "genkit:output" = Empty,
        "genkit:state" = Empty,
    )
}

/// A span around a step of a flow.
pub(crate) fn step(name: &str) -> Span {
    info_span!(
        target: SPANS,
        "step",
        "otel.name" = name,
        "otel.status_code" = Empty,
        "genkit:type" = "flowStep",
        "genkit:name" = name,
        "genkit:state" = Empty,
    )
}

/// A span around one model call.
pub(crate) fn model(name: &str, request: &ModelRequest) -> Span {
    let (provider, model) = conventional_name(name);
    let span = info_span!(
        target: SPANS,
        "model",
        "otel.name" = format_args!("chat {model}"),
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "gen_ai.operation.name" = "chat",
        "gen_ai.provider.name" = provider,
        "gen_ai.request.model" = model,
        "gen_ai.response.model" = Empty,
        "gen_ai.response.finish_reasons" = Empty,
        "gen_ai.response.time_to_first_chunk" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "gen_ai.usage.reasoning.output_tokens" = Empty,
        "gen_ai.usage.cache_read.input_tokens" = Empty,
        "gen_ai.input.messages" = Empty,
        "gen_ai.output.messages" = Empty,
        "genkit:type" = "action",
        "genkit:metadata:subtype" = "model",
        "genkit:name" = name,
        "genkit:input" = Empty,
        "genkit:output" = Empty,
        "genkit:state" = Empty,
        "error.type" = Empty,
    );
    content::request(&span, request);
    span
}

/// The first piece of a model's streamed answer has come.
pub(crate) fn first_chunk(span: &Span, time: Duration) {
    if !span.is_disabled() {
        span.record("gen_ai.response.time_to_first_chunk", time.as_secs_f64());
    }
}

/// A model has answered.
pub(crate) fn answered(span: &Span, answer: &ModelResponse, time: Duration) {
    if span.is_disabled() {
        return;
    }
    let usage = answer.usage;
    let (_, model) = answer.model.split_once('/').unwrap_or(("", &answer.model));
    tracing::record_all!(
        span,
        gen_ai.response.model = model,
        gen_ai.response.finish_reasons = finish_reason(answer),
        gen_ai.usage.input_tokens = count(usage.input_tokens),
        gen_ai.usage.output_tokens = count(usage.output_tokens),
        "genkit:state" = SUCCESS,
    );
    // What a provider does not tell is not zero.
    if usage.thinking_tokens > 0 {
        span.record("gen_ai.usage.reasoning.output_tokens", count(usage.thinking_tokens));
    }
    if usage.cached_tokens > 0 {
        span.record("gen_ai.usage.cache_read.input_tokens", count(usage.cached_tokens));
    }
    content::response(span, answer, finish_reason(answer), time);
}

/// A model has not answered.
pub(crate) fn failed(span: &Span, error: &ModelError) {
    if !span.is_disabled() {
        span.record("error.type", error.kind());
        record(span, false);
    }
}

/// The provider and the model of a full name, as the conventions name them.
pub(crate) fn conventional_name(name: &str) -> (&str, &str) {
    let (provider, model) = name.split_once('/').unwrap_or((name, name));
    (conventional(provider), model)
}

/// A count as traces hold it: OpenTelemetry has no unsigned numbers, and one would become text.
fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// A provider as the conventions name it, where they do.
fn conventional(provider: &str) -> &str {
    match provider {
        "googleai" => "gcp.gemini",
        "vertexai" => "gcp.vertex_ai",
        other => other,
    }
}

/// Why an answer ended, as the conventions name it.
fn finish_reason(answer: &ModelResponse) -> &'static str {
    match answer.finish_reason {
        _ if answer.tool_requests().next().is_some() => "tool_call",
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Interrupted => "tool_call",
        FinishReason::Other => "other",
    }
}
