//! What can be wrong with a prompt file, and where.

use std::io;
use std::path::PathBuf;

/// A prompt that could not be read, parsed or rendered.
///
/// Its text quotes the file only, never what a caller put into the prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// The file could not be read.
    #[error("the prompt file {} could not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is wrong in this file.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<PromptError>,
    },
    /// The front matter is not what Dotprompt knows.
    #[error("line {line}: the front matter {what}")]
    FrontMatter {
        /// The line in the file, from 1.
        line: usize,
        /// What is wrong, continuing "the front matter …".
        what: String,
    },
    /// A schema is neither Picoschema nor JSON Schema.
    #[error("the schema at `{path}` {what}")]
    Schema {
        /// Where in the front matter, dotted.
        path: String,
        /// What is wrong, continuing "the schema …".
        what: String,
    },
    /// A template cannot be compiled.
    #[error("{}line {line}: the template {what}", of_partial(.partial.as_deref()))]
    Template {
        /// The partial it is in; none is the prompt itself.
        partial: Option<String>,
        /// The line in the file or the partial, from 1.
        line: usize,
        /// What is wrong, continuing "the template …".
        what: String,
    },
    /// A compiled template could not be rendered with the data given.
    #[error("{}line {line}: rendering failed, the template {what}", of_partial(.partial.as_deref()))]
    Render {
        /// The partial it is in; none is the prompt itself.
        partial: Option<String>,
        /// The line in the file or the partial, from 1.
        line: usize,
        /// What is wrong, continuing "the template …".
        what: String,
    },
}

/// A line of a template and what is wrong there. The caller knows which template it is.
#[derive(Debug)]
pub(crate) struct LineError {
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl LineError {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

fn of_partial(name: Option<&str>) -> String {
    name.map(|name| format!("partial `{name}`, ")).unwrap_or_default()
}
