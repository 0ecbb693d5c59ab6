//! A failed model call as a row of the error table.

use std::time::Duration;

use flow_edge::{ErrorKind, FlowError};
use flow_runtime::{ModelError, Rejection};

/// `Retry-After` where the provider names none.
const RETRY_LATER: Duration = Duration::from_secs(30);

/// `Retry-After` where only this server is busy.
const SOON: Duration = Duration::from_secs(1);

/// What the client is told; the cause goes to the log. Neither holds a prompt or an upstream's words.
pub fn to_flow_error(error: ModelError) -> FlowError {
    let answer = |kind, detail: &'static str| FlowError::new(kind, detail);
    let flow_error = match &error {
        ModelError::Refused { .. } => FlowError::refused(),
        ModelError::Quota { retry_after } => answer(ErrorKind::Unavailable, "The model's quota is used up.")
            .retry_after(retry_after.unwrap_or(RETRY_LATER)),
        ModelError::CircuitOpen { retry_after } => {
            answer(ErrorKind::Unavailable, "The model keeps failing and is left alone for a while.")
                .retry_after(*retry_after)
        }
        ModelError::Crowded => {
            answer(ErrorKind::Unavailable, "Too many calls to the model are under way.").retry_after(SOON)
        }
        ModelError::NotConfigured => {
            answer(ErrorKind::Unavailable, "No model is configured.").retry_after(RETRY_LATER)
        }
        ModelError::Timeout => answer(ErrorKind::DeadlineExceeded, "The model did not answer in time."),
        ModelError::Upstream { .. } => FlowError::model_failed(),
        ModelError::Unreachable { .. } => {
            answer(ErrorKind::BadGateway, "The model's server could not be reached.")
        }
        ModelError::Rejected { what, .. } => answer(
            ErrorKind::BadGateway,
            match what {
                Rejection::Request => "The model's server refused the request.",
                Rejection::Key => "The model's server refused the key of this server.",
                Rejection::Model => "The model's server has no such model.",
            },
        ),
        ModelError::Unusable { .. } | ModelError::Malformed { .. } => {
            answer(ErrorKind::BadGateway, "The model did not give a usable answer.")
        }
        // `Internal`; the enum is `non_exhaustive`.
        _ => return FlowError::internal(error),
    };
    flow_error.caused_by(error)
}
