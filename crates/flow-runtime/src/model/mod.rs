//! The interface to a language model: the trait, the request, and the answer.

mod config;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::Stream;
use serde_json::Value;
use tokio::time::Instant;

use crate::error::ModelError;
use crate::message::{Message, Part, ToolRequest};
use crate::schema::CompiledSchema;

pub use config::{ModelConfig, ProviderOptions, Thinking, ThinkingLevel, ToolChoice};

/// Where a call keeps what its tool asks, and where the result of another call of the same turn: Genkit's names.
pub(crate) const INTERRUPT: &str = "interrupt";
pub(crate) const PENDING_OUTPUT: &str = "pendingOutput";

/// A language model.
///
/// Dropping the future or the stream must abort the call, so that nobody pays for tokens that nobody reads.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// The full name, provider first, such as `googleai/gemini-flash-latest`.
    fn name(&self) -> &str;

    /// Whether calls need a deadline, a circuit breaker and retries. A model without a network may say no.
    fn needs_guard(&self) -> bool {
        true
    }

    /// Whether it makes sense to ask now. A model whose circuit is open says no.
    fn is_available(&self) -> bool {
        true
    }

    /// Whether these settings are well-formed, as far as it knows them. It is asked at the start, for those that are set
    /// in prompt files and as defaults.
    fn check(&self, _config: &ModelConfig) -> Result<(), ModelError> {
        Ok(())
    }

    /// Asks once and waits for the whole answer.
    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError>;

    /// Asks once and yields the answer as it arrives.
    ///
    /// The stream ends with exactly one [`ModelChunk::Done`], or with an error and nothing after it.
    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError>;
}

/// An answer as it arrives, and whose it is.
pub struct ModelStream {
    /// The full name of the model that answers.
    pub model: Arc<str>,
    chunks: Pin<Box<dyn Stream<Item = Result<ModelChunk, ModelError>> + Send>>,
}

impl ModelStream {
    /// The chunks of this model's answer.
    pub fn new(
        model: impl Into<Arc<str>>,
        chunks: impl Stream<Item = Result<ModelChunk, ModelError>> + Send + 'static,
    ) -> Self {
        Self { model: model.into(), chunks: Box::pin(chunks) }
    }
}

impl Stream for ModelStream {
    type Item = Result<ModelChunk, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ModelStream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ModelStream").field("model", &self.model).finish_non_exhaustive()
    }
}

/// What a model is asked.
#[derive(Clone, Debug, Default)]
pub struct ModelRequest {
    /// The conversation so far; system messages first. Shared, so that a copy of the request is cheap.
    pub messages: Arc<Vec<Message>>,
    /// The tools it may ask for.
    pub tools: Vec<Arc<ToolDefinition>>,
    /// The JSON Schema its answer must satisfy; without one it answers in prose.
    pub output_schema: Option<CompiledSchema>,
    /// Settings; those that a model does not know are not sent to it.
    pub config: ModelConfig,
    /// Whether a stream has the model's thoughts, too. With them it has begun as soon as the model thinks.
    pub thoughts: bool,
    /// When the answer must be there, or the first piece of a streamed one, if anybody set that.
    pub deadline: Option<Instant>,
}

/// A tool as the model sees it.
#[derive(Clone, Debug)]
pub struct ToolDefinition {
    /// The name to call it by.
    pub name: String,
    /// What it does, for the model to read.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: CompiledSchema,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelResponse {
    /// The answer, tool requests included.
    pub message: Message,
    /// Why it stopped.
    pub finish_reason: FinishReason,
    /// Token usage.
    pub usage: Usage,
    /// What was streamed in the turns before this answer.
    pub earlier_text: String,
    /// The full name of the model that answered, such as `googleai/gemini-flash-latest`.
    pub model: Arc<str>,
    /// The conversation before this answer, once a runtime has led it: what was asked, and the turns with tools.
    pub history: Arc<Vec<Message>>,
}

/// A piece of a streamed answer, as a model gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelChunk {
    /// More text.
    Text(String),
    /// More of what the model thinks, where [`ModelRequest::thoughts`] asks for it.
    Thought(String),
    /// The end: the whole answer, its text included.
    Done(ModelResponse),
}

/// Why a model stopped without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It had finished.
    Stop,
    /// It reached the longest answer allowed.
    Length,
    /// A tool waits for an answer from outside; see [`ModelResponse::interrupts`].
    Interrupted,
    /// It stopped for a reason the provider does not map to one of these.
    Other,
}

impl FinishReason {
    /// As Genkit names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Interrupted => "interrupted",
            Self::Other => "other",
        }
    }
}

/// Tokens read and written, as far as the provider tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub input_tokens: u64,
    /// Tokens of the answer, thinking included.
    pub output_tokens: u64,
    /// Those of the answer that were thoughts.
    pub thinking_tokens: u64,
    /// Those of the request that the provider had cached.
    pub cached_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.thinking_tokens += other.thinking_tokens;
        self.cached_tokens += other.cached_tokens;
    }
}

impl ModelResponse {
    /// The text of the answer; of a streamed one, all that was streamed.
    pub fn text(&self) -> String {
        if self.earlier_text.is_empty() {
            return self.message.joined_text();
        }
        let mut text = self.earlier_text.clone();
        text.push_str(&self.message.joined_text());
        text
    }

    /// The whole conversation, this answer included. It can be kept as JSON and gone on with:
    /// [`Generate::messages`](crate::Generate::messages).
    pub fn messages(&self) -> Vec<Message> {
        let mut messages = Vec::with_capacity(self.history.len() + 1);
        messages.extend(self.history.iter().cloned());
        messages.push(self.message.clone());
        messages
    }

    /// The calls whose tools wait for an answer from outside, and what they ask.
    pub fn interrupts(&self) -> impl Iterator<Item = (&ToolRequest, &Value)> {
        self.message.content.iter().filter_map(|part| match part {
            Part::ToolRequest { tool_request, metadata } => Some((tool_request, metadata.get(INTERRUPT)?)),
            _ => None,
        })
    }

    /// The tool calls it asks for, in order.
    pub fn tool_requests(&self) -> impl Iterator<Item = &ToolRequest> {
        self.message.content.iter().filter_map(|part| match part {
            Part::ToolRequest { tool_request, .. } => Some(tool_request),
            _ => None,
        })
    }
}
