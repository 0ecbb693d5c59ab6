//! How a server is to be.

use std::time::Duration;

/// How the server is, before it starts.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(crate) port: u16,
    pub(crate) key: Option<String>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) chunk_delay: Duration,
    pub(crate) lenient: bool,
    pub(crate) keep: Option<usize>,
}

impl Builder {
    /// A fixed port; any free one unless told.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The only key that is let in. Unless told, anyone is, even without a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The only models there are. Unless told, every name is one.
    #[must_use]
    pub fn models<M: Into<String>>(mut self, models: impl IntoIterator<Item = M>) -> Self {
        self.models = Some(models.into_iter().map(Into::into).collect());
        self
    }

    /// The wait before each chunk of replies that name none.
    #[must_use]
    pub fn chunk_delay(mut self, delay: Duration) -> Self {
        self.chunk_delay = delay;
        self
    }

    /// Answers also what Gemini would refuse with 400: unknown fields, no contents, functions together with
    /// a response schema before Gemini 3, calls without their results or, on Gemini 3, without signature.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Keeps only the first `requests` requests; the rest is counted. For long runs.
    #[must_use]
    pub fn keep(mut self, requests: usize) -> Self {
        self.keep = Some(requests);
        self
    }
}
