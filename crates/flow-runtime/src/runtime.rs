//! The runtime that a program builds once: models and tools.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::breaker::CircuitState;
use crate::defaults::WithDefaults;
use crate::error::ModelError;
use crate::fallback::Fallback;
pub use crate::generate::conversation::Progress;
use crate::generate::conversation::{Conversation, Observer, Tooling};
use crate::generate::resume::resume;
use crate::generate::{Generate, streamed, structured};
use crate::model::{Model, ModelConfig, ModelEvents, ModelRequest, ModelResponse};
use crate::prompts::Prompts;
use crate::resilience::{Resilience, Resilient};
use crate::schema::OutputSpec;
use crate::state::{State, ToolContext};
use crate::tool::Tool;
use crate::trace;

/// How long a tool may take.
const DEFAULT_TOOL_TIMEOUT: Duration = Duration::from_secs(10);

/// Models and tools; cloning it is cheap.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
    state: State,
    observer: Option<Observer>,
}

struct Inner {
    default_model: Option<Arc<dyn Model>>,
    models: HashMap<String, Arc<dyn Model>>,
    guarded: Vec<Arc<Resilient>>,
    tools: HashMap<String, Tool>,
    tool_timeout: Duration,
    prompts: Arc<Prompts>,
}

/// Builds a [`Runtime`].
#[derive(Default)]
pub struct RuntimeBuilder {
    default_model: Option<Arc<dyn Model>>,
    fallbacks: Vec<Arc<dyn Model>>,
    models: Vec<Arc<dyn Model>>,
    resilience: Option<Resilience>,
    tools: Vec<Tool>,
    tool_timeout: Option<Duration>,
    prompts: Arc<Prompts>,
    find_model: Option<FindModel>,
    defaults: HashMap<String, ModelConfig>,
}

/// Finds a model by its full name.
pub type FindModel = Arc<dyn Fn(&str) -> Result<Arc<dyn Model>, ModelError> + Send + Sync>;

impl Runtime {
    /// Starts with nothing registered.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Asks a model and waits for its whole answer, running the tools it calls.
    ///
    /// With an output schema the answer's text is JSON that satisfies it; without, it is text that is not empty.
    pub async fn generate(&self, request: Generate) -> Result<ModelResponse, ModelError> {
        let schema = request.output.clone();
        let work = async {
            let mut conversation = self.conversation(request)?;
            match schema {
                Some(schema) => {
                    let (_, response) = structured::structured(&mut conversation, &schema, Ok).await?;
                    Ok(response)
                }
                None => structured::ask_for_text(&mut conversation).await,
            }
        };
        trace::in_span(trace::generate(), work).await
    }

    /// Asks a model for an answer of the given shape and reads it into its type.
    pub async fn generate_as<T: DeserializeOwned>(
        &self,
        request: Generate,
        spec: &OutputSpec<T>,
    ) -> Result<T, ModelError> {
        let work = async {
            let mut conversation = self.conversation(request.output_schema(spec.schema()))?;
            let read = |value| spec.read(value);
            let (typed, _) = structured::structured(&mut conversation, spec.schema(), read).await?;
            Ok(typed)
        };
        trace::in_span(trace::generate(), work).await
    }

    /// Asks a model and streams its answer: text as it arrives, then `Done` with the whole answer.
    ///
    /// Tools run in between. Nothing is asked before the stream is polled, and dropping it cancels everything.
    /// An output schema is sent to the model, but the streamed text is not validated.
    pub fn stream(&self, request: Generate) -> ModelEvents {
        match self.conversation(request) {
            Ok(conversation) => streamed::stream(conversation, trace::generate()).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    /// The same for one request: its answers must be there by the deadline, and the first pieces of streamed ones.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
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

    /// The prompt files.
    pub(crate) fn prompts(&self) -> &Prompts {
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

    fn conversation(&self, request: Generate) -> Result<Conversation, ModelError> {
        let model = match &request.model {
            Some(name) => self.inner.models.get(name),
            None => self.inner.default_model.as_ref(),
        };
        let model = model.ok_or(ModelError::NotConfigured)?;
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
            deadline: self.deadline,
        };
        let tooling = Tooling {
            tools,
            timeout: self.inner.tool_timeout,
            max_turns: request.max_turns,
            context: ToolContext { state: self.state.with(request.state), deadline: self.deadline },
            observer: self.observer.clone(),
        };
        Ok(Conversation::new(model.clone(), asked, tooling))
    }
}

impl RuntimeBuilder {
    /// Registers the model that answers where a request names none.
    #[must_use]
    pub fn default_model(mut self, model: Arc<dyn Model>) -> Self {
        self.default_model = Some(model);
        self
    }

    /// Registers another model, to be asked for by its name.
    #[must_use]
    pub fn model(mut self, model: Arc<dyn Model>) -> Self {
        self.models.push(model);
        self
    }

    /// Registers a model to ask when the default model cannot answer; several are asked in their order.
    #[must_use]
    pub fn fallback(mut self, model: Arc<dyn Model>) -> Self {
        self.fallbacks.push(model);
        self
    }

    /// Guards every model that needs it: a deadline, a circuit breaker and retries for each.
    #[must_use]
    pub fn resilience(mut self, settings: Resilience) -> Self {
        self.resilience = Some(settings.bounded());
        self
    }

    /// Registers a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Takes these prompt files, for [`Runtime::prompt`].
    #[must_use]
    pub fn prompts(mut self, prompts: Arc<Prompts>) -> Self {
        self.prompts = prompts;
        self
    }

    /// Finds the models that only prompt files name.
    #[must_use]
    pub fn find_model(mut self, find: FindModel) -> Self {
        self.find_model = Some(find);
        self
    }

    /// Sets what counts for the model of this name where a call, or its prompt file, says nothing else.
    #[must_use]
    pub fn defaults(mut self, model: impl Into<String>, defaults: ModelConfig) -> Self {
        self.defaults.insert(model.into(), defaults);
        self
    }

    /// Gives each tool call this long instead of ten seconds.
    #[must_use]
    pub fn tool_timeout(mut self, timeout: Duration) -> Self {
        self.tool_timeout = Some(timeout);
        self
    }

    /// Builds the runtime. It fails if a tool is registered twice, or if a prompt file names a model or a tool that is
    /// not there. A model may be registered twice.
    pub fn build(mut self) -> Result<Runtime, ModelError> {
        let named = self.models_of_prompts()?;
        self.models.extend(named);
        let mut models: HashMap<String, Arc<dyn Model>> = HashMap::new();
        let mut guarded = Vec::new();
        for model in self.default_model.iter().chain(&self.fallbacks).chain(&self.models) {
            // A model of the list may be registered again with `model`.
            if models.contains_key(model.name()) {
                continue;
            }
            let name = model.name().to_owned();
            let model = match self.defaults.remove(&name) {
                Some(defaults) => &(Arc::new(WithDefaults::new(model.clone(), defaults)) as Arc<dyn Model>),
                None => model,
            };
            let model = match &self.resilience {
                Some(settings) if model.needs_guard() => {
                    let model = Arc::new(Resilient::new(model.clone(), settings));
                    guarded.push(model.clone());
                    model
                }
                _ => model.clone(),
            };
            models.insert(name, model);
        }
        let registered = |model: &Arc<dyn Model>| models.get(model.name()).cloned();
        let mut default_model = self.default_model.as_ref().and_then(registered);
        if let (Some(first), false) = (&default_model, self.fallbacks.is_empty()) {
            let others = self.fallbacks.iter().filter_map(registered).collect();
            let timeout = self.resilience.unwrap_or_default().call_timeout;
            default_model = Some(Arc::new(Fallback::new(first.clone(), others, timeout)));
        }
        let mut tools = HashMap::new();
        for tool in self.tools {
            if let Some(twice) = tools.insert(tool.definition().name.clone(), tool) {
                let name = &twice.definition().name;
                return Err(ModelError::internal(format!("the tool {name} is registered twice")));
            }
        }
        let tool_timeout = self.tool_timeout.unwrap_or(DEFAULT_TOOL_TIMEOUT);
        let prompts = self.prompts;
        for (file, tool) in prompts.tools() {
            if !tools.contains_key(&tool) {
                let place = prompts.place(&file, &tool);
                return Err(ModelError::internal(format!("{place}: no tool is registered as {tool}")));
            }
        }
        let inner = Inner { default_model, models, guarded, tools, tool_timeout, prompts };
        Ok(Runtime { inner: Arc::new(inner), deadline: None, state: State::default(), observer: None })
    }
}

impl RuntimeBuilder {
    /// The models that prompt files name, and that are not registered.
    fn models_of_prompts(&self) -> Result<Vec<Arc<dyn Model>>, ModelError> {
        let mut models: Vec<Arc<dyn Model>> = Vec::new();
        for (file, name) in self.prompts.models() {
            let registered = self.default_model.iter().chain(&self.fallbacks).chain(&self.models);
            if registered.chain(&models).any(|it| it.name() == name) {
                continue;
            }
            let found = self.find_model.as_ref().map_or(Err(ModelError::NotConfigured), |find| find(&name));
            models.push(found.map_err(|error| {
                let place = self.prompts.place(&file, &name);
                ModelError::internal(format!("{place}: the model {name}: {error}"))
            })?);
        }
        Ok(models)
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Runtime").field("models", &self.inner.models.keys()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RuntimeBuilder").finish_non_exhaustive()
    }
}
