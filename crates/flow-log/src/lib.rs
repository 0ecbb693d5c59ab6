#![doc = include_str!("../README.md")]

mod correlation;
mod json;
mod lines;
mod output;
mod panics;

pub use correlation::Correlation;
pub use json::Json;
pub use lines::Lines;
pub use output::{Guard, Queue, non_blocking};
pub use panics::log_panics;
