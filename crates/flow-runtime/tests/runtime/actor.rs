//! A model that fails on demand, and a runtime that guards it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::message::{Message, Role};
use flow_runtime::model::{FinishReason, ModelRequest, Usage};
use flow_runtime::{
    CircuitState, Generate, Model, ModelChunk, ModelError, ModelEvent, ModelResponse, ModelStream,
    Resilience, Runtime,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What a scripted model does with one call.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Answer,
    Fail(ModelError),
    Silence,
    /// One piece of text, and then this.
    BreakOff(ModelError),
}

/// Does one act after the other, then answers; remembers when it was asked.
pub(crate) struct Actor {
    name: &'static str,
    pub(crate) acts: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<Instant>>,
}

impl Actor {
    pub(crate) fn new(name: &'static str, acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self { name, acts: Mutex::new(acts.into_iter().collect()), asked: Mutex::default() })
    }

    fn next(&self) -> Act {
        self.asked.lock().unwrap().push(Instant::now());
        self.acts.lock().unwrap().pop_front().unwrap_or(Act::Answer)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().windows(2).map(|it| it[1] - it[0]).collect()
    }

    fn response(&self) -> ModelResponse {
        let message = Message::text(Role::Model, self.name);
        ModelResponse {
            message,
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            earlier_text: String::new(),
            model: "actor".into(),
            history: Arc::default(),
        }
    }
}

#[async_trait]
impl Model for Actor {
    fn name(&self) -> &str {
        self.name
    }

    async fn generate(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        match self.next() {
            Act::Answer => Ok(self.response()),
            Act::Fail(error) | Act::BreakOff(error) => Err(error),
            Act::Silence => std::future::pending().await,
        }
    }

    /// Unlike a provider's it resolves at once and fails in the stream.
    async fn stream(&self, _: &ModelRequest) -> Result<ModelStream, ModelError> {
        let text = Ok(ModelChunk::Text(self.name.to_owned()));
        let events = match self.next() {
            Act::Answer => vec![text, Ok(ModelChunk::Done(self.response()))],
            Act::Fail(error) => vec![Err(error)],
            Act::BreakOff(error) => vec![text, Err(error)],
            Act::Silence => return Ok(ModelStream::new(self.name, stream::pending())),
        };
        Ok(ModelStream::new(self.name, stream::iter(events)))
    }
}

pub(crate) fn broken() -> ModelError {
    ModelError::upstream("HTTP 500")
}

pub(crate) fn quota(seconds: u64) -> ModelError {
    ModelError::Quota { retry_after: Some(Duration::from_secs(seconds)) }
}

pub(crate) fn failures(count: usize) -> Vec<Act> {
    vec![Act::Fail(broken()); count]
}

pub(crate) fn guarded(actor: &Arc<Actor>, resilience: Resilience) -> Runtime {
    Runtime::builder().default_model(actor.clone()).resilience(resilience).build().unwrap()
}

pub(crate) fn breaker_alone() -> Resilience {
    Resilience { retry: None, ..Resilience::default() }
}

pub(crate) fn retry_alone() -> Resilience {
    Resilience { breaker: None, ..Resilience::default() }
}

pub(crate) fn circuit(runtime: &Runtime) -> CircuitState {
    runtime.circuits().next().unwrap().1
}

pub(crate) async fn ask(runtime: &Runtime) -> Result<String, ModelError> {
    runtime.generate(Generate::new().prompt("Hello.")).await.map(|it| it.text())
}

/// The text that came, and how it ended.
pub(crate) async fn read(runtime: &Runtime) -> (String, Result<(), ModelError>) {
    let mut text = String::new();
    let mut events = runtime.stream(Generate::new().prompt("Hello."));
    while let Some(event) = events.next().await {
        match event {
            Ok(ModelEvent::Text(more)) => text.push_str(&more),
            Ok(ModelEvent::Done(_)) => return (text, Ok(())),
            Err(error) => return (text, Err(error)),
        }
    }
    panic!("neither an end nor an error")
}
