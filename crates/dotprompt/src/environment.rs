//! What prompts share: partials, named schemas, tools, and defaults.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use serde_json::{Map, Value};

use super::error::PromptError;
use super::frontmatter::{self, Metadata, PromptTool};
use super::picoschema;
use super::prompt::Prompt;
use super::template::{Partials, Template};

/// Parses prompts, and holds what they share.
///
/// ```
/// use dotprompt::{Dotprompt, RenderData};
///
/// let prompts = Dotprompt::new().with_partial("greeting", "Hello, {{name}}!");
/// let prompt = prompts.parse("---\nmodel: demo\n---\n{{> greeting}} Tell me a joke.")?;
/// let data = RenderData { input: [("name".into(), "Ada".into())].into_iter().collect(), ..Default::default() };
/// assert_eq!(prompt.render(&data)?.messages[0].joined_text(), "Hello, Ada! Tell me a joke.");
/// # Ok::<(), dotprompt::PromptError>(())
/// ```
#[derive(Clone, Default)]
pub struct Dotprompt {
    shared: Arc<Shared>,
}

/// Finds something by its name, if there is one.
type Resolver<T> = Arc<dyn Fn(&str) -> Option<T> + Send + Sync>;

#[derive(Clone, Default)]
pub(super) struct Shared {
    partials: BTreeMap<String, String>,
    find_partial: Option<Resolver<String>>,
    schemas: BTreeMap<String, Value>,
    find_schema: Option<Resolver<Value>>,
    tools: BTreeMap<String, PromptTool>,
    default_model: Option<String>,
    model_configs: BTreeMap<String, Map<String, Value>>,
}

impl Dotprompt {
    /// An environment that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a partial for `{{> name}}`.
    #[must_use]
    pub fn with_partial(self, name: impl Into<String>, source: impl Into<String>) -> Self {
        self.with(|it| drop(it.partials.insert(name.into(), source.into())))
    }

    /// Asks `find` for partials nobody added.
    #[must_use]
    pub fn with_partial_resolver(
        self,
        find: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.with(|it| it.find_partial = Some(Arc::new(find)))
    }

    /// Adds a JSON Schema that Picoschema may name.
    #[must_use]
    pub fn with_schema(self, name: impl Into<String>, schema: Value) -> Self {
        self.with(|it| drop(it.schemas.insert(name.into(), schema)))
    }

    /// Asks `find` for schemas nobody added.
    #[must_use]
    pub fn with_schema_resolver(self, find: impl Fn(&str) -> Option<Value> + Send + Sync + 'static) -> Self {
        self.with(|it| it.find_schema = Some(Arc::new(find)))
    }

    /// Adds a tool a front matter may list by name.
    #[must_use]
    pub fn with_tool(self, tool: PromptTool) -> Self {
        self.with(|it| drop(it.tools.insert(tool.name.clone(), tool)))
    }

    /// Names the model of prompts that name none.
    #[must_use]
    pub fn with_default_model(self, model: impl Into<String>) -> Self {
        self.with(|it| it.default_model = Some(model.into()))
    }

    /// Sets what `config` starts from for prompts of one model.
    #[must_use]
    pub fn with_model_config(self, model: impl Into<String>, config: Map<String, Value>) -> Self {
        self.with(|it| drop(it.model_configs.insert(model.into(), config)))
    }

    /// Parses and compiles a prompt.
    pub fn parse(&self, source: &str) -> Result<Prompt, PromptError> {
        self.parse_with(source, None)
    }

    /// Parses and compiles a prompt file.
    ///
    /// `story.formal.prompt` is the prompt `story` in the variant `formal`, unless its front matter says
    /// otherwise; `_name.prompt` next to it is the partial `name`.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Prompt, PromptError> {
        let path = path.as_ref();
        let unreadable = |source| PromptError::Unreadable { path: path.into(), source };
        let source = fs::read_to_string(path).map_err(unreadable)?;
        let in_file = |error| PromptError::InFile { path: path.into(), source: Box::new(error) };
        self.parse_with(&source, Some(path)).map_err(in_file)
    }

    fn parse_with(&self, source: &str, path: Option<&Path>) -> Result<Prompt, PromptError> {
        let mut document = frontmatter::parse(source)?;
        if let Some(stem) = path.and_then(Path::file_stem).and_then(|it| it.to_str()) {
            let (name, variant) =
                stem.split_once('.').map_or((stem, None), |(name, variant)| (name, Some(variant)));
            let metadata = &mut document.metadata;
            metadata.name.get_or_insert_with(|| name.to_owned());
            metadata.variant = metadata.variant.take().or(variant.map(str::to_owned));
        }
        let find =
            |name: &str| self.shared.partial(name).or_else(|| path.and_then(|it| partial_beside(it, name)));
        let known = self.shared.partials.keys().map(String::as_str).collect();
        let template =
            Template::compile(document.template, document.template_line, &Partials { find: &find, known })?;
        Prompt::new(document.metadata, template, Arc::clone(&self.shared))
    }

    fn with(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.shared));
        self
    }
}

impl Shared {
    /// Fills in defaults, turns schemas into JSON Schema and names of known tools into their definitions.
    pub(super) fn resolve(&self, written: &Metadata) -> Result<Metadata, PromptError> {
        let model = written.model.clone().or_else(|| self.default_model.clone());
        let config = model.as_ref().and_then(|it| self.model_configs.get(it)).cloned().unwrap_or_default();
        let mut metadata = Metadata { model, config, ..Metadata::default() }.overlaid(written);

        let find = |name: &str| {
            let found = self.schemas.get(name).cloned();
            found.or_else(|| self.find_schema.as_ref().and_then(|find| find(name)))
        };
        let input = metadata.input.as_mut().and_then(|it| it.schema.as_mut());
        let output = metadata.output.as_mut().and_then(|it| it.schema.as_mut());
        for (path, schema) in [("input.schema", input), ("output.schema", output)] {
            if let Some(schema) = schema {
                *schema = picoschema::to_json_schema(schema, path, &find)?;
            }
        }
        for name in std::mem::take(&mut metadata.tools) {
            match self.tools.get(&name) {
                Some(tool) => metadata.tool_defs.push(tool.clone()),
                None => metadata.tools.push(name),
            }
        }
        Ok(metadata)
    }

    fn partial(&self, name: &str) -> Option<String> {
        let found = self.partials.get(name).cloned();
        found.or_else(|| self.find_partial.as_ref().and_then(|find| find(name)))
    }
}

impl fmt::Debug for Dotprompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dotprompt").field("partials", &self.shared.partials.keys()).finish_non_exhaustive()
    }
}

/// The partial in the file `_name.prompt` next to a prompt; a name with a path in it is looked up nowhere.
fn partial_beside(prompt: &Path, name: &str) -> Option<String> {
    let is_file_name = !name.contains(['/', '\\']) && !name.contains("..");
    is_file_name.then(|| fs::read_to_string(prompt.with_file_name(format!("_{name}.prompt"))).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::{Part, RenderData};
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dotprompt/files");

    #[test]
    fn a_file_is_named_by_its_name_and_finds_the_partials_beside_it() {
        let prompt = Dotprompt::new().load(format!("{FOLDER}/story.formal.prompt")).expect("loads");
        assert_eq!(prompt.metadata().name.as_deref(), Some("story"));
        assert_eq!(prompt.metadata().variant.as_deref(), Some("formal"));
        let rendered = prompt.render(&RenderData::default()).expect("renders");
        assert_eq!(rendered.messages[0].content, [Part::text("Be formal.\nTell a story.")]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_path() {
        let path = format!("{FOLDER}/broken.prompt");
        let error = Dotprompt::new().load(&path).map(|_| ()).expect_err("broken");
        assert_eq!(error.to_string(), format!("{path}: line 4: the template has a tag that is never closed"));
        let error = Dotprompt::new().load(format!("{FOLDER}/absent.prompt")).map(|_| ()).expect_err("absent");
        assert!(error.to_string().ends_with("absent.prompt could not be read"), "{error}");
    }

    #[test]
    fn a_model_brings_its_settings_and_the_prompt_its_own() {
        let settings =
            [("temperature".to_owned(), 1.into()), ("topK".to_owned(), 5.into())].into_iter().collect();
        let prompts = Dotprompt::new().with_default_model("demo").with_model_config("demo", settings);
        let prompt = prompts.parse("---\nconfig: {temperature: 0}\n---\nHi").expect("parses");
        assert_eq!(prompt.metadata().model.as_deref(), Some("demo"));
        assert_eq!(
            Value::Object(prompt.metadata().config.clone()).to_string(),
            r#"{"temperature":0,"topK":5}"#
        );
    }
}
