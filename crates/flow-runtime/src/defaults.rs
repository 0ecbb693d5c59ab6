//! Settings that count for a model where a call says nothing else.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::ModelError;
use crate::model::{Model, ModelConfig, ModelRequest, ModelResponse, ModelStream};

/// A model with settings of its own.
pub(crate) struct WithDefaults {
    model: Arc<dyn Model>,
    defaults: ModelConfig,
}

impl WithDefaults {
    pub(crate) fn new(model: Arc<dyn Model>, defaults: ModelConfig) -> Self {
        Self { model, defaults }
    }

    fn request(&self, request: &ModelRequest) -> ModelRequest {
        ModelRequest { config: request.config.clone().or(&self.defaults), ..request.clone() }
    }
}

#[async_trait]
impl Model for WithDefaults {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn needs_guard(&self) -> bool {
        self.model.needs_guard()
    }

    fn is_available(&self) -> bool {
        self.model.is_available()
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.model.generate(&self.request(request)).await
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        self.model.stream(&self.request(request)).await
    }
}
