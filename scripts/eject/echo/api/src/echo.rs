//! Saying a text back.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text to say back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct EchoInput {
    /// The text.
    #[garde(length(chars, min = 1, max = 1000))]
    pub text: String,
}

impl Default for EchoInput {
    fn default() -> Self {
        Self { text: "Hello!".into() }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct EchoOutput {
    /// The text.
    #[garde(skip)]
    #[streamed]
    pub text: String,
}
