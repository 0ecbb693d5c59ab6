//! Flows by name: the Genkit client protocol at `POST /flows/{flow}` (`docs/contract.md`, "Genkit
//! client protocol").

use futures_util::StreamExt;
use serde_json::{Map, Value, json};

use super::decode::{decode_any, decode_value};
use super::sse::EventStream;
use crate::edge::{RequestContext, is_zero};
use crate::error::{ErrorKind, FlowError};
use crate::schema::Schema;
use crate::service::{FlowService, FlowStream, StreamEvent};

/// What a flow called by name answers with.
pub enum FlowReply {
    /// `{"result": …}`.
    Result(Value),
    /// A stream of `{"message": …}` and one `{"result": …}`.
    Stream(Box<EventStream>),
}

/// Whether the client asks for a stream: by its `Accept` header or by `?stream=true`.
pub fn wants_stream(accept: Option<&[u8]>, query: Option<&str>) -> bool {
    let accepts = accept.is_some_and(|it| {
        it.split(|byte| *byte == b',').any(|range| {
            let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let essence = parts.next().unwrap_or_default();
            essence.eq_ignore_ascii_case(super::sse::CONTENT_TYPE.as_bytes()) && !parts.any(is_zero)
        })
    });
    accepts || query.is_some_and(|it| it.split('&').any(|pair| pair == "stream=true"))
}

/// Takes the input out of the envelope `{"data": <input>}`. A missing `data` means all defaults.
pub fn open_envelope(content_type: Option<&[u8]>, body: &[u8]) -> Result<Value, FlowError> {
    match decode_any(content_type, body)? {
        Value::Object(mut members) => Ok(match members.shift_remove("data") {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(data) => data,
        }),
        _ => Err(FlowError::new(ErrorKind::Malformed, "The body must be an object {\"data\": <input>}.")),
    }
}

/// Calls a flow by name. A flow that does not stream answers a request for a stream with its result alone.
pub async fn call(
    flows: &dyn FlowService,
    ctx: &RequestContext,
    name: &str,
    data: &Value,
    stream: bool,
) -> Result<FlowReply, FlowError> {
    match name {
        "tell_joke" if stream => streamed(ctx, flows.tell_joke_stream(ctx, input(data)?)).await,
        "tell_joke" => unary(ctx, flows.tell_joke(ctx, input(data)?).await?, stream).await,
        "tell_story" if stream => streamed(ctx, flows.tell_story(ctx, input(data)?)).await,
        "tell_story" => unary(ctx, last(flows.tell_story(ctx, input(data)?)).await?, stream).await,
        "translate_text" => unary(ctx, flows.translate_text(ctx, input(data)?).await?, stream).await,
        "describe_image" => unary(ctx, flows.describe_image(ctx, input(data)?).await?, stream).await,
        "generate_character" => unary(ctx, flows.generate_character(ctx, input(data)?).await?, stream).await,
        "pirate_chat" => unary(ctx, flows.pirate_chat(ctx, input(data)?).await?, stream).await,
        "generate_code" => unary(ctx, flows.generate_code(ctx, input(data)?).await?, stream).await,
        "review_code" => unary(ctx, flows.review_code(ctx, input(data)?).await?, stream).await,
        _ => Err(FlowError::new(ErrorKind::NotFound, "There is no flow of this name.")),
    }
}

/// Reads the input, and points at its faults from the body's root.
fn input<T: Schema>(data: &Value) -> Result<T, FlowError> {
    decode_value(data).map_err(|mut error| {
        for violation in &mut error.violations {
            violation.pointer.insert_str(0, "/data");
        }
        error
    })
}

async fn unary<T: Schema>(ctx: &RequestContext, result: T, stream: bool) -> Result<FlowReply, FlowError> {
    if stream {
        let only = futures_util::stream::once(async { Ok(StreamEvent::Done(result)) });
        return streamed(ctx, Box::pin(only)).await;
    }
    let result = serde_json::to_value(result).map_err(FlowError::internal)?;
    Ok(FlowReply::Result(json!({"result": result})))
}

async fn streamed<T: Schema>(ctx: &RequestContext, flow: FlowStream<T>) -> Result<FlowReply, FlowError> {
    Ok(FlowReply::Stream(Box::new(EventStream::start_genkit(ctx, flow).await?)))
}

async fn last<T>(mut flow: FlowStream<T>) -> Result<T, FlowError> {
    while let Some(event) = flow.next().await {
        if let StreamEvent::Done(result) = event? {
            return Ok(result);
        }
    }
    Err(FlowError::internal("the flow's stream ended without a result"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_asked_for_by_header_or_query() {
        assert!(wants_stream(Some(b"text/html, text/event-stream;q=0.9"), None));
        assert!(wants_stream(None, Some("a=b&stream=true")));
        assert!(!wants_stream(Some(b"*/*"), Some("stream=false")));
    }

    #[test]
    fn a_stream_that_weighs_nothing_is_not_wanted() {
        for refused in ["text/event-stream;q=0", "application/json, text/event-stream ; q=0.000"] {
            assert!(!wants_stream(Some(refused.as_bytes()), None), "{refused}");
        }
        assert!(wants_stream(Some(b"text/event-stream;q=0.001"), None));
    }

    #[test]
    fn an_envelope_without_data_means_all_defaults() {
        let open = |body: &[u8]| open_envelope(Some(b"application/json"), body);
        assert_eq!(open(b"{}").unwrap(), json!({}));
        assert_eq!(open(b"{\"data\":[1]}").unwrap(), json!([1]));
        assert_eq!(open(b"[]").unwrap_err().kind, ErrorKind::Malformed);
    }
}
