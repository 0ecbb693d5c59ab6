//! A model that needs no network: deterministic, and able to do what the real ones do.
//!
//! It streams word by word, calls the first tool it is offered once and answers with the result, and fills any JSON
//! Schema. The same conversation always gets the same answer. What it says is plain; an application that wants
//! better answers hands them in with [`Demo::with_answers`].

mod input;
mod question;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::message::{Message, Part, Role, ToolRequest};
use flow_runtime::model::{
    FinishReason, Model, ModelChunk, ModelConfig, ModelRequest, ModelResponse, ModelStream, Usage,
};
use flow_runtime::{CompiledSchema, ModelError};
use futures_util::{StreamExt as _, stream};
use schema_example::example_with;
use serde_json::{Map, Value};

use crate::options;
pub use question::Question;
use words::Answers;

/// The demo model's full name.
pub const NAME: &str = "demo";

/// Streamed words come this far apart unless [`Demo::chunk_delay`] says otherwise.
const CHUNK_DELAY: Duration = Duration::from_millis(15);

/// The demo model; cloning it is cheap.
#[derive(Clone)]
pub struct Demo {
    name: Arc<str>,
    chunk_delay: Duration,
    answers: Arc<Answers>,
}

impl Demo {
    /// A demo model without answers of its own.
    pub fn new() -> Self {
        Self { name: NAME.into(), chunk_delay: CHUNK_DELAY, answers: Arc::new(|_| None) }
    }

    /// Asks `answers` first. For `None` the model makes up a plain text.
    #[must_use]
    pub fn with_answers(
        self,
        answers: impl Fn(&Question<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { answers: Arc::new(answers), ..self }
    }

    /// The same under another name, to stand in for a model that cannot be asked offline.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Pauses this long before each streamed word. Unary answers never wait.
    #[must_use]
    pub fn chunk_delay(self, chunk_delay: Duration) -> Self {
        Self { chunk_delay, ..self }
    }

    fn answer(&self, request: &ModelRequest) -> ModelResponse {
        let question = Question::of(request);
        let example = |schema| {
            example_with(schema, &|name, index| words::property(&question, &*self.answers, name, index))
        };
        let part = match request.tools.first() {
            // One call shows that calling works. After a tool result it answers.
            Some(tool) if question.tool_results.is_empty() => Part::ToolRequest {
                tool_request: ToolRequest {
                    name: tool.name.clone(),
                    reference: Some("demo-1".into()),
                    input: example(tool.input_schema.value()),
                },
                metadata: Map::new(),
            },
            _ => Part::text(match &request.output_schema {
                Some(wanted) => with_numbers(&question.text, example(wanted.value()), wanted).to_string(),
                None => words::prose(&question, &*self.answers),
            }),
        };
        let message = Message::new(Role::Model, vec![part]);
        let usage = Usage {
            input_tokens: tokens(&request.messages),
            output_tokens: tokens(std::slice::from_ref(&message)),
            ..Usage::default()
        };
        ModelResponse {
            message,
            finish_reason: FinishReason::Stop,
            usage,
            earlier_text: String::new(),
            model: NAME.into(),
            history: Arc::default(),
        }
    }
}

#[async_trait]
impl Model for Demo {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs_guard(&self) -> bool {
        false
    }

    fn check(&self, config: &ModelConfig) -> Result<(), ModelError> {
        options::check(config)
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(self.answer(request))
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let response = self.answer(request);
        let words: Vec<String> = response.text().split_inclusive(' ').map(str::to_owned).collect();
        let delay = self.chunk_delay;
        let text = stream::iter(words).then(move |word| async move {
            // A timer rounds up to its next tick, so that even a sleep of zero would take a millisecond.
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(ModelChunk::Text(word))
        });
        let end = stream::once(async { Ok(ModelChunk::Done(response)) });
        Ok(ModelStream::new(NAME, text.chain(end)))
    }
}

impl Default for Demo {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Demo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Demo").field("chunk_delay", &self.chunk_delay).finish_non_exhaustive()
    }
}

/// The same answer with the numbers that stand in the input behind the names of its members, where the schema lets them.
fn with_numbers(text: &str, mut answer: Value, schema: &CompiledSchema) -> Value {
    let numbers: Vec<_> =
        answer.as_object().into_iter().flatten().filter(|(_, value)| value.is_number()).collect();
    let names: Vec<String> = numbers.into_iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let letters = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let found = input::labelled(text, &letters).and_then(|it| it.split_whitespace().next()?.parse().ok());
        let Some(number) = found.and_then(serde_json::Number::from_f64) else { continue };
        let before = std::mem::replace(&mut answer[&name], Value::Number(number));
        if !schema.violations(&answer).is_empty() {
            answer[&name] = before;
        }
    }
    answer
}

/// Counts words, since a word is about a token.
fn tokens(messages: &[Message]) -> u64 {
    messages.iter().map(|it| it.joined_text().split_whitespace().count() as u64).sum()
}
