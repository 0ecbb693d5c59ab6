#![doc = include_str!("../README.md")]

mod convert;
pub mod demo;
mod genai_model;
mod genai_workarounds;
mod http;
mod http_error;
mod providers;
mod settings;

pub use providers::{Providers, is_model_name};
pub use settings::{ProviderSettings, VertexSettings};
