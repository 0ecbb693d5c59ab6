//! The runtime that a program builds once: models and tools.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Span;

use crate::breaker::CircuitState;
use crate::error::ModelError;
pub use crate::generate::conversation::Progress;
use crate::generate::conversation::{Conversation, Observer, Tooling};
use crate::generate::event::{Events, GenerateEvent, ModelEvent, ModelEvents, OutputEvent};
use crate::generate::resume::{insert_history, resume};
use crate::generate::stream_as::stream_as;
use crate::generate::{Generate, once, streamed, structured};
use crate::model::{Model, ModelChunk, ModelRequest, ModelResponse};
use crate::model_call::Meters;
use crate::prompts::Prompts;
use crate::resilience::Resilient;
use crate::schema::OutputSpec;
use crate::session::{Session, Sessions};
use crate::state::{State, ToolContext};
use crate::tool::{Tool, ToolOutcome};
use crate::trace;

/// Models and tools; cloning it is cheap.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
    tenant: Option<Arc<[u8]>>,
    state: State,
    observer: Option<Observer>,
}

/// What a [`RuntimeBuilder`](crate::RuntimeBuilder) made.
pub(crate) struct Inner {
    pub(crate) default_model: Option<Arc<dyn Model>>,
    pub(crate) models: HashMap<String, Arc<dyn Model>>,
    pub(crate) guarded: Vec<Arc<Resilient>>,
    pub(crate) tools: HashMap<String, Tool>,
    pub(crate) tool_timeout: Duration,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) sessions: Sessions,
    pub(crate) meters: Arc<Meters>,
}

impl Runtime {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), deadline: None, tenant: None, state: State::default(), observer: None }
    }

    /// Asks a model and waits for its whole answer, running the tools it calls.
    ///
    /// With an output schema the answer's text is JSON that satisfies it; without, it is text that is not empty.
    pub async fn generate(&self, request: Generate) -> Result<ModelResponse, ModelError> {
        let schema = request.output.clone();
        let span = trace::generate(request.prompt_file.as_deref());
        let work = async {
            let mut conversation = self.conversation(request).await?;
            let response = match schema {
                Some(schema) => structured::structured(&mut conversation, &schema, Ok).await?.1,
                None => structured::ask_for_text(&mut conversation).await?,
            };
            conversation.keep(&response).await?;
            Ok(response)
        };
        trace::in_span(&span, work).await
    }

    /// Asks a model for an answer of the given shape and reads it into its type.
    pub async fn generate_as<T: DeserializeOwned>(
        &self,
        request: Generate,
        spec: &OutputSpec<T>,
    ) -> Result<T, ModelError> {
        let span = trace::generate(request.prompt_file.as_deref());
        let work = async {
            let mut conversation = self.conversation(request.output_schema(spec.schema())).await?;
            let read = |value| spec.read(value);
            let (typed, response) = structured::structured(&mut conversation, spec.schema(), read).await?;
            conversation.keep(&response).await?;
            Ok(typed)
        };
        trace::in_span(&span, work).await
    }

    /// Asks a model and streams its answer: text as it arrives, then `Done` with the whole answer.
    ///
    /// Tools run in between. Nothing is asked before the stream is polled, and dropping it cancels everything.
    /// An output schema is sent to the model, but the streamed text is not validated.
    pub fn stream(&self, request: Generate) -> ModelEvents {
        self.opened(request, false, |conversation, span| {
            streamed::stream(conversation, span, |event| match event {
                GenerateEvent::Text(text) => Some(ModelEvent::Text(text)),
                GenerateEvent::Done(answer) => Some(ModelEvent::Done(answer)),
                _ => None,
            })
        })
    }

    /// The same with all that happens on the way: what the model thinks, where it says so, which tools it calls, and what
    /// they return. A model that thinks has begun to answer, so it is not asked again if it fails later.
    pub fn stream_all(&self, request: Generate) -> Events<GenerateEvent> {
        self.opened(request, true, |it, span| streamed::stream(it, span, Some))
    }

    /// Asks a model for an answer of the given shape and streams it: all that is known so far, again and again, then
    /// `Done` with the whole, which satisfies its schema. After a first bad answer it asks once more.
    ///
    /// What does not fit `P` is left out, so take a type whose members are optional, or [`serde_json::Value`].
    pub fn stream_as<T, P>(&self, request: Generate, spec: &OutputSpec<T>) -> Events<OutputEvent<T, P>>
    where
        T: DeserializeOwned + Send + 'static,
        P: DeserializeOwned + Send + 'static,
    {
        let (request, spec) = (request.output_schema(spec.schema()), spec.clone());
        self.opened(request, false, |it, span| stream_as(it, spec, span))
    }

    /// The stream of a request, which waits for its session first, if it has one.
    fn opened<E: 'static, S: Stream<Item = Result<E, ModelError>> + Send + 'static>(
        &self,
        request: Generate,
        thoughts: bool,
        start: impl FnOnce(Conversation, Span) -> S + Send + 'static,
    ) -> Events<E> {
        let span = trace::generate(request.prompt_file.as_deref());
        let start = move |mut conversation: Conversation| {
            conversation.request.thoughts = thoughts;
            start(conversation, span)
        };
        if request.session.is_some() {
            let runtime = self.clone();
            let open = async move { runtime.conversation(request).await.map(start) };
            return stream::once(open).try_flatten().boxed();
        }
        match self.conversation_of(request, None) {
            Ok(conversation) => start(conversation).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    /// Asks a model of this name, or the default one, once: no tool runs, and the answer is not checked.
    pub async fn ask(&self, model: Option<&str>, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        once::ask(&**self.model(model)?, &self.in_time(request), &self.inner.meters).await
    }

    /// The same as a stream.
    pub fn ask_stream(&self, model: Option<&str>, request: ModelRequest) -> Events<ModelChunk> {
        let model = self.model(model).cloned();
        once::stream(model, self.in_time(request), self.inner.meters.clone())
    }

    /// Calls a registered tool, as a model would.
    pub async fn call_tool(&self, name: &str, input: Value) -> Result<ToolOutcome, ModelError> {
        let unknown = || ModelError::internal(format!("no tool is registered as {name}"));
        let tool = self.inner.tools.get(name).ok_or_else(unknown)?;
        let context = ToolContext { state: self.state.clone(), deadline: self.deadline };
        tool.call(context, input, self.inner.tool_timeout).await
    }

    /// The conversation of this id, for [`Generate::session`]. An id that is new begins one.
    ///
    /// Whoever knows the id of a tenant's conversation goes on with it, so where there are no tenants it must be hard to
    /// guess.
    pub fn session(&self, id: &str) -> Session {
        self.inner.sessions.get(self.tenant.as_deref().unwrap_or_default(), id)
    }

    /// The same for one request: its answers must be there by the deadline, and the first pieces of streamed ones.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// The same for one tenant: its sessions are its own.
    #[must_use]
    pub fn with_tenant(self, tenant: impl Into<Arc<[u8]>>) -> Self {
        Self { tenant: Some(tenant.into()), ..self }
    }

    /// The same with a value beside its requests, one of each type. Tools find it in their [`ToolContext`].
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.put(value);
        self
    }

    /// The same, and `observer` is told which models answer, and what the answers cost.
    #[must_use]
    pub fn observed(self, observer: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// The names of the registered models, in no order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.inner.models.keys().map(String::as_str)
    }

    /// The registered tools, in no order.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.inner.tools.values()
    }

    /// The prompt files.
    pub fn prompts(&self) -> &Prompts {
        &self.inner.prompts
    }

    /// The name of the default model, if there is one.
    pub fn default_model(&self) -> Option<&str> {
        self.inner.default_model.as_ref().map(|model| model.name())
    }

    /// The guarded models and the states of their circuits, the default model first.
    pub fn circuits(&self) -> impl Iterator<Item = (&str, CircuitState)> {
        self.inner.guarded.iter().filter_map(|model| Some((model.name(), model.circuit()?)))
    }

    /// The model of this name, or the default one.
    fn model(&self, name: Option<&str>) -> Result<&Arc<dyn Model>, ModelError> {
        let model = match name {
            Some(name) => self.inner.models.get(name),
            None => self.inner.default_model.as_ref(),
        };
        model.ok_or(ModelError::NotConfigured)
    }

    fn in_time(&self, request: ModelRequest) -> ModelRequest {
        ModelRequest { deadline: request.deadline.or(self.deadline), ..request }
    }

    /// The conversation of a request, with what its session holds.
    async fn conversation(&self, mut request: Generate) -> Result<Conversation, ModelError> {
        let mut turn = None;
        if let Some(session) = request.session.take() {
            let begin = insert_history(&session, &mut request.messages, !request.answers.is_empty()).await;
            turn = Some((session, begin));
        }
        self.conversation_of(request, turn)
    }

    fn conversation_of(
        &self,
        request: Generate,
        session: Option<(Session, usize)>,
    ) -> Result<Conversation, ModelError> {
        let model = self.model(request.model.as_deref())?;
        let registered = request.tools.iter().map(|name| {
            let unknown = || ModelError::internal(format!("no tool is registered as {name}"));
            self.inner.tools.get(name).cloned().ok_or_else(unknown)
        });
        let tools = registered.chain(request.own_tools.into_iter().map(Ok)).collect::<Result<_, _>>()?;
        let mut messages = request.messages;
        resume(&mut messages, request.answers)?;
        let asked = ModelRequest {
            messages: messages.into(),
            tools: Vec::new(),
            output_schema: request.output,
            config: request.config,
            thoughts: false,
            deadline: self.deadline,
        };
        let tooling = Tooling {
            tools,
            timeout: self.inner.tool_timeout,
            max_turns: request.max_turns,
            context: ToolContext { state: self.state.with(request.state), deadline: self.deadline },
            observer: self.observer.clone(),
            meters: self.inner.meters.clone(),
            session,
        };
        Ok(Conversation::new(model.clone(), asked, tooling))
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Runtime").field("models", &self.inner.models.keys()).finish_non_exhaustive()
    }
}
