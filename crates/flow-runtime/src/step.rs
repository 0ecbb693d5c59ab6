//! Named steps of a flow, visible in its trace.

use crate::trace;

/// Runs `work` as a named step of the flow, in a span of its own.
///
/// ```
/// # async fn demo() -> Result<String, flow_runtime::ModelError> {
/// let clean = flow_runtime::step("sanitize-input", async { Ok("tidy".to_owned()) }).await?;
/// # Ok(clean) }
/// ```
pub async fn step<T, E>(name: &'static str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    trace::in_span(&trace::step(name), work).await
}
