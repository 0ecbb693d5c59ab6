//! The models and how to reach them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use flow_models::{demo, is_model_name, options};
use flow_runtime::model::ModelConfig;
use flow_settings::Given;
use secrecy::SecretString;

use super::parse;

/// The built-in, offline model.
pub const DEMO_MODEL: &str = demo::NAME;
/// The model as soon as there is a Gemini key.
const GEMINI_MODEL: &str = "googleai/gemini-flash-latest";

/// The models and how to reach them. Base URLs have no trailing slash.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelSettings {
    /// Model of the flows, such as `openai/gpt-5-mini` or `demo`; several by commas: where one fails, the next.
    ///
    /// Default: googleai/gemini-flash-latest with a key, else demo. Example: `demo`
    #[arg(id = "model", long = "model", env = "MODEL", value_name = "PROVIDER/NAME")]
    #[arg(value_delimiter = ',', value_parser = parse::text)]
    pub models: Vec<String>,
    /// Call settings for each model of `MODEL`, as JSON: the members of `config` in a prompt file, by the model's name. A
    /// setting in the flow or its prompt file wins.
    ///
    /// Example: `{"demo": {"thinking": "low", "maxOutputTokens": 2000}}`
    #[arg(env = "MODEL_CONFIG", value_name = "JSON", value_parser = model_config)]
    pub config: Option<ModelConfigs>,
    /// Key for `googleai/` models.
    ///
    /// Example: `AIza...`
    #[arg(env = "GEMINI_API_KEY", hide_env_values = true, value_name = "KEY", value_parser = parse::secret)]
    pub gemini_api_key: Option<SecretString>,
    /// Server for `googleai/` models.
    ///
    /// Default: Google's. Example: `https://generativelanguage.googleapis.com`
    #[arg(env = "GEMINI_BASE_URL", value_name = "URL", value_parser = parse::base_url)]
    pub gemini_base_url: Option<String>,
    /// Project for `vertexai/` models.
    ///
    /// Example: `my-project`
    #[arg(env = "GOOGLE_CLOUD_PROJECT", value_name = "ID", value_parser = parse::text)]
    pub vertex_project: Option<String>,
    /// Region for `vertexai/` models, or `global`.
    #[arg(env = "GOOGLE_CLOUD_LOCATION", value_name = "REGION")]
    #[arg(default_value = "us-central1", value_parser = parse::text)]
    pub vertex_location: String,
    /// OAuth access token for `vertexai/` models, good for an hour and never renewed.
    ///
    /// Default: tokens that are renewed, by a service account's key file in `GOOGLE_APPLICATION_CREDENTIALS`, `gcloud auth application-default login`, or the metadata server of Google Cloud. Example: `ya29...`
    #[arg(env = "VERTEX_ACCESS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    #[arg(value_parser = parse::secret)]
    pub vertex_access_token: Option<SecretString>,
    /// Server for `vertexai/` models.
    ///
    /// Default: Google's of the region. Example: `https://europe-west1-aiplatform.googleapis.com`
    #[arg(env = "VERTEX_BASE_URL", value_name = "URL", value_parser = parse::base_url)]
    pub vertex_base_url: Option<String>,
    /// Key for `openai/` models.
    ///
    /// Example: `sk-...`
    #[arg(env = "OPENAI_API_KEY", hide_env_values = true, value_name = "KEY", value_parser = parse::secret)]
    pub openai_api_key: Option<SecretString>,
    /// Any OpenAI-compatible server, for `openai/` models.
    ///
    /// Default: OpenAI's. Example: `http://127.0.0.1:8000`
    #[arg(env = "OPENAI_BASE_URL", value_name = "URL", value_parser = parse::base_url)]
    pub openai_base_url: Option<String>,
    /// Key for `anthropic/` models.
    ///
    /// Example: `sk-ant-...`
    #[arg(env = "ANTHROPIC_API_KEY", hide_env_values = true, value_name = "KEY")]
    #[arg(value_parser = parse::secret)]
    pub anthropic_api_key: Option<SecretString>,
    /// Server for `anthropic/` models.
    ///
    /// Default: Anthropic's. Example: `https://api.anthropic.com`
    #[arg(env = "ANTHROPIC_BASE_URL", value_name = "URL", value_parser = parse::base_url)]
    pub anthropic_base_url: Option<String>,
    /// Server for `ollama/` models.
    #[arg(env = "OLLAMA_BASE_URL", value_name = "URL")]
    #[arg(default_value = "http://127.0.0.1:11434", value_parser = parse::base_url)]
    pub ollama_base_url: String,
    /// Time a model call may take, retries included (models of a list share it equally); in a stream, until the
    /// first chunk and between chunks.
    #[arg(env = "LLM_TIMEOUT", value_name = "MILLISECONDS")]
    #[arg(default_value = "120000", value_parser = parse::milliseconds)]
    pub llm_timeout: Duration,
    /// Most calls to one model at once; more wait up to 10 s, then 503.
    #[arg(env = "HTTP_POOL_MAX", value_name = "COUNT")]
    #[arg(default_value = "100", value_parser = parse::positive::<usize>)]
    pub pool_max: usize,
    /// Idle connections kept to each model server.
    #[arg(env = "HTTP_POOL_MAX_IDLE", value_name = "COUNT")]
    #[arg(default_value = "20", value_parser = parse::count)]
    pub pool_max_idle: usize,
}

/// Settings of calls, by the models' names.
pub(super) type ModelConfigs = Arc<BTreeMap<String, ModelConfig>>;

fn model_config(text: &str) -> Result<ModelConfigs, String> {
    let configs: BTreeMap<_, _> =
        serde_json::from_str(text).map_err(|error| format!("must be settings by model, as JSON: {error}"))?;
    for (model, config) in &configs {
        options::check(config).map_err(|error| format!("of {model}: {error}"))?;
    }
    Ok(Arc::new(configs))
}

impl ModelSettings {
    /// The model to use: the first one asked for, else Gemini with a key, else the demo model.
    pub fn name(&self) -> &str {
        let default = if self.gemini_api_key.is_some() { GEMINI_MODEL } else { DEMO_MODEL };
        self.models.first().map_or(default, String::as_str)
    }

    /// The same with the models to ask where it cannot answer.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.models.iter().skip(1).map(String::as_str))
    }

    pub(super) fn check(&self, given: &mut Given) {
        let configured = self.config.iter().flat_map(|it| it.keys());
        if let Some(nobody) = configured.into_iter().find(|name| self.names().all(|it| it != *name)) {
            given.refuse("MODEL_CONFIG", format!("names {nobody}, which is not in MODEL"));
        }
        if let Some(why) = self.names().find_map(|name| self.lacks(name)) {
            given.refuse("MODEL", why);
        }
    }

    /// Why this model cannot be used, if so.
    fn lacks(&self, name: &str) -> Option<&'static str> {
        let (provider, model) = name.split_once('/').unwrap_or((name, ""));
        let (there, why) = match provider {
            _ if self.models.iter().filter(|it| *it == name).count() > 1 => (false, "names a model twice"),
            DEMO_MODEL if self.models.len() > 1 => (false, "has demo in a list: it would stand in unnoticed"),
            DEMO_MODEL if model.is_empty() => return None,
            _ if !is_model_name(model) => (
                false,
                "must be a provider and its model, such as openai/gpt-5-mini, in letters, digits and -_.:/@",
            ),
            "ollama" => return None,
            "googleai" => (
                self.gemini_api_key.is_some() || self.gemini_base_url.is_some(),
                "needs GEMINI_API_KEY, or GEMINI_BASE_URL of a server that asks for none",
            ),
            "vertexai" if !model.starts_with("gemini") => {
                (false, "can only be Gemini models under vertexai/")
            }
            "vertexai" => (self.vertex_project.is_some(), "needs GOOGLE_CLOUD_PROJECT"),
            "openai" => (
                self.openai_api_key.is_some() || self.openai_base_url.is_some(),
                "needs OPENAI_API_KEY, or OPENAI_BASE_URL of a server that asks for none",
            ),
            "anthropic" => (
                self.anthropic_api_key.is_some() || self.anthropic_base_url.is_some(),
                "needs ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL of a server that asks for none",
            ),
            _ => (false, "must begin with googleai/, vertexai/, openai/, anthropic/ or ollama/, or be demo"),
        };
        (!there).then_some(why)
    }
}
