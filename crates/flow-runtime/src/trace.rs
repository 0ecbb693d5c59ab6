//! Spans with the fields that Genkit's tools expect. They hold no prompts and no answers.

use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

/// The target of every span and event of this crate.
pub(crate) const TARGET: &str = "genkit";

/// A span around the loop of model and tool calls.
pub(crate) fn generate() -> Span {
    info_span!(target: TARGET, "generate", "genkit:type" = "util", "genkit:name" = "generate", "genkit:state" = Empty)
}

/// A span around one model call.
pub(crate) fn model(name: &str) -> Span {
    info_span!(
        target: TARGET,
        "model",
        "genkit:type" = "action",
        "genkit:metadata:subtype" = "model",
        "genkit:key" = format_args!("/model/{name}"),
        "genkit:name" = name,
        "genkit:state" = Empty
    )
}

/// A span around one tool call.
pub(crate) fn tool(name: &str) -> Span {
    info_span!(
        target: TARGET,
        "tool",
        "genkit:type" = "action",
        "genkit:metadata:subtype" = "tool",
        "genkit:key" = format_args!("/tool/{name}"),
        "genkit:name" = name,
        "genkit:state" = Empty
    )
}

/// A span around a step of a flow.
pub(crate) fn step(name: &str) -> Span {
    info_span!(target: TARGET, "step", "genkit:type" = "flowStep", "genkit:name" = name, "genkit:state" = Empty)
}

/// Runs `work` inside `span` and records how it ended. A dropped `work` leaves the state unset.
pub(crate) async fn in_span<T, E>(span: Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let outcome = work.instrument(span.clone()).await;
    record(&span, outcome.is_ok());
    outcome
}

/// Records how the work of a span ended.
pub(crate) fn record(span: &Span, succeeded: bool) {
    span.record("genkit:state", if succeeded { "success" } else { "error" });
}
