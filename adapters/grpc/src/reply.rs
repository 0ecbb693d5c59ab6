//! The typed way out: results to messages, errors to statuses with google.rpc's details.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use flow_core::adapter::App;
use flow_core::edge::unknown_procedure;
use flow_core::schema::{
    ChatResponse, CodeOutput, CodeReview, ImageResponse, JokeResponse, RpgCharacter, Skills,
    TranslationResult,
};
use flow_core::{ErrorKind, FlowError};
use prost::Message;
use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::proto;

/// What a procedure answers with.
pub(crate) type Answer<M> = Result<Response<M>, Status>;

/// Whose reasons `google.rpc.ErrorInfo` gives; the problems' `type` in REST begins with it, too.
const DOMAIN: &str = "genkit-endpoints";

/// The answer of a flow. One too short to be worth it is not compressed.
pub(crate) fn reply<T, M: From<T> + Message>(app: &App, result: Result<T, FlowError>) -> Answer<M> {
    let message = M::from(result.map_err(fault)?);
    let is_short = message.encoded_len() < app.edge.gzip_min_size();
    let mut response = Response::new(message);
    if is_short {
        response.disable_compression();
    }
    Ok(response)
}

/// An error on its way to the edge, which renders it, since only the edge logs.
pub(crate) fn fault(error: FlowError) -> Status {
    let mut status = Status::unknown("");
    status.set_source(Arc::new(error));
    status
}

/// Why a call failed, from the status of a handler of ours or of tonic's.
///
/// tonic refuses what never becomes a message, with texts about its insides. The table has rows for that.
pub(crate) fn with_reason<R>(status: &Status, limit: usize, render: impl FnOnce(&FlowError) -> R) -> R {
    if let Some(error) = status.source().and_then(|it| it.downcast_ref::<FlowError>()) {
        return render(error);
    }
    let error = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            FlowError::new(ErrorKind::BodyTooLarge, format!("The message is larger than {limit} bytes."))
        }
        Code::Unimplemented if status.metadata().is_empty() => unknown_procedure(),
        // It comes with what would be accepted.
        Code::Unimplemented => FlowError::new(
            ErrorKind::MethodNotAllowed,
            "This compression is not supported; compress with gzip or not at all.",
        ),
        _ => FlowError::new(ErrorKind::Malformed, "The message is not of the expected form."),
    };
    render(&error)
}

/// An error as the client sees it.
pub(crate) fn status(error: &FlowError, request_id: &str) -> Status {
    let row = error.kind.row();
    let mut details = ErrorDetails::new();
    details.set_error_info(row.slug.to_ascii_uppercase().replace('-', "_"), DOMAIN, []);
    details.set_request_info(request_id, "");
    if !error.violations.is_empty() {
        let violations = error.violations.iter();
        let violations = violations.map(|it| FieldViolation::new(field(&it.pointer), it.detail.as_str()));
        details.set_bad_request(violations.collect::<Vec<_>>());
    }
    if let Some(seconds) = error.retry_after_seconds() {
        details.set_retry_info(Some(Duration::from_secs(seconds)));
    }
    Status::with_error_details(Code::from_i32(row.status as i32), &*error.detail, details)
}

/// A field's path as protos write it, from a JSON Pointer.
fn field(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

impl From<JokeResponse> for proto::JokeResponse {
    fn from(it: JokeResponse) -> Self {
        Self { joke: it.joke, username: it.username.unwrap_or_default() }
    }
}

impl From<TranslationResult> for proto::TranslationResponse {
    fn from(it: TranslationResult) -> Self {
        Self {
            original_text: it.original_text,
            translated_text: it.translated_text,
            target_language: it.target_language,
            confidence: it.confidence.as_str().to_owned(),
        }
    }
}

impl From<ImageResponse> for proto::ImageResponse {
    fn from(it: ImageResponse) -> Self {
        Self { description: it.description, image_url: it.image_url }
    }
}

impl From<RpgCharacter> for proto::RpgCharacter {
    fn from(it: RpgCharacter) -> Self {
        Self {
            name: it.name,
            back_story: it.back_story,
            abilities: it.abilities,
            skills: Some(it.skills.into()),
        }
    }
}

impl From<Skills> for proto::Skills {
    fn from(it: Skills) -> Self {
        Self { strength: it.strength.into(), charisma: it.charisma.into(), endurance: it.endurance.into() }
    }
}

impl From<ChatResponse> for proto::ChatResponse {
    fn from(it: ChatResponse) -> Self {
        Self { answer: it.answer, persona: it.persona }
    }
}

impl From<CodeOutput> for proto::CodeResponse {
    fn from(it: CodeOutput) -> Self {
        Self { code: it.code, language: it.language, explanation: it.explanation, filename: it.filename }
    }
}

impl From<CodeReview> for proto::CodeReviewResponse {
    fn from(it: CodeReview) -> Self {
        // A review has no map, and nothing else can fail to be written as JSON.
        Self { review: serde_json::to_string(&it).unwrap_or_default() }
    }
}

impl From<String> for proto::JokeChunk {
    fn from(text: String) -> Self {
        Self { text }
    }
}

impl From<String> for proto::StoryChunk {
    fn from(text: String) -> Self {
        Self { text }
    }
}
