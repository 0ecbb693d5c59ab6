//! Flows by name: the Genkit client protocol at `POST /flows/{flow}` (`docs/contract.md`, "Genkit client protocol").

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value};

use super::accept::is_zero_weight;
use super::answer;
use super::body::Answer;
use super::decode::{collect, decode_any, decode_value};
use super::frame::Outcome;
use super::sse::{self, EventStream};
use crate::context::RequestContext;
use crate::error::{ErrorKind, FlowError};
use crate::flow::{Chunk, FlowStream, Partial, StreamEvent};
use crate::schema::Schema;

/// What a flow called by name answers with: `{"result": …}`, or a stream of `{"message": …}` that ends with it.
pub struct FlowReply(pub Answer);

/// The call of a flow by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    data: Value,
    /// Whether the client asks for a stream: by its `Accept` header or by `?stream=true`.
    pub wants_stream: bool,
}

impl Envelope {
    /// The call with this input, for callers that are no clients.
    pub fn new(data: Value, wants_stream: bool) -> Self {
        Self { data, wants_stream }
    }

    /// Reads the envelope `{"data": <input>}` from a request, whatever its content type: some of Genkit's clients send
    /// none, others `text/plain`. A missing `data` means all defaults.
    pub async fn read<S, E>(
        ctx: &RequestContext,
        accept: Option<&[u8]>,
        query: Option<&str>,
        body: S,
    ) -> Result<Self, FlowError>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let body = collect(body, ctx.max_body_size()).await?;
        Ok(Self { data: open(&body)?, wants_stream: wants_stream(accept, query) })
    }

    /// Reads the input, and points at its faults from the body's root.
    pub fn input<T: Schema>(&self) -> Result<T, FlowError> {
        decode_value(&self.data).map_err(|mut error| {
            for violation in &mut error.violations {
                violation.pointer.insert_str(0, "/data");
            }
            error
        })
    }

    /// Answers with a result. A flow that does not stream answers a request for a stream with its result alone.
    pub async fn answer<T: Schema>(&self, ctx: &RequestContext, result: T) -> Result<FlowReply, FlowError> {
        if self.wants_stream {
            let only: FlowStream<T, Partial> =
                Box::pin(stream::once(async { Ok(StreamEvent::Done(result)) }));
            return self.stream(ctx, only).await;
        }
        Ok(FlowReply(answer::json(&Outcome { result: &result, finish_reason: None })))
    }

    /// Answers with a stream, or with its end alone where no stream was asked for.
    pub async fn stream<T: Schema, C: Chunk<T>>(
        &self,
        ctx: &RequestContext,
        flow: FlowStream<T, C>,
    ) -> Result<FlowReply, FlowError> {
        if !self.wants_stream {
            let result = last(flow).await?;
            return Ok(FlowReply(answer::json(&Outcome { result: &result, finish_reason: None })));
        }
        Ok(FlowReply(EventStream::start_genkit(ctx, flow).await?.into_answer()))
    }

    /// The error of a name that no flow has.
    pub fn unknown_flow() -> FlowError {
        FlowError::new(ErrorKind::NotFound, "There is no flow of this name.")
    }
}

/// Takes the input out of the envelope.
fn open(body: &[u8]) -> Result<Value, FlowError> {
    match decode_any(body)? {
        Value::Object(mut members) => Ok(match members.shift_remove("data") {
            // Some of the official clients send null where there is no input.
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(data) => data,
        }),
        _ => Err(FlowError::new(ErrorKind::Malformed, "The body must be an object {\"data\": <input>}.")),
    }
}

fn wants_stream(accept: Option<&[u8]>, query: Option<&str>) -> bool {
    let accepts = accept.is_some_and(|it| {
        it.split(|byte| *byte == b',').any(|range| {
            let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let essence = parts.next().unwrap_or_default();
            essence.eq_ignore_ascii_case(sse::CONTENT_TYPE.as_bytes()) && !parts.any(is_zero_weight)
        })
    });
    accepts || query.is_some_and(|it| it.split('&').any(|pair| pair == "stream=true"))
}

async fn last<T, C>(mut flow: FlowStream<T, C>) -> Result<T, FlowError> {
    while let Some(event) = flow.next().await {
        if let StreamEvent::Done(result) = event? {
            return Ok(result);
        }
    }
    Err(FlowError::internal("the flow's stream ended without a result"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        assert_eq!(open(b"{}").unwrap(), json!({}));
        assert_eq!(open(b"{\"data\":[1]}").unwrap(), json!([1]));
        assert_eq!(open(b"[]").unwrap_err().kind, ErrorKind::Malformed);
    }
}
