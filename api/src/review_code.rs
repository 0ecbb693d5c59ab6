//! Reviewing code. `prompts/code_review.prompt` states the same output schema for the model; a test in the
//! application holds the two against each other.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Code to review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct CodeReviewInput {
    /// The code.
    #[garde(length(chars, min = 1, max = 50000))]
    pub code: String,
    /// Its language; guessed when absent.
    #[garde(length(chars, max = 50))]
    pub language: Option<String>,
}

impl Default for CodeReviewInput {
    fn default() -> Self {
        Self { code: "def add(a, b):\n    return a + b".into(), language: None }
    }
}

/// A review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct CodeReview {
    /// The code's quality in a few sentences.
    #[garde(skip)]
    pub summary: String,
    /// What was found, worst first.
    #[garde(dive)]
    pub issues: Vec<Issue>,
    /// The overall mark, from 1 (unusable) to 10 (excellent).
    #[garde(range(min = 1, max = 10))]
    pub score: u8,
    /// The language of the code.
    #[garde(skip)]
    pub language: String,
}

/// One finding of a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[schemars(inline)]
pub struct Issue {
    /// How bad it is.
    #[garde(skip)]
    pub severity: Severity,
    /// Where it is: a line number or a range of them.
    #[garde(skip)]
    pub line: String,
    /// What is wrong.
    #[garde(skip)]
    pub message: String,
    /// What to do about it.
    #[garde(skip)]
    pub suggestion: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Severity {
    /// It is wrong.
    Error,
    /// It may go wrong.
    Warning,
    /// It could be better.
    Info,
}
