//! One compiled prompt, and what it renders to.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::definitions::Definitions;
use crate::error::PromptError;
use crate::frontmatter::Metadata;
use crate::markers;
use crate::message::Message;
use crate::template::Template;

/// A prompt, compiled once and rendered for each request.
#[derive(Clone)]
pub struct Prompt {
    /// As the file has it, with its schemas unresolved, because overrides replace members before that.
    written: Metadata,
    resolved: Metadata,
    template: Arc<Template>,
    definitions: Arc<Definitions>,
}

/// What a prompt is rendered with.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RenderData {
    /// The variables of the template.
    pub input: Map<String, Value>,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Documents to ground the answer on; a template reads them as `@metadata.docs`.
    pub docs: Vec<Value>,
    /// The `@`-variables: `{"auth": {…}}` is `@auth`.
    pub context: Map<String, Value>,
}

/// A rendered prompt.
#[derive(Clone, PartialEq, Serialize)]
pub struct Rendered {
    /// The messages for the model.
    pub messages: Vec<Message>,
    /// The front matter: model, settings, schemas, tools.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// The variables it was rendered with, defaults filled in.
    #[serde(skip)]
    pub variables: Map<String, Value>,
}

impl Prompt {
    pub(crate) fn new(
        written: Metadata,
        template: Template,
        definitions: Arc<Definitions>,
    ) -> Result<Self, PromptError> {
        let resolved = definitions.resolve(&written)?;
        Ok(Self { written, resolved, template: Arc::new(template), definitions })
    }

    /// What the front matter says, schemas as JSON Schema and known tools resolved.
    pub fn metadata(&self) -> &Metadata {
        &self.resolved
    }

    /// Renders the messages for this data.
    pub fn messages(&self, data: RenderData) -> Result<Vec<Message>, PromptError> {
        let RenderData { input, messages, docs, context } = data;
        let variables = variables(&self.resolved, input);
        let text = self.text(&self.resolved, variables, &messages, &docs, context)?;
        Ok(markers::from_rendered(&text, &messages))
    }

    /// Renders the messages for this data, and copies what else the file says.
    pub fn render(&self, data: &RenderData) -> Result<Rendered, PromptError> {
        self.render_as(self.resolved.clone(), data)
    }

    /// The messages for this data, with some members of the front matter replaced.
    ///
    /// Settings under `config` are merged one by one.
    pub fn render_with(&self, data: &RenderData, overrides: &Metadata) -> Result<Rendered, PromptError> {
        let mut metadata = self.definitions.resolve(&self.written.clone().overlaid(overrides))?;
        // Overrides without defaults keep those of the file.
        let defaults = self.written.input.as_ref().and_then(|it| it.default.clone());
        if let (Some(input), Some(defaults)) = (&mut metadata.input, defaults) {
            input.default.get_or_insert(defaults);
        }
        self.render_as(metadata, data)
    }

    fn render_as(&self, metadata: Metadata, data: &RenderData) -> Result<Rendered, PromptError> {
        let RenderData { input, messages, docs, context } = data;
        let variables = variables(&metadata, input.clone());
        let text = self.text(&metadata, variables.clone(), messages, docs, context.clone())?;
        Ok(Rendered { messages: markers::from_rendered(&text, messages), metadata, variables })
    }

    /// The text with markers in it.
    fn text(
        &self,
        metadata: &Metadata,
        variables: Map<String, Value>,
        messages: &[Message],
        docs: &[Value],
        context: Map<String, Value>,
    ) -> Result<String, PromptError> {
        let mut at_variables = Map::new();
        if self.template.reads_metadata {
            let prompt = Metadata { input: None, ..metadata.clone() };
            let about = json!({ "prompt": prompt, "docs": docs, "messages": messages });
            at_variables.insert("metadata".into(), about);
        }
        at_variables.extend(context);
        self.template.render(variables, at_variables)
    }
}

/// What a template is rendered with: the input over the defaults of the file.
fn variables(metadata: &Metadata, input: Map<String, Value>) -> Map<String, Value> {
    let Some(defaults) = metadata.input.as_ref().and_then(|it| it.default.as_ref()) else { return input };
    let mut variables = defaults.clone();
    variables.extend(input);
    variables
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("metadata", &self.resolved).finish_non_exhaustive()
    }
}
