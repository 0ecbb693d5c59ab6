//! Translation, images, characters and the pirate.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text and the language to put it into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct TranslateInput {
    /// The text to translate.
    #[garde(length(chars, min = 1, max = 10000))]
    pub text: String,
    /// The language to translate into.
    #[garde(length(chars, max = 100))]
    pub target_language: String,
}

impl Default for TranslateInput {
    fn default() -> Self {
        Self {
            text: "On clear winter nights the Northern Lights drift over the Arctic like slow green fire. \
                   Particles blown out by the sun meet the thin air high above the poles, and every atom they \
                   strike gives back a little light."
                .into(),
            target_language: "French".into(),
        }
    }
}

/// A translation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
pub struct TranslationResult {
    /// The text that was translated.
    #[garde(skip)]
    pub original_text: String,
    /// Its translation.
    #[garde(skip)]
    pub translated_text: String,
    /// The language it was translated into.
    #[garde(skip)]
    pub target_language: String,
    /// How sure the translator is.
    #[garde(skip)]
    pub confidence: Confidence,
}

/// How sure a translator is of a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Confidence {
    /// Sure.
    High,
    /// Fairly sure.
    Medium,
    /// Guessing.
    Low,
}

impl Confidence {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct ImageInput {
    /// An `http(s)` address, or the image itself as a base64 `data:` URI.
    // The authority is RFC 3986's without addresses in brackets: a pattern that only lets good ones pass would be
    // longer than what it is good for. No `\s` in the pattern: the dialects of regular expressions disagree
    // on what is a space.
    #[garde(
        length(chars, max = 2048),
        pattern(
            r"^(https?://[A-Za-z0-9._~%!$&'()*+,;=:@-]+([/?#][^\x00-\x20\x7f]*)?|data:image/[a-zA-Z0-9.+-]+;base64,[A-Za-z0-9+/=]+)$"
        )
    )]
    pub image_url: String,
}

impl Default for ImageInput {
    fn default() -> Self {
        Self {
            image_url:
                "https://upload.wikimedia.org/wikipedia/commons/4/47/PNG_transparency_demonstration_1.png"
                    .into(),
        }
    }
}

/// What an image shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
pub struct ImageResponse {
    /// The description.
    #[garde(skip)]
    pub description: String,
    /// The image it describes, as it was given.
    #[garde(skip)]
    pub image_url: String,
}

/// Whom a role-playing character is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default)]
pub struct CharacterInput {
    /// The character's name.
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
}

impl Default for CharacterInput {
    fn default() -> Self {
        Self { name: "Luna".into() }
    }
}

/// A role-playing character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RpgCharacter {
    /// The character's name.
    #[garde(skip)]
    pub name: String,
    /// Where the character comes from.
    #[garde(skip)]
    pub back_story: String,
    /// What the character can do, ten abilities at most.
    #[garde(length(max = 10))]
    pub abilities: Vec<String>,
    /// How well.
    #[garde(dive)]
    pub skills: Skills,
}

/// A character's strengths, each from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[schemars(inline)]
pub struct Skills {
    /// Bodily power.
    #[garde(range(min = 0, max = 100))]
    pub strength: u8,
    /// Power over others.
    #[garde(range(min = 0, max = 100))]
    pub charisma: u8,
    /// Power to go on.
    #[garde(range(min = 0, max = 100))]
    pub endurance: u8,
}

/// A question for the pirate captain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
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
