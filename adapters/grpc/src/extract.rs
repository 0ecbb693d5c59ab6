//! From messages to the flows' inputs, validated.

use flow_edge::wire::decode::decode_value;
use flow_edge::{FlowError, RequestContext, Schema};
use tokio::time::Instant;
use tonic::{Request, Status};

use crate::reply::fault;

/// What the edge knows of a call. The deadline is the client's own, which also ends streams.
#[derive(Clone)]
pub struct Ctx {
    /// What a flow may know of it.
    pub request: RequestContext,
    /// When the client gives up, if it says so.
    pub deadline: Option<Instant>,
}

/// Takes a call apart: what the edge knows of it, and the flow's input, validated.
pub fn open<M, I: Schema + From<M>>(mut call: Request<M>) -> Result<(Ctx, I), Status> {
    let ctx = call.extensions_mut().remove::<Ctx>();
    let ctx = ctx.ok_or_else(|| fault(FlowError::internal("the procedure is outside the edge")))?;
    let input = I::from(call.into_inner());
    if input.validate().is_ok() {
        return Ok((ctx, input));
    }
    // Only now the costlier way, which words the faults as it does for JSON.
    let document = serde_json::to_value(input).map_err(|error| fault(FlowError::internal(error)))?;
    Ok((ctx, decode_value(&document).map_err(fault)?))
}

/// A text, or the schema's default where it is empty.
pub fn or(text: String, default: impl FnOnce() -> String) -> String {
    if text.is_empty() { default() } else { text }
}

/// A text, if it is not empty.
pub fn optional(text: String) -> Option<String> {
    Some(text).filter(|it| !it.is_empty())
}
