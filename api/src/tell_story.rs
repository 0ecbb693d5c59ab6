//! Telling a story.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a story is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct StoryInput {
    /// The topic of the story.
    #[garde(length(chars, min = 1, max = 1000))]
    pub topic: String,
}

impl Default for StoryInput {
    fn default() -> Self {
        Self { topic: "a brave cat".into() }
    }
}

/// A story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct StoryResponse {
    /// The whole story.
    #[garde(skip)]
    #[streamed]
    pub story: String,
}
