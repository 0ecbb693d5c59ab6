//! From results to messages, and from errors to statuses with google.rpc's details.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use flow_edge::{App, ErrorKind, FlowError, RequestContext};
use prost::Message;
use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// What a procedure answers with.
pub type Answer<M> = Result<Response<M>, Status>;

/// The answer of a flow. One too short to be worth it is not compressed.
pub fn reply<F, T, M>(app: &App<F>, result: Result<T, FlowError>) -> Answer<M>
where
    F: ?Sized,
    M: From<T> + Message,
{
    let message = M::from(result.map_err(fault)?);
    let is_short = message.encoded_len() < app.edge.gzip_min_size();
    let mut response = Response::new(message);
    if is_short {
        response.disable_compression();
    }
    Ok(response)
}

/// An error on its way to the edge, which renders it, since only the edge logs.
pub fn fault(error: FlowError) -> Status {
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
        // The specification has this code for it ("Compression", `Compressed-Flag`), as if the fault were ours.
        Code::Internal if status.message().contains("compressed-flag") => FlowError::new(
            ErrorKind::Internal,
            "The message is marked as compressed, but the call names no compression.",
        ),
        Code::Unimplemented if status.metadata().is_empty() => FlowError::no_such_procedure(),
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
pub(crate) fn status(error: &FlowError, ctx: &RequestContext) -> Status {
    let row = error.kind.row();
    let mut details = ErrorDetails::new();
    // The problems' `type` in REST begins with the same name.
    details.set_error_info(row.slug.to_ascii_uppercase().replace('-', "_"), ctx.service_name(), []);
    details.set_request_info(&*ctx.request_id, "");
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
