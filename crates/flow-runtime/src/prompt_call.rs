//! A call of a model by a prompt file.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ModelError;
use crate::generate::Generate;
use crate::generate::event::ModelEvents;
use crate::message::Message;
use crate::model::ModelResponse;
use crate::prompts::PromptFile;
use crate::runtime::Runtime;
use crate::schema::OutputSpec;
use crate::session::Session;

impl Runtime {
    /// A call by the prompt file of this name, with these variables.
    pub fn prompt(&self, name: &str, input: &impl Serialize) -> Result<PromptCall, ModelError> {
        let file = self.prompts().get(name)?;
        let mut request = file.request(input)?;
        request.prompt_file = Some(name.to_owned());
        Ok(PromptCall { runtime: self.clone(), file, request })
    }
}

/// A call of a model by a prompt file.
pub struct PromptCall {
    runtime: Runtime,
    file: Arc<PromptFile>,
    request: Generate,
}

impl PromptCall {
    /// The request that the file makes, to change it or to ask in another way.
    pub fn request(self) -> Generate {
        self.request
    }

    /// The messages that the file renders to.
    pub fn messages(&self) -> &[Message] {
        &self.request.messages
    }

    /// Goes on with a conversation, as [`Generate::session`] does.
    #[must_use]
    pub fn session(mut self, session: impl Into<Option<Session>>) -> Self {
        self.request = self.request.session(session);
        self
    }

    /// Asks, as [`Runtime::generate`] does.
    pub async fn generate(self) -> Result<ModelResponse, ModelError> {
        self.runtime.generate(self.request).await
    }

    /// Asks for an answer of the shape that the file says, and reads it into its type.
    pub async fn generate_as<T: DeserializeOwned>(self) -> Result<T, ModelError> {
        let missing = ModelError::internal("the prompt file has no output schema");
        let spec = OutputSpec::of(self.file.output().ok_or(missing)?);
        self.runtime.generate_as(self.request, &spec).await
    }

    /// Asks, as [`Runtime::stream`] does.
    pub fn stream(self) -> ModelEvents {
        self.runtime.stream(self.request)
    }
}
