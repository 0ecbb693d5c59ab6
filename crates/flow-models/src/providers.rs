//! A model by its full name, from the provider that the prefix names.

use std::sync::Arc;

use flow_runtime::ModelError;
use flow_runtime::model::Model;
use secrecy::{ExposeSecret as _, SecretString};

use crate::anthropic::Anthropic;
use crate::demo::{self, Demo};
use crate::gemini::{Access, Gemini};
use crate::http::Clients;
use crate::openai::OpenAi;
use crate::settings::{ProviderSettings, VertexSettings};
use crate::vertex::{DefaultCredentials, FixedToken, Tokens};
use crate::wire::{Wire, WireModel};

/// All providers with their HTTP clients; cloning it is cheap.
#[derive(Clone)]
pub struct Providers {
    settings: Arc<ProviderSettings>,
    clients: Clients,
    /// All models of Vertex share them.
    tokens: Option<Arc<Tokens>>,
    demo: Demo,
}

impl Providers {
    /// Checks that an HTTP client can be built. Nothing is asked of any provider yet.
    pub fn new(settings: ProviderSettings) -> Result<Self, ModelError> {
        let settings = Arc::new(settings);
        let clients = Clients::new(settings.clone())?;
        let tokens = settings.vertex.as_ref().map(|it| match &it.token {
            Some(token) => Arc::new(Tokens::new(FixedToken(token.clone()))),
            None => Arc::new(Tokens::new(DefaultCredentials::default())),
        });
        Ok(Self { settings, clients, tokens, demo: Demo::new() })
    }

    /// Answers with this model under the name `demo`.
    #[must_use]
    pub fn with_demo(self, demo: Demo) -> Self {
        Self { demo, ..self }
    }

    /// The demo model under this name, for programs that run offline.
    pub fn stand_in(&self, name: &str) -> Arc<dyn Model> {
        Arc::new(self.demo.clone().named(name))
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
        let settings = &*self.settings;
        match provider {
            "googleai" => {
                let (own, key) = (settings.gemini_base_url.as_deref(), settings.gemini_api_key.as_ref());
                let base = versioned(own.unwrap_or("https://generativelanguage.googleapis.com"), "v1beta");
                Ok(self.over(name, Gemini::new(model, &base, Access::key(key_for(key, own)?.as_ref())?)?))
            }
            "vertexai" if model.starts_with("gemini") => {
                let missing = ModelError::NotConfigured;
                let (VertexSettings { project, location, base_url, .. }, tokens) =
                    settings.vertex.as_ref().zip(self.tokens.clone()).ok_or(missing)?;
                let host = match (base_url, location.as_str()) {
                    (Some(own), _) => own.trim_end_matches('/').to_owned(),
                    (None, "global") => "https://aiplatform.googleapis.com".to_owned(),
                    (None, region) => format!("https://{region}-aiplatform.googleapis.com"),
                };
                let base = format!("{host}/v1/projects/{project}/locations/{location}/publishers/google");
                Ok(self.over(name, Gemini::new(model, &base, Access::Tokens(tokens))?))
            }
            "openai" => {
                let (own, key) = (settings.openai_base_url.as_deref(), settings.openai_api_key.as_ref());
                let base = versioned(own.unwrap_or("https://api.openai.com"), "v1");
                Ok(self.over(name, OpenAi::new(model, &base, key_for(key, own)?)?))
            }
            "anthropic" => {
                let (own, key) =
                    (settings.anthropic_base_url.as_deref(), settings.anthropic_api_key.as_ref());
                let base = versioned(own.unwrap_or("https://api.anthropic.com"), "v1");
                Ok(self.over(name, Anthropic::new(model, &base, key_for(key, own)?)?))
            }
            // Ollama speaks OpenAI's chat completions, too.
            "ollama" => {
                let base = settings.ollama_base_url.as_deref().unwrap_or("http://localhost:11434");
                Ok(self.over(name, OpenAi::new(model, &versioned(base, "v1"), None)?))
            }
            _ => Err(ModelError::NotConfigured),
        }
    }

    fn over<W: Wire>(&self, name: &str, wire: W) -> Arc<dyn Model> {
        Arc::new(WireModel::new(name, wire, self.clients.clone(), &self.settings))
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Providers").finish_non_exhaustive()
    }
}

/// The key. Only a server of one's own may do without.
fn key_for(key: Option<&SecretString>, own_server: Option<&str>) -> Result<Option<SecretString>, ModelError> {
    let key = key.filter(|it| !it.expose_secret().is_empty()).cloned();
    if key.is_none() && own_server.is_none() { Err(ModelError::NotConfigured) } else { Ok(key) }
}

/// Whether this can be a model's name at its provider. It becomes a part of an address, so it may not leave its path or
/// add a query. Tuned models have names such as `ft:gpt-4o-mini:acme::9abc`.
pub fn is_model_name(name: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_.:/@".contains(it);
    !name.is_empty() && name.chars().all(plain) && !name.split('/').any(|it| matches!(it, "" | "." | ".."))
}

/// Adds the API version to a base address without one.
fn versioned(base: &str, version: &str) -> String {
    let base = base.trim_end_matches('/');
    let last = base.rsplit('/').next().unwrap_or_default();
    let has_version =
        last.strip_prefix('v').is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()));
    if has_version { base.to_owned() } else { format!("{base}/{version}") }
}
