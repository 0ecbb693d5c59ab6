//! Chatting with a pirate captain.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A question for the pirate captain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct ChatInput {
    /// The question.
    #[garde(length(chars, min = 1, max = 5000))]
    pub question: String,
}

impl Default for ChatInput {
    fn default() -> Self {
        Self { question: "What is the best programming language?".into() }
    }
}

/// The captain's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct ChatResponse {
    /// The answer.
    #[garde(skip)]
    pub answer: String,
    /// Who answered.
    #[garde(skip)]
    #[serde(default = "pirate_captain")]
    pub persona: String,
}

impl ChatResponse {
    /// The captain says this.
    pub fn new(answer: String) -> Self {
        Self { answer, persona: pirate_captain() }
    }
}

fn pirate_captain() -> String {
    "pirate captain".into()
}
