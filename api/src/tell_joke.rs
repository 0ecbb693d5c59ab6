//! Telling a joke.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whom a joke is about, and whom it is told to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct JokeInput {
    /// The subject of the joke.
    #[garde(length(chars, max = 200))]
    pub name: String,
    /// The listener's display name. An `Authorization` header that is no API key takes its place.
    #[garde(length(chars, max = 200))]
    pub username: Option<String>,
}

impl Default for JokeInput {
    fn default() -> Self {
        Self { name: "Mittens".into(), username: None }
    }
}

/// A joke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct JokeResponse {
    /// The joke.
    #[garde(skip)]
    #[streamed]
    pub joke: String,
    /// The listener it was told to, if known.
    #[garde(skip)]
    pub username: Option<String>,
}
