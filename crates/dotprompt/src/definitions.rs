//! What prompts refer to by name: partials, schemas, and tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::error::PromptError;
use crate::frontmatter::{Metadata, PromptTool};
use crate::picoschema;

/// Finds something by its name, if there is one.
pub(crate) type Resolver<T> = Arc<dyn Fn(&str) -> Option<T> + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Definitions {
    pub(crate) partials: BTreeMap<String, String>,
    pub(crate) find_partial: Option<Resolver<String>>,
    pub(crate) schemas: BTreeMap<String, Value>,
    pub(crate) tools: BTreeMap<String, PromptTool>,
}

impl Definitions {
    /// Converts schemas to JSON Schema and replaces the names of known tools by definitions.
    pub(crate) fn resolve(&self, written: &Metadata) -> Result<Metadata, PromptError> {
        let mut metadata = written.clone();
        let find = |name: &str| self.schemas.get(name).cloned();
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

    pub(crate) fn partial(&self, name: &str) -> Option<String> {
        let found = self.partials.get(name).cloned();
        found.or_else(|| self.find_partial.as_ref().and_then(|find| find(name)))
    }
}
