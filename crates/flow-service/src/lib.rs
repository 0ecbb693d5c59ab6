#![doc = include_str!("../README.md")]

mod dedup;
mod failure;
mod output;
mod runner;

pub use failure::failure;
pub use output::output;
pub use runner::{FlowDeps, FlowRunner};
