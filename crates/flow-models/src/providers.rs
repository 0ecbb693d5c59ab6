//! A model by its full name, from the provider that the prefix names.

use std::sync::Arc;

use flow_runtime::ModelError;
use flow_runtime::model::Model;
use genai::adapter::AdapterKind;
use genai::resolver::AuthData;
use secrecy::{ExposeSecret as _, SecretString};

use crate::demo::{self, Demo};
use crate::genai_model::GenaiModel;
use crate::settings::{ProviderSettings, VertexSettings};
use crate::{genai_workarounds, http};

/// All providers with one HTTP client; cloning it is cheap.
#[derive(Clone)]
pub struct Providers {
    settings: Arc<ProviderSettings>,
    http: reqwest::Client,
    demo: Demo,
}

impl Providers {
    /// Builds the HTTP client. Nothing is asked of any provider yet.
    pub fn new(settings: ProviderSettings) -> Result<Self, ModelError> {
        let http = http::client(&settings)?;
        Ok(Self { settings: Arc::new(settings), http, demo: Demo::new() })
    }

    /// Answers with this model under the name `demo`.
    #[must_use]
    pub fn with_demo(self, demo: Demo) -> Self {
        Self { demo, ..self }
    }

    /// The model of this full name: `googleai/…`, `vertexai/…`, `openai/…`, `anthropic/…`, `ollama/…` or `demo`.
    ///
    /// [`ModelError::NotConfigured`] if the prefix is unknown or its key is missing.
    pub fn model(&self, name: &str) -> Result<Arc<dyn Model>, ModelError> {
        if name == demo::NAME {
            return Ok(Arc::new(self.demo.clone()));
        }
        let (provider, model) = name.split_once('/').ok_or(ModelError::NotConfigured)?;
        if !is_model_name(model) {
            return Err(ModelError::NotConfigured);
        }
        let (kind, endpoint, auth) = self.target(provider, model).ok_or(ModelError::NotConfigured)?;
        let target = genai_workarounds::target(kind, model, endpoint, auth);
        Ok(Arc::new(GenaiModel::new(name, target, self.http.clone(), &self.settings)?))
    }

    fn target(&self, provider: &str, model: &str) -> Option<(AdapterKind, String, AuthData)> {
        let settings = &*self.settings;
        Some(match provider {
            "googleai" => {
                let base = settings
                    .gemini_base_url
                    .as_deref()
                    .unwrap_or("https://generativelanguage.googleapis.com");
                (AdapterKind::Gemini, versioned(base, "v1beta"), key(settings.gemini_api_key.as_ref())?)
            }
            // genai sends no schema to Vertex's Claude, so only Gemini is offered there.
            "vertexai" if model.starts_with("gemini") => {
                let VertexSettings { project, location, token } = settings.vertex.as_ref()?;
                let host = match location.as_str() {
                    "global" => "aiplatform.googleapis.com".to_owned(),
                    region => format!("{region}-aiplatform.googleapis.com"),
                };
                let base = format!("https://{host}/v1/projects/{project}/locations/{location}");
                (AdapterKind::Vertex, base, key(Some(token))?)
            }
            "openai" => {
                let own_server = settings.openai_base_url.clone();
                let anonymous = own_server.is_some().then(|| AuthData::from_single("none"));
                let auth = key(settings.openai_api_key.as_ref()).or(anonymous)?;
                (AdapterKind::OpenAI, own_server.unwrap_or_else(|| "https://api.openai.com/v1".into()), auth)
            }
            "anthropic" => {
                let base = settings.anthropic_base_url.as_deref().unwrap_or("https://api.anthropic.com");
                (AdapterKind::Anthropic, versioned(base, "v1"), key(settings.anthropic_api_key.as_ref())?)
            }
            // Ollama speaks OpenAI's format, too; genai's own Ollama adapter sends no schema.
            "ollama" => {
                let base = settings.ollama_base_url.as_deref().unwrap_or("http://localhost:11434");
                (AdapterKind::OpenAI, versioned(base, "v1"), AuthData::from_single("ollama"))
            }
            _ => return None,
        })
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Providers").finish_non_exhaustive()
    }
}

fn key(secret: Option<&SecretString>) -> Option<AuthData> {
    let secret = secret?.expose_secret();
    (!secret.is_empty()).then(|| AuthData::from_single(secret))
}

/// Whether this can be a model's name at its provider. It becomes a part of an address, so it may not leave its path,
/// add a query or name another provider.
pub fn is_model_name(name: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_.:/@".contains(it);
    !name.is_empty() && name.chars().all(plain) && !name.contains("..") && !name.contains("::")
}

/// Adds the API version to a base address without one.
fn versioned(base: &str, version: &str) -> String {
    let base = base.trim_end_matches('/');
    let last = base.rsplit('/').next().unwrap_or_default();
    let has_version =
        last.strip_prefix('v').is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()));
    if has_version { base.to_owned() } else { format!("{base}/{version}") }
}
