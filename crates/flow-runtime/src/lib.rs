//! A small Genkit: models, tools, prompts, structured output and traced steps.
//!
//! It knows no HTTP framework and none of the sample's flows. Read in this order:
//! [`message`] and [`model`] for what a model is asked and answers, [`generate`](mod@generate) for the loop around a
//! model call;
//! [`resilience`] for what guards a model call, [`cache`] and [`join`] for what saves one.

mod breaker;
pub mod cache;
mod driven;
pub mod error;
mod fallback;
mod flights;
pub mod generate;
pub mod join;
mod key;
pub mod message;
pub mod model;
mod prompt;
pub mod registry;
pub mod resilience;
mod retry;
pub mod runtime;
pub mod schema;
pub mod shared;
pub mod step;
pub mod tool;
mod trace;

pub use breaker::{BreakerSettings, CircuitState};
pub use cache::{CacheOutcome, CacheSettings, ResponseCache};
pub use error::ModelError;
pub use generate::Generate;
pub use join::StreamJoin;
pub use key::CallKey;
pub use model::{Model, ModelEvent, ModelResponse, ModelStream};
pub use resilience::Resilience;
pub use retry::RetrySettings;
pub use runtime::Runtime;
pub use schema::{OutputSpec, Schema};
pub use shared::{Claim, Lease, SharedCache};
pub use step::step;
pub use tool::{Tool, ToolError};
