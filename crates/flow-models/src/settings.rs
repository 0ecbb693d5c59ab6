//! Keys, addresses and limits.

use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::SecretString;

/// Keys, addresses and limits of all providers. `Debug` hides the keys.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// What model servers are told of who asks: the application's name and version.
    pub user_agent: String,
    /// The key for `googleai/…`.
    pub gemini_api_key: Option<SecretString>,
    /// Gemini's address instead of Google's, with or without the `/v1beta`.
    pub gemini_base_url: Option<String>,
    /// The key for `openai/…`. A server of your own may need none, here and with the other providers.
    pub openai_api_key: Option<SecretString>,
    /// The address of an OpenAI-compatible server, with or without the `/v1`.
    pub openai_base_url: Option<String>,
    /// The key for `anthropic/…`.
    pub anthropic_api_key: Option<SecretString>,
    /// Anthropic's address instead of its own, with or without the `/v1`.
    pub anthropic_base_url: Option<String>,
    /// Ollama's address instead of `http://localhost:11434`.
    pub ollama_base_url: Option<String>,
    /// Where and as whom to ask for `vertexai/…`.
    pub vertex: Option<VertexSettings>,
    /// How long an answer may take: the whole of it, or the first piece of a streamed one.
    pub llm_timeout: Duration,
    /// How long a streamed answer may pause between two pieces; never more than `llm_timeout`.
    pub stream_idle_timeout: Duration,
    /// How many calls to one model may be in flight. Further ones wait for ten seconds or a quarter of
    /// `llm_timeout`, whichever is shorter, and then fail.
    pub pool_max: usize,
    /// How many idle connections are kept per host.
    pub pool_max_idle: usize,
    /// Adds headers to each request: those of the trace that it belongs to.
    pub propagate: Option<fn(&mut HeaderMap)>,
}

/// Access to Vertex AI.
#[derive(Clone, Debug)]
pub struct VertexSettings {
    /// The Google Cloud project.
    pub project: String,
    /// The region, or `global`.
    pub location: String,
    /// An OAuth 2 access token, which expires within the hour. Without one, tokens are found and renewed: by a service
    /// account's key file that `GOOGLE_APPLICATION_CREDENTIALS` names, by what `gcloud auth application-default login`
    /// has written, by the metadata server, or by the program `gcloud`.
    pub token: Option<SecretString>,
    /// Another server than Google's, with its scheme.
    pub base_url: Option<String>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).into(),
            gemini_api_key: None,
            gemini_base_url: None,
            openai_api_key: None,
            openai_base_url: None,
            anthropic_api_key: None,
            anthropic_base_url: None,
            ollama_base_url: None,
            vertex: None,
            llm_timeout: Duration::from_mins(2),
            stream_idle_timeout: Duration::from_mins(2),
            pool_max: 100,
            pool_max_idle: 20,
            propagate: None,
        }
    }
}
