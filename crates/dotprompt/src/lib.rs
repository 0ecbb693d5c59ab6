#![doc = include_str!("../README.md")]
//!
//! # Reading order
//!
//! [`Dotprompt`] holds what prompts share, [`Prompt`] is one compiled file, [`Rendered`] is what a model is asked.
//! Parsing does all the work that can be done once: a render neither compiles a template nor resolves a schema.
//! A file goes through `frontmatter` and `picoschema`, its template through `scan`, `whitespace`, `dialect` (with
//! `expression` and `path`) and `template`; `markers` splits what was rendered.

mod blocks;
mod definitions;
mod dialect;
mod environment;
mod error;
mod expression;
mod frontmatter;
mod inline;
mod markers;
pub mod message;
mod path;
mod picoschema;
mod prompt;
mod reserved;
mod scan;
mod template;
mod whitespace;

pub use environment::Dotprompt;
pub use error::PromptError;
pub use frontmatter::{InputSpec, Metadata, OutputFormat, PromptTool};
pub use message::{Media, Message, Part, Role};
pub use prompt::{Prompt, RenderData, Rendered};
