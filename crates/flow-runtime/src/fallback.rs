//! A list of models, of which the next is asked when one cannot answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::error::ModelError;
use crate::model::{Model, ModelRequest, ModelResponse, ModelStream};
use crate::resilience::until;
use crate::trace::TARGET;

/// Asks its models in order until one answers. Its name is that of the first.
///
/// The next one is asked if the provider is at fault or its circuit is open. It is not asked after a refusal, which
/// another model should not circumvent, nor once a part of an answer has been streamed. All models share the time
/// of one call.
pub(crate) struct Fallback {
    first: Arc<dyn Model>,
    others: Vec<Arc<dyn Model>>,
    timeout: Duration,
}

impl Fallback {
    pub(crate) fn new(first: Arc<dyn Model>, others: Vec<Arc<dyn Model>>, timeout: Duration) -> Self {
        Self { first, others, timeout }
    }

    async fn ask<'a, T, W>(&'a self, ask: impl Fn(&'a dyn Model) -> W) -> Result<T, ModelError>
    where
        W: Future<Output = Result<T, ModelError>>,
    {
        let deadline = Instant::now() + self.timeout;
        let mut outcome = until(deadline, ask(&*self.first)).await;
        for next in &self.others {
            match &outcome {
                Err(error) if is_providers_fault(error) && Instant::now() < deadline => {
                    tracing::info!(target: TARGET, model = next.name(), %error, "asking another model");
                    metrics::counter!("model_fallbacks_total", "model" => next.name().to_owned())
                        .increment(1);
                    outcome = until(deadline, ask(&**next)).await;
                }
                _ => break,
            }
        }
        outcome
    }
}

#[async_trait]
impl Model for Fallback {
    fn name(&self) -> &str {
        self.first.name()
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.ask(|model| model.generate(request)).await
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        self.ask(|model| model.stream(request)).await
    }
}

/// Whether another provider may succeed.
fn is_providers_fault(error: &ModelError) -> bool {
    match error {
        // A request that one provider rejects may suit another.
        ModelError::Rejected { .. }
        | ModelError::Upstream { .. }
        | ModelError::Quota { .. }
        | ModelError::Timeout
        | ModelError::CircuitOpen { .. }
        | ModelError::Crowded
        | ModelError::Unusable { .. }
        | ModelError::Malformed { .. }
        | ModelError::NotConfigured => true,
        ModelError::Refused { .. } | ModelError::Internal { .. } => false,
    }
}
