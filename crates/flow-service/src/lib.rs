#![doc = include_str!("../README.md")]

mod dedup;
mod error;
mod measure;
mod output;
mod runner;

pub use error::to_flow_error;
pub use output::output;
pub use runner::{FlowDeps, FlowRunner, RuntimeSlot};
