//! A list of models, of which the next is asked when one cannot answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::error::ModelError;
use crate::model::{Model, ModelRequest, ModelResponse, ModelStream};
use crate::resilience::until;
use crate::trace::TARGET;
use flow_metrics::FALLBACKS;

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

    async fn ask<T, W>(
        &self,
        request: &ModelRequest,
        ask: impl Fn(Arc<dyn Model>, ModelRequest) -> W,
    ) -> Result<T, ModelError>
    where
        W: Future<Output = Result<T, ModelError>>,
    {
        let end = Instant::now() + self.timeout;
        let end = request.deadline.map_or(end, |it| it.min(end));
        let all = std::iter::once(&self.first).chain(&self.others);
        let mut outcome: Result<T, ModelError> = Err(ModelError::NotConfigured);
        for (nth, model) in all.clone().enumerate() {
            if let (Err(error), true) = (&outcome, nth > 0) {
                if !is_providers_fault(error) || Instant::now() >= end {
                    break;
                }
                tracing::info!(target: TARGET, model = model.name(), %error, "asking another model");
                metrics::counter!(FALLBACKS.name, "gen_ai.request.model" => model.name().to_owned())
                    .increment(1);
            }
            // This one and those that can still be asked share what time is left.
            let later = all.clone().skip(nth + 1).filter(|it| it.is_available()).count();
            let shares = u32::try_from(later + 1).unwrap_or(u32::MAX);
            let now = Instant::now();
            let deadline = now + end.saturating_duration_since(now) / shares;
            let request = ModelRequest { deadline: Some(deadline), ..request.clone() };
            outcome = until(deadline, ask(model.clone(), request)).await;
            if outcome.is_ok() {
                break;
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
        self.ask(request, |model, request| async move { model.generate(&request).await }).await
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        self.ask(request, |model, request| async move { model.stream(&request).await }).await
    }
}

/// Whether another provider may succeed.
fn is_providers_fault(error: &ModelError) -> bool {
    match error {
        // A request that one provider rejects may suit another.
        ModelError::Rejected { .. }
        | ModelError::Unreachable { .. }
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
