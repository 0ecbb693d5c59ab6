#![doc = include_str!("../README.md")]
//!
//! # Reading order
//!
//! [`Dotprompt`] holds what prompts share, [`Prompt`] is one compiled file, [`Rendered`] is what a model is asked.
//! Parsing does all the work that can be done once: a render neither compiles a template nor resolves a schema.
//! A file goes through `frontmatter` and `picoschema`, its template through `scan`, `whitespace`, `parse` (with
//! `expression` and `words`) and `template`. `render` walks the tree, with `scope` and `helpers`, and `markers`
//! splits what was rendered.

mod definitions;
mod environment;
mod error;
mod expression;
mod frontmatter;
mod helpers;
mod markers;
pub mod message;
mod parse;
mod picoschema;
mod prompt;
mod render;
mod scan;
mod scope;
mod template;
mod whitespace;
mod words;

pub use environment::Dotprompt;
pub use error::PromptError;
pub use frontmatter::{InputSpec, Metadata, OutputFormat, PromptTool};
pub use message::{Media, Message, Part, Role};
pub use prompt::{Prompt, RenderData, Rendered};
