//! A model that gives the answers it is told to give.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flow_runtime::message::{Message, Part, Role};
use flow_runtime::model::{FinishReason, ModelRequest, Usage};
use flow_runtime::{Model, ModelChunk, ModelError, ModelResponse, ModelStream};
use futures_util::{StreamExt as _, stream};

/// Gives its answers in order and keeps what it was asked.
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<ModelResponse>>,
    pub(crate) asked: Mutex<Vec<ModelRequest>>,
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.asked.lock().unwrap().push(request.clone());
        self.answers.lock().unwrap().pop_front().ok_or_else(|| ModelError::upstream("the script is over"))
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let response = self.generate(request).await?;
        let text = Some(response.text()).filter(|it| !it.is_empty()).map(|it| Ok(ModelChunk::Text(it)));
        let end = stream::iter([Ok(ModelChunk::Done(response))]);
        Ok(ModelStream::new("scripted", stream::iter(text).chain(end)))
    }
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = ModelResponse>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() })
    }
}

pub(crate) fn answer(content: Vec<Part>) -> ModelResponse {
    ModelResponse {
        message: Message::new(Role::Model, content),
        finish_reason: FinishReason::Stop,
        usage: Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() },
        earlier_text: String::new(),
        model: "test".into(),
        history: Arc::default(),
    }
}

pub(crate) fn text(text: &str) -> ModelResponse {
    answer(vec![Part::text(text)])
}
