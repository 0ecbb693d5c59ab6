//! The settings of a call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Generation settings, named as Genkit and Dotprompt name them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Randomness, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The longest answer, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// Strings at which the model stops.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// How many of the likeliest tokens to choose among.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Equal seeds make equal answers likelier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// How much to think before the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// Whether tools may or must be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// What only one wire knows, by the wire's name (`gemini`, `openai`, `anthropic`): members that are merged into the
    /// body of its requests, such as `{"gemini": {"safetySettings": […]}}`. In code, [`options`](Self::options) sets it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Map<String, Value>>,
}

/// Settings that one wire alone knows, as a type.
pub trait ProviderOptions {
    /// The wire's name in [`ModelConfig::extra`].
    const WIRE: &'static str;

    /// The members that go into the body of its requests.
    fn into_members(self) -> Map<String, Value>;
}

impl ModelConfig {
    /// Adds settings that one wire alone knows. What was set before under the same names is replaced.
    #[must_use]
    pub fn options<O: ProviderOptions>(mut self, options: O) -> Self {
        self.extra.entry(O::WIRE.to_owned()).or_default().extend(options.into_members());
        self
    }

    /// These settings, and those of `defaults` where these say nothing.
    #[must_use]
    pub fn or(mut self, defaults: &Self) -> Self {
        self.temperature = self.temperature.or(defaults.temperature);
        self.top_p = self.top_p.or(defaults.top_p);
        self.top_k = self.top_k.or(defaults.top_k);
        self.max_output_tokens = self.max_output_tokens.or(defaults.max_output_tokens);
        self.seed = self.seed.or(defaults.seed);
        self.thinking = self.thinking.or(defaults.thinking);
        self.tool_choice = self.tool_choice.or_else(|| defaults.tool_choice.clone());
        if self.stop_sequences.is_empty() {
            self.stop_sequences.clone_from(&defaults.stop_sequences);
        }
        for (wire, members) in &defaults.extra {
            let own = self.extra.entry(wire.clone()).or_default();
            for (name, value) in members {
                own.entry(name.as_str()).or_insert_with(|| value.clone());
            }
        }
        self
    }
}

/// How much a model thinks. What a model does not offer becomes what is nearest to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Thinking {
    /// By name.
    Level(ThinkingLevel),
    /// At most so many tokens; none means no thinking, where the model can do without.
    Budget(u32),
}

/// The levels of thinking that providers name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThinkingLevel {
    /// Hardly any.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// Whether a model calls tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Never.
    None,
    /// It must call one.
    Required,
}

impl Thinking {
    /// A budget in tokens.
    pub fn budget(self) -> u32 {
        match self {
            Self::Budget(tokens) => tokens,
            Self::Level(ThinkingLevel::Minimal) => 0,
            Self::Level(ThinkingLevel::Low) => 1024,
            Self::Level(ThinkingLevel::Medium) => 8192,
            Self::Level(ThinkingLevel::High) => 24_576,
        }
    }

    /// A level by name, in lower case.
    pub fn level(self) -> &'static str {
        match self {
            Self::Level(ThinkingLevel::Minimal) | Self::Budget(0) => "minimal",
            Self::Level(ThinkingLevel::Low) | Self::Budget(1..=4096) => "low",
            Self::Level(ThinkingLevel::Medium) | Self::Budget(4097..=16_384) => "medium",
            Self::Level(ThinkingLevel::High) | Self::Budget(_) => "high",
        }
    }
}
