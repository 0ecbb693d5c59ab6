//! What prompts share: partials, named schemas, and tools.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use serde_json::Value;

use crate::definitions::Definitions;
use crate::error::PromptError;
use crate::frontmatter::{self, PromptTool};
use crate::prompt::Prompt;
use crate::template::{Partials, Template};

/// Parses prompts, and holds what they share.
///
/// ```
/// use dotprompt::{Dotprompt, Part, RenderData};
///
/// let prompts = Dotprompt::new().with_partial("greeting", "Hello, {{name}}!");
/// let prompt = prompts.parse("---\nmodel: demo\n---\n{{> greeting}} How are you?")?;
/// let data = RenderData { input: [("name".into(), "Ada".into())].into_iter().collect(), ..Default::default() };
/// assert_eq!(prompt.render(&data)?.messages[0].content, [Part::text("Hello, Ada! How are you?")]);
/// # Ok::<(), dotprompt::PromptError>(())
/// ```
#[derive(Clone, Default)]
pub struct Dotprompt {
    definitions: Arc<Definitions>,
}

impl Dotprompt {
    /// Starts without partials, schemas and tools.
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

    /// Adds a tool a front matter may list by name.
    #[must_use]
    pub fn with_tool(self, tool: PromptTool) -> Self {
        self.with(|it| drop(it.tools.insert(tool.name.clone(), tool)))
    }

    /// Parses and compiles a prompt.
    pub fn parse(&self, source: &str) -> Result<Prompt, PromptError> {
        self.parse_with(source, None)
    }

    /// Parses and compiles a prompt file.
    ///
    /// `letter.formal.prompt` is the prompt `letter` in the variant `formal`, unless its front matter says
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
        let find = |name: &str| {
            self.definitions.partial(name).or_else(|| path.and_then(|it| partial_beside(it, name)))
        };
        let known = self.definitions.partials.keys().map(String::as_str).collect();
        let template =
            Template::compile(document.template, document.template_line, &Partials { find: &find, known })?;
        Prompt::new(document.metadata, template, Arc::clone(&self.definitions))
    }

    fn with(mut self, change: impl FnOnce(&mut Definitions)) -> Self {
        change(Arc::make_mut(&mut self.definitions));
        self
    }
}

impl Prompt {
    /// Parses and compiles a prompt that refers to no partials, named schemas or tools from outside.
    pub fn parse(source: &str) -> Result<Self, PromptError> {
        Dotprompt::new().parse(source)
    }
}

impl fmt::Debug for Dotprompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dotprompt")
            .field("partials", &self.definitions.partials.keys())
            .finish_non_exhaustive()
    }
}

/// The partial in the file `_name.prompt` next to a prompt. A name with a path in it names no file.
fn partial_beside(prompt: &Path, name: &str) -> Option<String> {
    let is_file_name = !name.contains(['/', '\\']) && !name.contains("..");
    is_file_name.then(|| fs::read_to_string(prompt.with_file_name(format!("_{name}.prompt"))).ok()).flatten()
}
