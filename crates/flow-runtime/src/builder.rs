//! Builds a runtime, and checks what it is built of.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::defaults::WithDefaults;
use crate::error::ModelError;
use crate::fallback::Fallback;
use crate::model::{Model, ModelConfig};
use crate::model_call::Meters;
use crate::prompts::Prompts;
use crate::resilience::{Resilience, Resilient};
use crate::runtime::{Inner, Runtime};
use crate::session::Sessions;
use crate::tool::Tool;

/// How long a tool may take.
const DEFAULT_TOOL_TIMEOUT: Duration = Duration::from_secs(10);

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
    sessions: Sessions,
}

/// Finds a model by its full name.
pub type FindModel = Arc<dyn Fn(&str) -> Result<Arc<dyn Model>, ModelError> + Send + Sync>;

impl Runtime {
    /// Starts with nothing registered.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
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

    /// Keeps conversations here instead of in memory with the defaults.
    #[must_use]
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
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

    /// Builds the runtime. A model is guarded by `Fallback` (the default model, if there are others), `Resilient` (if it needs
    /// a guard) and `WithDefaults` (if it has some), from outside to inside. It fails if a tool is registered twice, if a prompt file names a model or a tool that is not
    /// there, or if a model finds fault with its settings. A model may be registered twice.
    pub fn build(mut self) -> Result<Runtime, ModelError> {
        let named = self.models_of_prompts()?;
        self.models.extend(named);
        self.check_settings()?;
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
        let sessions = self.sessions;
        let meters = Arc::new(Meters::new(models.keys()));
        let inner = Inner { default_model, models, guarded, tools, tool_timeout, prompts, sessions, meters };
        Ok(Runtime::new(inner))
    }

    /// Lets each model look at the settings that are set for it.
    fn check_settings(&self) -> Result<(), ModelError> {
        let registered = || self.default_model.iter().chain(&self.fallbacks).chain(&self.models);
        for model in registered() {
            if let Some(Err(error)) = self.defaults.get(model.name()).map(|it| model.check(it)) {
                return Err(ModelError::internal(format!("the settings of {}: {error}", model.name())));
            }
        }
        for (file, named, config) in self.prompts.configs() {
            let answers = |model: &&Arc<dyn Model>| match &named {
                Some(name) => model.name() == name,
                None => self.default_model.iter().chain(&self.fallbacks).any(|it| it.name() == model.name()),
            };
            if let Some(error) = registered().filter(answers).find_map(|it| it.check(&config).err()) {
                let place = self.prompts.place(&file, "extra");
                return Err(ModelError::internal(format!("{place}: config: {error}")));
            }
        }
        Ok(())
    }

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

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RuntimeBuilder").finish_non_exhaustive()
    }
}
