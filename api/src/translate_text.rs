//! Translating a text.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text and the language to put it into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
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
