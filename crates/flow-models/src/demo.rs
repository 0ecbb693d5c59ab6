//! The built-in model: deterministic, offline, and able to do what the real ones do.
//!
//! It streams word by word, calls the first tool it is offered once and answers with what it learnt, and fills any
//! JSON Schema. A conversation always gets the same answer.

mod code;
mod instance;
mod number;
mod pattern;
mod prose;
mod topic;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream;

use self::topic::Topic;
use flow_runtime::ModelError;
use flow_runtime::message::{Message, Part, Role, ToolRequest};
use flow_runtime::model::{FinishReason, Model, ModelEvent, ModelRequest, ModelResponse, ModelStream, Usage};

/// The demo model's full name.
pub const NAME: &str = "demo";

/// The demo model.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    chunk_delay: Duration,
}

impl Demo {
    /// A demo model that pauses this long before each streamed word. Unary answers come at once.
    pub fn new(chunk_delay: Duration) -> Self {
        Self { chunk_delay }
    }
}

#[async_trait]
impl Model for Demo {
    fn name(&self) -> &str {
        NAME
    }

    fn needs_guard(&self) -> bool {
        false
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(answer(request))
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let response = answer(request);
        let words: Vec<String> = response.text().split_inclusive(' ').map(str::to_owned).collect();
        let delay = self.chunk_delay;
        let text = stream::iter(words).then(move |word| async move {
            // A timer rounds up to its next tick, so no delay at all must not ask for one.
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(ModelEvent::Text(word))
        });
        Ok(text.chain(stream::once(async { Ok(ModelEvent::Done(response)) })).boxed())
    }
}

fn answer(request: &ModelRequest) -> ModelResponse {
    let topic = Topic::of(request);
    let part = match request.tools.first() {
        // One call is enough to show that calling works; after the answer it is time to speak.
        Some(tool) if topic.found.is_empty() => Part::ToolRequest {
            tool_request: ToolRequest {
                name: tool.name.clone(),
                reference: Some("demo-1".into()),
                input: instance::instance(&tool.input_schema, &topic),
                signatures: Vec::new(),
            },
        },
        _ => Part::text(match &request.output_schema {
            Some(wanted) => instance::instance(&wanted.schema, &topic).to_string(),
            None => topic.prose(),
        }),
    };
    let usage = Usage { input_tokens: tokens(&request.messages), output_tokens: 0 };
    let message = Message::new(Role::Model, vec![part]);
    let usage = Usage { output_tokens: tokens(std::slice::from_ref(&message)), ..usage };
    ModelResponse { message, finish_reason: FinishReason::Stop, usage }
}

/// A word is about a token.
fn tokens(messages: &[Message]) -> u64 {
    messages.iter().map(|it| it.joined_text().split_whitespace().count() as u64).sum()
}
