//! The mends for genai 0.7.2, all of them, and nothing but them.
//!
//! 1. An endpoint without a trailing `/` becomes `/v1betamodels/…`: [`target`] adds it.
//! 2. Unknown names silently go to Ollama, and names ending in `-low` or `-high` are cut: [`target`] names the
//!    adapter itself, [`options`] states an effort that sends nothing, which stops the cutting.
//! 3. A blocked prompt loses its reason: [`options`] captures the raw body, [`watch_for_blocks`] the raw frames.
//! 4. A stream's HTTP error has no `status()`: [`error`] looks inside.
//! 5. A stream goes on after an error, and ends well when it was cut: [`Events`] stops at the first error and
//!    takes an end without a stop reason for a cut.
//! 6. Calls without ids get the same one when they arrive in separate chunks: [`distinct_references`].
//! 7. Errors, and events that genai logs itself, quote prompts and upstream bodies: [`error`] never displays
//!    them, [`silent`] keeps genai's events from every subscriber.
//! 8. `extra_body` merges shallowly and would drop the generation settings: [`options`] never sets it.
//! 9. `JsonMode` sends nothing to Gemini, and the Ollama adapter never sends a schema: `convert::options`
//!    always sends the schema, and `ollama/…` goes through the `OpenAI` adapter.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatStream, ChatStreamEvent, ContentPart, ReasoningEffort};
use genai::resolver::{AuthData, Endpoint};
use genai::webc::{Error as WebError, StreamTimeout};
use genai::{Error, ModelIden, ServiceTarget};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;

use crate::convert;
use crate::verdict::{block_reason, from_body, from_status};
use flow_runtime::ModelError;
use flow_runtime::message::Part;
use flow_runtime::model::ModelResponse;

/// Mends 1 and 2: a complete target, so that genai infers nothing.
pub(crate) fn target(kind: AdapterKind, model: &str, mut base_url: String, auth: AuthData) -> ServiceTarget {
    if !base_url.ends_with('/') {
        base_url.push('/');
    }
    ServiceTarget { endpoint: Endpoint::from_owned(base_url), auth, model: ModelIden::new(kind, model) }
}

/// Mends 2, 3 and 8: the options of every call.
pub(crate) fn options(model: &ModelIden) -> ChatOptions {
    let mut options = ChatOptions::default()
        .with_capture_raw_body(true)
        .with_capture_usage(true)
        .with_capture_content(true)
        .with_capture_tool_calls(true);
    let name: &str = &model.model_name;
    if name.rsplit_once('-').is_some_and(|(_, last)| ReasoningEffort::from_keyword(last).is_some()) {
        // The effort for which the adapter sends nothing; having one, it leaves the name alone.
        options.reasoning_effort = Some(match model.adapter_kind {
            AdapterKind::OpenAI => ReasoningEffort::Budget(0),
            _ => ReasoningEffort::Zero,
        });
    }
    options
}

/// Mend 3 for streams: remembers why a prompt was blocked.
pub(crate) fn watch_for_blocks(options: ChatOptions) -> (ChatOptions, Blocked) {
    let blocked = Blocked::default();
    let seen = blocked.clone();
    let options = options.with_raw_frame_fn(move |_, frame| {
        if frame.data.contains("blockReason")
            && let Some(reason) = frame.json().as_ref().and_then(block_reason)
        {
            *seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        }
    });
    (options, blocked)
}

/// Why a prompt was blocked, once a frame has said so.
#[derive(Clone, Default)]
pub(crate) struct Blocked(Arc<Mutex<Option<ModelError>>>);

/// Mend 5: the events of a stream, over at the first error and honest about its end.
pub(crate) struct Events {
    stream: ChatStream,
    blocked: Blocked,
    text: String,
    _turn: OwnedSemaphorePermit,
}

/// What a stream consists of.
pub(crate) enum Piece {
    /// Something that is not said aloud, but shows that the model is at work.
    Progress,
    Text(String),
    End(ModelResponse),
}

impl Events {
    pub(crate) fn new(stream: ChatStream, blocked: Blocked, turn: OwnedSemaphorePermit) -> Self {
        Self { stream, blocked, text: String::new(), _turn: turn }
    }

    /// The next piece; after an error or the end the caller drops the stream.
    pub(crate) async fn next(&mut self) -> Result<Piece, ModelError> {
        loop {
            match self.stream.next().await {
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    self.text.push_str(&chunk.content);
                    return Ok(Piece::Text(chunk.content));
                }
                Some(Ok(ChatStreamEvent::End(end))) => {
                    let Some(stop) = &end.captured_stop_reason else { return Err(self.cut()) };
                    // The calls are taken from here, whole: on the way some adapters send them in fragments.
                    let calls = end.captured_content.into_iter().flatten().filter(|it| !it.is_text());
                    let parts =
                        std::iter::once(ContentPart::Text(std::mem::take(&mut self.text))).chain(calls);
                    let usage = end.captured_usage.unwrap_or_default();
                    return convert::response(parts, Some(stop), &usage).map(Piece::End);
                }
                Some(Ok(
                    ChatStreamEvent::ReasoningChunk(_)
                    | ChatStreamEvent::ThoughtSignatureChunk(_)
                    | ChatStreamEvent::ToolCallChunk(_),
                )) => return Ok(Piece::Progress),
                // Neither the start, which comes before the request is sent, nor a heartbeat is progress.
                Some(Ok(_)) => {}
                Some(Err(failure)) => {
                    let blocked = self.blocked.0.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Err(blocked.unwrap_or_else(|| error(&failure)));
                }
                None => return Err(self.cut()),
            }
        }
    }

    fn cut(&self) -> ModelError {
        let blocked = self.blocked.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        blocked.unwrap_or_else(|| ModelError::upstream("the stream was cut"))
    }
}

/// Mend 6: gives every call of a turn a reference of its own.
///
/// The form is the one by which genai knows its own stand-ins, which it does not send to Gemini.
pub(crate) fn distinct_references(content: &mut [Part]) {
    let mut taken = HashSet::new();
    for (index, part) in content.iter_mut().enumerate() {
        let Part::ToolRequest { tool_request: call } = part else { continue };
        let reference = call.reference.take().unwrap_or_default();
        let made_up = reference.is_empty() || reference.starts_with("call#");
        let reference = if made_up || taken.contains(&reference) {
            format!("call#{}#{index}", call.name)
        } else {
            reference
        };
        taken.insert(reference.clone());
        call.reference = Some(reference);
    }
}

/// Mend 7: runs genai where no subscriber hears what it logs.
pub(crate) async fn silent<T>(work: impl Future<Output = T>) -> T {
    work.with_subscriber(Dispatch::none()).await
}

/// Mends 3, 4 and 7: what an error means, without a word of what it says.
pub(crate) fn error(error: &Error) -> ModelError {
    match error {
        Error::HttpError { status, body, headers, .. } => from_status(status.as_u16(), headers, body),
        Error::WebModelCall { webc_error, .. } | Error::WebAdapterCall { webc_error, .. } => {
            from_web(webc_error)
        }
        Error::WebStream { error, .. } => from_source(&**error),
        Error::ChatResponse { body, .. } => from_body(body),
        Error::ChatResponseGeneration { response_body, .. } => from_body(response_body),
        Error::StreamParse { .. } => ModelError::upstream("a piece of the stream is not JSON"),
        Error::RequiresApiKey { .. } | Error::NoAuthData { .. } | Error::Resolver { .. } => {
            ModelError::NotConfigured
        }
        Error::AdapterNotSupported { .. } | Error::MessageContentTypeNotSupported { .. } => {
            ModelError::rejected("this provider does not take such a request")
        }
        Error::NoChatResponse { .. } | Error::InvalidJsonResponseElement { .. } | Error::JsonValueExt(_) => {
            ModelError::unusable("not in the provider's own format")
        }
        _ => ModelError::internal("the model client failed"),
    }
}

fn from_web(error: &WebError) -> ModelError {
    match error {
        WebError::ResponseFailedStatus { status, body, headers } => {
            from_status(status.as_u16(), headers, body)
        }
        WebError::ResponseFailedNotJson { .. } | WebError::ResponseFailedInvalidJson { .. } => {
            ModelError::upstream("the answer is not JSON")
        }
        WebError::JsonValueExt(_) => ModelError::unusable("not in the provider's own format"),
        WebError::Reqwest(error) => from_reqwest(error),
    }
}

fn from_source(source: &(dyn StdError + Send + Sync + 'static)) -> ModelError {
    if let Some(inner) = source.downcast_ref::<Error>() {
        error(inner)
    } else if let Some(inner) = source.downcast_ref::<reqwest::Error>() {
        from_reqwest(inner)
    } else if source.is::<StreamTimeout>() {
        ModelError::Timeout
    } else {
        ModelError::upstream("the stream is garbled")
    }
}

fn from_reqwest(error: &reqwest::Error) -> ModelError {
    // A connection attempt that times out says that nobody is there, not that the model is slow.
    if error.is_connect() {
        ModelError::upstream("no connection")
    } else if error.is_timeout() {
        ModelError::Timeout
    } else if error.is_builder() {
        ModelError::rejected("the request could not be built from the settings")
    } else {
        ModelError::upstream("the connection broke")
    }
}
