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
    /// The conversation to go on with, by a name of the client's own. An unknown one begins. It belongs to the API key
    /// it was begun with; without keys, whoever knows the name goes on with it.
    #[garde(length(min = 1, max = 128), pattern("^[!-~]+$"))]
    pub session: Option<String>,
}

impl Default for ChatInput {
    fn default() -> Self {
        Self { question: "What is the best programming language?".into(), session: None }
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
    /// The conversation that was asked for, if one was.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl ChatResponse {
    /// The captain says this.
    pub fn new(answer: String, session: Option<String>) -> Self {
        Self { answer, persona: pirate_captain(), session }
    }
}

fn pirate_captain() -> String {
    "pirate captain".into()
}
