//! The two flows that stream: jokes and stories.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Streamed;

/// Whom a joke is about, and whom it is told to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
pub struct JokeResponse {
    /// The joke.
    #[garde(skip)]
    pub joke: String,
    /// The listener it was told to, if known.
    #[garde(skip)]
    pub username: Option<String>,
}

impl Streamed for JokeResponse {
    const MEMBER: &'static str = "joke";

    fn text(&self) -> &str {
        &self.joke
    }
}

/// What a story is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
pub struct StoryResponse {
    /// The whole story.
    #[garde(skip)]
    pub story: String,
}

impl Streamed for StoryResponse {
    const MEMBER: &'static str = "story";

    fn text(&self) -> &str {
        &self.story
    }
}
