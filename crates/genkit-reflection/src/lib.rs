#![doc = include_str!("../README.md")]

mod action;
mod actions;
mod discovery;
mod error;
mod reflection;
mod rpc;
mod run;
mod server;
mod settings;
mod socket;
mod traces;

pub use action::{Action, Call, Chunks, Descriptor, Outcome, Registry};
pub use actions::actions;
pub use error::{ActionError, ReflectionError};
pub use reflection::Reflection;
pub use settings::ReflectionSettings;
pub use traces::Traces;

/// The version that the tools are told.
const VERSION: &str = concat!("rust/", env!("CARGO_PKG_VERSION"));
