//! Flows, called by name.

use std::sync::Arc;
use std::time::Duration;

use flow_edge::{Body, Envelope, FlowInfo, NamedFlows, RequestContext};
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::action::{Action, Call, Chunks, Outcome};
use crate::error::ActionError;

pub(super) fn actions<F: NamedFlows + ?Sized>(flows: &Arc<F>, timeout: Duration) -> Vec<Action> {
    flows.table().iter().map(|flow| action(flows.clone(), flow, timeout)).collect()
}

fn action<F: NamedFlows + ?Sized>(flows: Arc<F>, flow: &'static FlowInfo, timeout: Duration) -> Action {
    Action::new("flow", flow.name, move |call| run(flows.clone(), flow.name, call, timeout))
        .description(flow.summary())
        .input((flow.input.document)().clone())
        .output((flow.output.document)().clone())
}

async fn run<F: NamedFlows + ?Sized>(
    flows: Arc<F>,
    name: &'static str,
    call: Call,
    timeout: Duration,
) -> Outcome {
    let mut ctx = RequestContext::detached();
    ctx.deadline = Instant::now() + timeout;
    let input = if call.input.is_null() { Value::Object(Map::new()) } else { call.input };
    let reply = flows.call(&ctx, name, Envelope::new(input, call.chunks.is_some())).await?;
    match reply.0.into_body() {
        Body::Whole(bytes) => last(&bytes),
        Body::Events(mut events) => {
            let mut frame = Vec::new();
            while let Some(bytes) = events.next().await {
                frame.extend_from_slice(&bytes);
                // A frame ends with an empty line; a heartbeat may come before it.
                let Some(whole) = frame.strip_suffix(b"\n\n") else { continue };
                let json = whole.trim_ascii_start().strip_prefix(b"data:").unwrap_or(whole);
                let Some(chunk) = chunk(json) else { return last(json) };
                send(call.chunks.as_ref(), chunk).await?;
                frame.clear();
            }
            Err(ActionError::new(13, "the flow's stream ended without a result"))
        }
    }
}

async fn send(chunks: Option<&Chunks>, chunk: Value) -> Result<(), ActionError> {
    match chunks {
        Some(chunks) => chunks.send(chunk).await,
        None => Ok(()),
    }
}

/// The chunk in a frame, if it has one.
fn chunk(json: &[u8]) -> Option<Value> {
    match serde_json::from_slice(json).ok()? {
        Value::Object(mut members) => members.shift_remove("message"),
        _ => None,
    }
}

/// The end of an answer: a result or an error.
fn last(json: &[u8]) -> Outcome {
    let unreadable = |_| ActionError::new(13, "the flow's answer cannot be read");
    let mut end: Map<String, Value> = serde_json::from_slice(json).map_err(unreadable)?;
    match end.get("error") {
        Some(error) => Err(ActionError::of_frame(error)),
        None => Ok(end.shift_remove("result").unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frame_is_a_chunk_a_result_or_a_failure() {
        assert_eq!(chunk(br#"  {"message":"a"}"#), Some(json!("a")));
        assert_eq!(chunk(br#"{"result":1}"#), None);
        assert_eq!(last(br#"{"result":{"a":1},"finish_reason":"length"}"#), Ok(json!({"a": 1})));
        let failed = last(br#"{"error":{"status":"UNAVAILABLE","message":"later"}}"#).unwrap_err();
        assert_eq!((failed.code, &*failed.message), (14, "later"));
        assert_eq!(last(b"x").unwrap_err().code, 13);
    }
}
