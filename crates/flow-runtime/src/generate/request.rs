//! The request to a model that a flow builds.

use serde_json::Value;

use crate::message::{Message, Part, Role, ToolRequest};
use crate::model::{ModelConfig, ProviderOptions};
use crate::schema::CompiledSchema;
use crate::session::Session;
use crate::state::State;
use crate::tool::Tool;

/// How many rounds of tool calls a model gets before its answer is an error.
pub const DEFAULT_MAX_TURNS: usize = 5;

/// One request to a model, built step by step.
///
/// ```
/// # use flow_runtime::Generate;
/// let request = Generate::new()
///     .system("You are brief.")
///     .prompt("What time is it?")
///     .tools(["get_current_time"]);
/// ```
#[derive(Clone, Debug)]
pub struct Generate {
    pub(crate) model: Option<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) tools: Vec<String>,
    pub(crate) own_tools: Vec<Tool>,
    pub(crate) state: State,
    pub(crate) answers: Vec<(ToolRequest, Value)>,
    pub(crate) session: Option<Session>,
    pub(crate) config: ModelConfig,
    pub(crate) output: Option<CompiledSchema>,
    pub(crate) max_turns: usize,
    /// The name of the prompt file that it was made of.
    pub(crate) prompt_file: Option<String>,
}

impl Generate {
    /// An empty request to the default model.
    pub fn new() -> Self {
        Self {
            model: None,
            messages: Vec::new(),
            tools: Vec::new(),
            own_tools: Vec::new(),
            state: State::default(),
            answers: Vec::new(),
            session: None,
            config: ModelConfig::default(),
            output: None,
            max_turns: DEFAULT_MAX_TURNS,
            prompt_file: None,
        }
    }

    /// Asks the registered model of this name instead of the default one.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// Adds instructions that stand above the conversation.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        let place = self.messages.iter().take_while(|it| it.role == Role::System).count();
        self.messages.insert(place, Message::text(Role::System, text));
        self
    }

    /// Adds text to the user's message.
    #[must_use]
    pub fn prompt(self, text: impl Into<String>) -> Self {
        self.user_part(Part::text(text))
    }

    /// Adds an image or other medium to the user's message: an address, or a `data:` URI in base64.
    ///
    /// Without a content type, the one of a `data:` URI counts, or the ending of an address.
    #[must_use]
    pub fn media(self, url: impl Into<String>, content_type: Option<String>) -> Self {
        self.user_part(Part::media(url, content_type))
    }

    /// Adds whole messages, such as those a prompt file renders to.
    #[must_use]
    pub fn messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.messages.extend(messages);
        self
    }

    /// Lets the model call these registered tools.
    #[must_use]
    pub fn tools<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.tools.extend(names.into_iter().map(Into::into));
        self
    }

    /// Lets the model call this tool, which belongs to this request alone.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.own_tools.push(tool);
        self
    }

    /// Puts a value beside the request, one of each type. Tools find it in their [`ToolContext`](crate::ToolContext).
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.put(value);
        self
    }

    /// Goes on with a conversation ([`Generate::messages`]) whose last turn waits for an answer from outside: gives the
    /// output of this call, which is one of the [`interrupts`](crate::ModelResponse::interrupts). Every interrupt of the turn needs an answer.
    #[must_use]
    pub fn answer(mut self, call: &ToolRequest, output: impl Into<Value>) -> Self {
        self.answers.push((call.clone(), output.into()));
        self
    }

    /// Goes on with a conversation, and keeps this call as its next turn once it has succeeded. `None` is no session.
    ///
    /// The user's last message, and what follows from it, is the turn. What stands before it, such as instructions and
    /// examples, is said again in each call and not kept.
    #[must_use]
    pub fn session(mut self, session: impl Into<Option<Session>>) -> Self {
        self.session = session.into();
        self
    }

    /// Sets the generation settings.
    #[must_use]
    pub fn config(mut self, config: ModelConfig) -> Self {
        self.config = config;
        self
    }

    /// Adds settings that one wire alone knows, such as `flow_models::options::GeminiOptions`.
    #[must_use]
    pub fn options(mut self, options: impl ProviderOptions) -> Self {
        self.config = self.config.options(options);
        self
    }

    /// Demands an answer in JSON of this shape. `generate_as` sets it from its own argument.
    #[must_use]
    pub fn output_schema(mut self, schema: &CompiledSchema) -> Self {
        self.output = Some(schema.clone());
        self
    }

    /// Allows this many rounds of tool calls instead of [`DEFAULT_MAX_TURNS`].
    #[must_use]
    pub fn max_turns(mut self, rounds: usize) -> Self {
        self.max_turns = rounds;
        self
    }

    fn user_part(mut self, part: Part) -> Self {
        match self.messages.last_mut() {
            Some(message) if message.role == Role::User => message.content.push(part),
            _ => self.messages.push(Message::new(Role::User, vec![part])),
        }
        self
    }
}

impl Default for Generate {
    fn default() -> Self {
        Self::new()
    }
}
