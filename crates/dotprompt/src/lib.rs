//! Prompts kept in files: the Dotprompt format, front matter and template, turned into messages.
//!
//! [`Dotprompt`] holds what prompts share (partials, named schemas, tools), [`Prompt`] is one parsed and
//! compiled file, [`Rendered`] is what a model is asked. Parsing does all the work that can be done once:
//! a render neither compiles a template nor resolves a schema.
//!
//! The reading order is the order of the work: `frontmatter`, `picoschema`, then the template through
//! `scan`, `whitespace`, `dialect` (with `expression` and `path`) and `template`, and last `messages`.

mod blocks;
mod dialect;
mod environment;
mod error;
mod expression;
mod frontmatter;
mod inline;
pub mod message;
mod messages;
mod path;
mod picoschema;
mod prompt;
mod scan;
mod template;
mod whitespace;

pub use environment::Dotprompt;
pub use error::PromptError;
pub use frontmatter::{InputSpec, Metadata, OutputFormat, PromptTool};
pub use message::{Media, Message, Part, Role};
pub use prompt::{Prompt, RenderData, Rendered};
