//! A small Genkit: models, tools, prompts, structured output and traced steps.
//!
//! It knows no HTTP framework and none of the sample's flows. Read in this order:
//! [`message`] and [`model`] for what a model is asked and answers, [`providers`] for who answers,
//! [`generate`](mod@generate) for the loop around a model call, [`dotprompt`] for prompts kept in files.

pub mod dotprompt;
pub mod error;
pub mod generate;
pub mod message;
pub mod model;
pub mod providers;
pub mod registry;
pub mod runtime;
pub mod schema;
pub mod step;
pub mod tool;
mod trace;

pub use error::ModelError;
pub use generate::Generate;
pub use model::{Model, ModelEvent, ModelResponse, ModelStream};
pub use providers::{ProviderSettings, Providers};
pub use runtime::Runtime;
pub use schema::{OutputSpec, Schema};
pub use step::step;
pub use tool::{Tool, ToolError};
