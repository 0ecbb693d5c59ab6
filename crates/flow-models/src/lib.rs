#![doc = include_str!("../README.md")]

mod answer;
mod anthropic;
mod body;
pub mod demo;
mod failure;
mod gemini;
mod http;
mod ids;
mod json;
mod lacks;
mod media;
mod openai;
pub mod options;
mod providers;
mod schema;
mod settings;
mod sse;
mod stream;
mod think;
mod vertex;
mod wire;

pub use providers::{Providers, is_model_name};
pub use settings::{ProviderSettings, VertexSettings};
