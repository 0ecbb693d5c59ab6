//! One prompt file, parsed and compiled, and what it becomes for a model.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::environment::{Dotprompt, Shared};
use super::error::PromptError;
use super::frontmatter::Metadata;
use super::messages;
use super::template::Template;
use crate::message::Message;

/// A prompt, ready to render as often as one likes.
#[derive(Clone)]
pub struct Prompt {
    /// As the file has it, schemas unresolved: what overrides are laid over.
    written: Metadata,
    resolved: Metadata,
    template: Arc<Template>,
    shared: Arc<Shared>,
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

/// What a prompt became.
#[derive(Clone, PartialEq, Serialize)]
pub struct Rendered {
    /// What to say to the model.
    pub messages: Vec<Message>,
    /// Everything else the prompt says: model, settings, schemas, tools.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// The variables it was rendered with, defaults filled in.
    #[serde(skip)]
    pub variables: Map<String, Value>,
}

impl Prompt {
    /// Parses and compiles a prompt that needs no partials, named schemas or tools from outside.
    pub fn parse(source: &str) -> Result<Self, PromptError> {
        Dotprompt::new().parse(source)
    }

    pub(super) fn new(
        written: Metadata,
        template: Template,
        shared: Arc<Shared>,
    ) -> Result<Self, PromptError> {
        let resolved = shared.resolve(&written)?;
        Ok(Self { written, resolved, template: Arc::new(template), shared })
    }

    /// What the front matter says, schemas as JSON Schema and known tools resolved.
    pub fn metadata(&self) -> &Metadata {
        &self.resolved
    }

    /// The messages for this data.
    pub fn render(&self, data: &RenderData) -> Result<Rendered, PromptError> {
        self.render_as(self.resolved.clone(), data)
    }

    /// The messages for this data, with some of the front matter replaced for this time.
    ///
    /// A member given replaces the file's; settings under `config` are merged one by one.
    pub fn render_with(&self, data: &RenderData, overrides: &Metadata) -> Result<Rendered, PromptError> {
        let mut metadata = self.shared.resolve(&self.written.clone().overlaid(overrides))?;
        // Defaults of the file stay defaults where the overrides name no others.
        let defaults = self.written.input.as_ref().and_then(|it| it.default.clone());
        if let (Some(input), Some(defaults)) = (&mut metadata.input, defaults) {
            input.default.get_or_insert(defaults);
        }
        self.render_as(metadata, data)
    }

    fn render_as(&self, metadata: Metadata, data: &RenderData) -> Result<Rendered, PromptError> {
        let mut variables = metadata.input.as_ref().and_then(|it| it.default.clone()).unwrap_or_default();
        variables.extend(data.input.clone());
        let mut at_variables = Map::new();
        if self.template.reads_metadata {
            let prompt = Metadata { input: None, ..metadata.clone() };
            let about = json!({ "prompt": prompt, "docs": data.docs, "messages": data.messages });
            at_variables.insert("metadata".into(), about);
        }
        at_variables.extend(data.context.clone());
        let text = self.template.render(variables.clone(), at_variables)?;
        Ok(Rendered { messages: messages::from_rendered(&text, &data.messages), metadata, variables })
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("metadata", &self.resolved).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Part;

    fn data(input: &Value) -> RenderData {
        RenderData::deserialize(json!({ "input": input })).expect("render data")
    }

    #[test]
    fn what_is_left_out_comes_from_the_defaults() {
        let prompt = Prompt::parse("---\ninput:\n  default: {a: 1, b: 2}\n---\n{{a}}{{b}}").expect("parses");
        let rendered = prompt.render(&data(&json!({ "b": 3 }))).expect("renders");
        assert_eq!(rendered.messages[0].content, [Part::text("13")]);
        assert_eq!(Value::Object(rendered.variables), json!({ "a": 1, "b": 3 }));
    }

    #[test]
    fn what_nests_too_deep_is_an_error_and_not_an_overflow() {
        let blocks = |n| "{{#if a}}".repeat(n) + &"{{/if}}".repeat(n);
        let branches = |n| format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}b".repeat(n));
        let values = |n| format!("{{{{json {}a{}}}}}", "(lookup ".repeat(n), " 0)".repeat(n));
        for fine in [blocks(64), branches(63), values(32)] {
            let prompt = Prompt::parse(&fine).expect("parses");
            assert!(prompt.render(&data(&json!({ "a": 1 }))).is_ok());
        }
        for deep in [blocks(65), branches(64), values(33), blocks(10_000), branches(10_000), values(10_000)] {
            let error = Prompt::parse(&deep).expect_err("too deep").to_string();
            assert!(error.contains("more than"), "{error}");
        }
    }

    #[test]
    fn a_partial_without_end_is_an_error_and_not_an_overflow_whatever_stands_around_it() {
        for blocks in [0, 1, 10, 60] {
            let (open, close) = ("{{#if a}}".repeat(blocks), "{{/if}}".repeat(blocks));
            let source = format!("{{{{#*inline \"p\"}}}}{open}{{{{> p}}}}{close}{{{{/inline}}}}{{{{> p}}}}");
            let prompt = Prompt::parse(&source).expect("parses");
            let error = prompt.render(&data(&json!({ "a": 1 }))).map(|_| ()).expect_err("no end").to_string();
            assert!(error.contains("more than 64 deep"), "{error}");
        }
    }

    #[test]
    fn no_error_quotes_what_the_caller_put_in() {
        let sources = [
            "{{role v}}",
            "{{> (lookup this \"v\")}}",
            "{{media url=w.v}}",
            "{{section w}}",
            "{{#each}}{{/each}}",
        ];
        for source in sources {
            let prompt = Prompt::parse(source).expect("parses");
            let error = prompt
                .render(&data(&json!({ "v": "SECRET", "w": ["SECRET"] })))
                .map(|_| ())
                .expect_err(source);
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
        }
    }
}
