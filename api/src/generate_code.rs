//! Writing code.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What code is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct CodeInput {
    /// What the code should do.
    #[garde(length(chars, min = 1, max = 10000))]
    pub description: String,
    /// The programming language. Letters, `#` and `+` only: the word goes into a prompt.
    #[garde(length(chars, max = 50), pattern("^[a-zA-Z#+]+$"))]
    pub language: String,
}

impl Default for CodeInput {
    fn default() -> Self {
        Self {
            description: "a Python function that checks if a number is prime".into(),
            language: "python".into(),
        }
    }
}

/// Code and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct CodeOutput {
    /// The code.
    #[garde(skip)]
    pub code: String,
    /// The language it is written in.
    #[garde(skip)]
    pub language: String,
    /// How it works.
    #[garde(skip)]
    pub explanation: String,
    /// A file name it could be saved under.
    #[garde(skip)]
    pub filename: String,
}
