//! Settings that one wire alone knows. Each type has the members that are asked for most; every other member of a
//! request goes into `more`, as the provider names it.
//!
//! In code: `Generate::options(GeminiOptions { … })`. In a prompt file under `config: extra:`, and in the defaults of a
//! model under `extra`, by the wire's name: `gemini`, `openai` or `anthropic`.

use std::collections::BTreeMap;

use flow_runtime::ModelError;
use flow_runtime::model::{ModelConfig, ProviderOptions};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What only Gemini knows, on Vertex AI too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeminiOptions {
    /// How strictly harmful content is blocked (<https://ai.google.dev/gemini-api/docs/safety-settings>).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub safety_settings: Vec<SafetySetting>,
    /// What was cached before: `cachedContents/…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_content: Option<String>,
    /// Names for the bill. Vertex AI alone takes them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// All else, such as `generationConfig`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How strictly one kind of content is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SafetySetting {
    /// The kind of content.
    pub category: HarmCategory,
    /// From where on it is blocked.
    pub threshold: HarmThreshold,
}

/// The kinds of harmful content that Gemini tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HarmCategory {
    /// Content that harasses somebody.
    #[serde(rename = "HARM_CATEGORY_HARASSMENT")]
    Harassment,
    /// Hate speech.
    #[serde(rename = "HARM_CATEGORY_HATE_SPEECH")]
    HateSpeech,
    /// Sexually explicit content.
    #[serde(rename = "HARM_CATEGORY_SEXUALLY_EXPLICIT")]
    SexuallyExplicit,
    /// Dangerous content.
    #[serde(rename = "HARM_CATEGORY_DANGEROUS_CONTENT")]
    DangerousContent,
    /// Content that may harm an election.
    #[serde(rename = "HARM_CATEGORY_CIVIC_INTEGRITY")]
    CivicIntegrity,
}

/// From which probability on Gemini blocks content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HarmThreshold {
    /// From a low one on.
    BlockLowAndAbove,
    /// From a medium one on.
    BlockMediumAndAbove,
    /// Only from a high one on.
    BlockOnlyHigh,
    /// Nothing is blocked.
    BlockNone,
    /// Nothing is blocked or looked at.
    Off,
}

/// What only OpenAI knows, and some of the servers that speak its chat completions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenAiOptions {
    /// -2 to 2: how much the model avoids tokens by how often they came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// -2 to 2: how much the model avoids tokens that came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// -100 to 100 for each of these tokens, by their numbers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub logit_bias: BTreeMap<String, f64>,
    /// Whether several tools may be called at once. It is left out where there is no tool: OpenAI refuses it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// How much the model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Verbosity>,
    /// `auto`, `default`, `flex` or `priority`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Calls with an equal key are likelier to find their prompt in the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    /// Who is behind the call, as a digest, so that the provider can stop one abuser and not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_identifier: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// How much a model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// Little.
    Low,
    /// As usual.
    Medium,
    /// Much.
    High,
}

/// What only Anthropic knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnthropicOptions {
    /// Who is behind the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<AnthropicMetadata>,
    /// `auto` or `standard_only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Who is behind a call to Anthropic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnthropicMetadata {
    /// A digest or another text that names nobody, so that the provider can stop one abuser and not all.
    pub user_id: String,
}

impl ProviderOptions for GeminiOptions {
    const WIRE: &'static str = "gemini";

    fn into_members(self) -> Map<String, Value> {
        members(&self)
    }
}

impl ProviderOptions for OpenAiOptions {
    const WIRE: &'static str = "openai";

    fn into_members(self) -> Map<String, Value> {
        members(&self)
    }
}

impl ProviderOptions for AnthropicOptions {
    const WIRE: &'static str = "anthropic";

    fn into_members(self) -> Map<String, Value> {
        members(&self)
    }
}

/// Whether the settings for single wires are well-formed.
pub fn check(config: &ModelConfig) -> Result<(), ModelError> {
    for (wire, members) in &config.extra {
        let fault = match wire.as_str() {
            GeminiOptions::WIRE => fault::<GeminiOptions>(members),
            OpenAiOptions::WIRE => fault::<OpenAiOptions>(members),
            AnthropicOptions::WIRE => fault::<AnthropicOptions>(members),
            _ => Some("must be gemini, openai or anthropic".to_owned()),
        };
        if let Some(fault) = fault {
            return Err(ModelError::internal(format!("extra.{wire}: {fault}")));
        }
    }
    Ok(())
}

fn fault<T: DeserializeOwned>(members: &Map<String, Value>) -> Option<String> {
    T::deserialize(Value::Object(members.clone())).err().map(|it| it.to_string())
}

/// The members of a struct. A struct of texts and numbers is always an object.
fn members(options: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(extra: Value) -> ModelConfig {
        serde_json::from_value(json!({ "extra": extra })).unwrap()
    }

    #[test]
    fn what_code_sets_is_what_a_file_would_say() {
        let safety =
            SafetySetting { category: HarmCategory::HateSpeech, threshold: HarmThreshold::BlockNone };
        let options = GeminiOptions {
            safety_settings: vec![safety],
            more: members(&json!({"generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}})),
            ..Default::default()
        };
        let typed = ModelConfig::default()
            .options(options)
            .options(OpenAiOptions { parallel_tool_calls: Some(false), ..Default::default() })
            .options(AnthropicOptions {
                metadata: Some(AnthropicMetadata { user_id: "u".into() }),
                ..Default::default()
            });
        let file = config(json!({
            "gemini": {
                "safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}],
                "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
            },
            "openai": {"parallel_tool_calls": false},
            "anthropic": {"metadata": {"user_id": "u"}},
        }));
        assert_eq!(typed, file);
        assert_eq!(check(&file), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (extra, wanted) in [
            (json!({"gemni": {}}), "extra.gemni: must be gemini, openai or anthropic"),
            (
                json!({"gemini": {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "SOME"}]}}),
                "unknown variant `SOME`, expected one of `BLOCK_LOW_AND_ABOVE`",
            ),
            (json!({"openai": {"verbosity": 1}}), "extra.openai: "),
            (json!({"anthropic": {"metadata": {"user": "u"}}}), "unknown field `user`, expected `user_id`"),
        ] {
            let error = check(&config(extra)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        assert_eq!(
            check(&config(json!({"openai": {"min_p": 0.1}}))),
            Ok(()),
            "a compatible server may know it"
        );
    }
}
