//! Workarounds for defects of genai 0.7.2. Check each when genai is updated; remove them with genai.
//!
//! 1. An endpoint without a trailing `/` becomes `/v1betamodels/…`: [`target`] adds it.
//! 2. Unknown names silently go to Ollama, and names ending in `-low` or `-high` are cut: [`target`] names the
//!    adapter, and [`options`] sets an effort that sends nothing, which keeps the name whole.
//! 3. A blocked prompt loses its reason: [`options`] captures the raw body, [`watch_for_blocks`] the raw frames.
//! 4. A stream's HTTP error has no `status()`: [`error`] looks inside.
//! 5. A stream goes on after an error, and ends without one when it was cut: [`Events`] stops at the first error,
//!    and an end without a stop reason is a cut.
//! 6. Calls without ids get the same one when they arrive in separate chunks: [`distinct_references`].
//! 7. Errors, and events that genai logs itself, quote prompts and upstream bodies: [`error`] never displays
//!    them, and [`silent`] hides genai's events from every subscriber.
//! 8. `extra_body` merges shallowly and would drop the generation settings: [`options`] never sets it.
//! 9. `JsonMode` sends nothing to Gemini, and the Ollama adapter never sends a schema: `convert::options`
//!    always sends the schema, and `ollama/…` goes through the `OpenAI` adapter.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use flow_runtime::ModelError;
use flow_runtime::message::Part;
use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatOptions, ChatStream, ChatStreamEvent, ContentPart, ReasoningEffort, StopReason, Usage,
};
use genai::resolver::{AuthData, Endpoint};
use genai::webc::{Error as WebError, StreamTimeout};
use genai::{Error, ModelIden, ServiceTarget};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;

use crate::http_error::{block_reason, from_body, from_status};

/// Workarounds 1 and 2: a complete target leaves genai nothing to infer.
pub(crate) fn target(kind: AdapterKind, model: &str, mut base_url: String, auth: AuthData) -> ServiceTarget {
    if !base_url.ends_with('/') {
        base_url.push('/');
    }
    ServiceTarget { endpoint: Endpoint::from_owned(base_url), auth, model: ModelIden::new(kind, model) }
}

/// Workarounds 2, 3 and 8: the options of every call.
pub(crate) fn options(model: &ModelIden) -> ChatOptions {
    let mut options = ChatOptions::default()
        .with_capture_raw_body(true)
        .with_capture_usage(true)
        .with_capture_content(true)
        .with_capture_tool_calls(true);
    let name: &str = &model.model_name;
    if name.rsplit_once('-').is_some_and(|(_, last)| ReasoningEffort::from_keyword(last).is_some()) {
        // The adapter sends nothing for this effort, and with an effort set it does not cut the name.
        options.reasoning_effort = Some(match model.adapter_kind {
            AdapterKind::OpenAI => ReasoningEffort::Budget(0),
            _ => ReasoningEffort::Zero,
        });
    }
    options
}

/// Workaround 3 for streams: remembers why a prompt was blocked.
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

/// Workaround 5: the events of a stream up to the first error, with a cut as an error.
pub(crate) struct Events {
    stream: ChatStream,
    blocked: Blocked,
    text: String,
    _slot: OwnedSemaphorePermit,
}

/// One event of a stream.
pub(crate) enum Piece {
    /// Something without text that shows that the model is at work.
    Progress,
    Text(String),
    End(End),
}

/// The end of a stream, with the whole answer.
pub(crate) struct End {
    pub(crate) parts: Vec<ContentPart>,
    pub(crate) stop: StopReason,
    pub(crate) usage: Usage,
}

impl Events {
    pub(crate) fn new(stream: ChatStream, blocked: Blocked, slot: OwnedSemaphorePermit) -> Self {
        Self { stream, blocked, text: String::new(), _slot: slot }
    }

    /// The next piece. After an error or the end the caller drops the stream.
    pub(crate) async fn next(&mut self) -> Result<Piece, ModelError> {
        loop {
            match self.stream.next().await {
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    self.text.push_str(&chunk.content);
                    return Ok(Piece::Text(chunk.content));
                }
                Some(Ok(ChatStreamEvent::End(end))) => {
                    let Some(stop) = end.captured_stop_reason else { return Err(self.cut()) };
                    // The calls are taken from the end, because some adapters stream them in fragments.
                    let calls = end.captured_content.into_iter().flatten().filter(|it| !it.is_text());
                    let parts =
                        std::iter::once(ContentPart::Text(std::mem::take(&mut self.text))).chain(calls);
                    let usage = end.captured_usage.unwrap_or_default();
                    return Ok(Piece::End(End { parts: parts.collect(), stop, usage }));
                }
                Some(Ok(
                    ChatStreamEvent::ReasoningChunk(_)
                    | ChatStreamEvent::ThoughtSignatureChunk(_)
                    | ChatStreamEvent::ToolCallChunk(_),
                )) => return Ok(Piece::Progress),
                // The start comes before the request is sent, so neither it nor a heartbeat is progress.
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

/// Workaround 6: gives every call of a turn a reference of its own.
///
/// genai takes references of this form for its own and does not send them to Gemini.
pub(crate) fn distinct_references(content: &mut [Part]) {
    let mut taken = HashSet::new();
    for (index, part) in content.iter_mut().enumerate() {
        let Part::ToolRequest { tool_request: call, .. } = part else { continue };
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

/// Workaround 7: runs genai without a subscriber.
pub(crate) async fn silent<T>(work: impl Future<Output = T>) -> T {
    work.with_subscriber(Dispatch::none()).await
}

/// Workarounds 3, 4 and 7: our error for genai's, without its text.
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
    // A connection attempt that times out shows an absent server, not a slow model.
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
