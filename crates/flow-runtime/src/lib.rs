#![doc = include_str!("../README.md")]
//!
//! # Reading order
//!
//! [`message`] and [`model`] describe what a model is asked and answers. [`generate`](mod@generate) is the loop around
//! a model call, and [`Runtime`] the handle to it. [`resilience`] guards a call; [`cache`] and [`join`] save one. [`session`] keeps
//! conversations.

mod breaker;
mod builder;
pub mod cache;
mod defaults;
pub mod error;
mod fallback;
pub mod generate;
mod in_flight;
pub mod join;
mod key;
pub mod model;
mod model_call;
mod outcome;
mod prompt_call;
mod prompts;
pub mod resilience;
mod retry;
pub mod runtime;
pub mod schema;
pub mod session;
mod shared_cache;
mod shared_future;
mod state;
pub mod step;
pub mod tool;
pub mod trace;

pub use breaker::{BreakerSettings, CircuitState};
pub use builder::{FindModel, RuntimeBuilder};
pub use cache::{CacheSettings, ResponseCache};
pub use dotprompt::{Metadata as PromptMetadata, message};
pub use error::{ModelError, Rejection};
pub use generate::Generate;
pub use generate::event::{Events, GenerateEvent, ModelEvent, ModelEvents, OutputEvent};
pub use join::StreamJoin;
pub use key::{CallKey, CallScope};
pub use model::{Model, ModelChunk, ModelResponse, ModelStream};
pub use outcome::CacheOutcome;
pub use prompt_call::PromptCall;
pub use prompts::Prompts;
pub use resilience::Resilience;
pub use retry::RetrySettings;
pub use runtime::{Progress, Runtime};
pub use schema::{CompiledSchema, OutputSpec};
pub use session::{Session, SessionKey, SessionSettings, SessionStore, Sessions};
pub use shared_cache::{Claim, Lease, SharedCache};
pub use state::ToolContext;
pub use step::step;
pub use tool::{Tool, ToolError, ToolOutcome};
