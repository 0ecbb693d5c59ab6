//! From a request body to a validated input.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use crate::context::RequestContext;
use crate::error::{ErrorKind, FlowError, Violation};
use crate::schema::Schema;

/// How many faults one answer lists. A hostile body can have as many as it has members.
const MAX_VIOLATIONS: usize = 50;

/// Reads a whole body of at most `limit` bytes.
///
/// It counts the bytes that arrive: a `Content-Length` may be wrong or missing (chunked, HTTP/2). One over the limit
/// the edge has refused already.
pub(super) async fn collect<S, E>(body: S, limit: usize) -> Result<Bytes, FlowError>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|_| FlowError::new(ErrorKind::Malformed, "The body broke off before its end."))?;
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(FlowError::body_too_large(limit));
        }
        // Nearly every body arrives in one piece, which is then handed on without a copy.
        if first.is_empty() && rest.is_empty() {
            first = chunk;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&chunk);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Reads a flow's input from a request's body.
pub async fn read<T, S, E>(ctx: &RequestContext, content_type: Option<&[u8]>, body: S) -> Result<T, FlowError>
where
    T: Schema,
    S: Stream<Item = Result<Bytes, E>>,
{
    decode(content_type, &collect(body, ctx.max_body_size()).await?)
}

/// Reads a flow's input from a body that is declared to be JSON.
pub fn decode<T: Schema>(content_type: Option<&[u8]>, body: &[u8]) -> Result<T, FlowError> {
    check_not_empty(body)?;
    check_declared_json(content_type)?;
    // serde reads an array as a struct's members in order, and skips what it ignores without looking at its bytes. On
    // the wire only an object is an input, and all of it is UTF-8.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    if let (true, Ok(text)) = (is_object, std::str::from_utf8(body)) {
        match serde_json::from_str::<T>(text) {
            Ok(input) if input.validate().is_ok() => return Ok(input),
            Err(error) if !error.is_data() => return Err(malformed(&error)),
            _ => {}
        }
    }
    // Only now the costlier way, which finds every fault and its place.
    Err(faults::<T>(&parse(body)?))
}

/// The same for an input that is already parsed.
pub fn decode_value<T: Schema>(value: &Value) -> Result<T, FlowError> {
    match T::deserialize(value) {
        Ok(input) if value.is_object() && input.validate().is_ok() => Ok(input),
        _ => Err(faults::<T>(value)),
    }
}

/// Reads any JSON document.
pub(crate) fn decode_any(body: &[u8]) -> Result<Value, FlowError> {
    check_not_empty(body)?;
    parse(body)
}

fn check_not_empty(body: &[u8]) -> Result<(), FlowError> {
    if body.is_empty() {
        return Err(FlowError::new(ErrorKind::Malformed, "The body is empty. Send {} for all defaults."));
    }
    Ok(())
}

/// The error of a body that is packed.
pub(crate) fn coded() -> FlowError {
    let detail = "The body must be sent without a content-encoding.";
    FlowError::new(ErrorKind::UnsupportedMediaType, detail)
}

pub(crate) fn check_declared_json(content_type: Option<&[u8]>) -> Result<(), FlowError> {
    let essence = content_type.unwrap_or_default().split(|it| *it == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/json") {
        Ok(())
    } else {
        let detail = "The body must be sent as content-type: application/json.";
        Err(FlowError::new(ErrorKind::UnsupportedMediaType, detail))
    }
}

fn parse(body: &[u8]) -> Result<Value, FlowError> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

/// Says where the text stops being JSON, without repeating any of it.
fn malformed(error: &serde_json::Error) -> FlowError {
    // It is JSON, of a number that no type of ours can hold. serde_json tells the two apart in its text alone.
    if error.to_string().starts_with("number out of range") {
        let detail = "has a number that is too large".to_owned();
        return FlowError::invalid(vec![Violation { pointer: String::new(), detail }]);
    }
    let detail = format!("The body is not JSON, from line {}, column {}.", error.line(), error.column());
    FlowError::new(ErrorKind::Malformed, detail)
}

/// Lists every fault of a document that is no valid `T`.
///
/// The rules are garde's and serde's, but both stop short: serde at the first wrong type, garde at a
/// document serde could not read. The JSON Schema derived from the same attributes sees all of it.
fn faults<T: Schema>(document: &Value) -> FlowError {
    let mut violations: Vec<_> = T::validator()
        .iter_errors(document)
        .take(MAX_VIOLATIONS)
        .map(|error| Violation {
            pointer: error.instance_path().as_str().to_owned(),
            detail: explain(error.kind()),
        })
        .collect();
    if violations.is_empty() {
        // Such as a member given twice, or 1.0 for an integer, which the schema lets pass.
        violations
            .push(Violation { pointer: String::new(), detail: "does not have the expected form".into() });
    }
    FlowError::invalid(violations)
}

/// A rule's own text; jsonschema's would quote the offending value, which may be a prompt.
fn explain(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { kind: TypeKind::Single(it) } => format!("must be of type {it}"),
        Kind::Type { kind: TypeKind::Multiple(types) } => {
            let names: Vec<_> = types.iter().map(|it| it.to_string()).collect();
            format!("must be of type {}", names.join(" or "))
        }
        Kind::MaxLength { limit } => format!("must have at most {limit} {}", plural(*limit, "character")),
        Kind::MinLength { limit } => format!("must have at least {limit} {}", plural(*limit, "character")),
        Kind::MaxItems { limit } => format!("must have at most {limit} {}", plural(*limit, "item")),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Pattern { pattern } => format!("must match {pattern}"),
        Kind::Required { property } => format!("must have the member {property}"),
        Kind::Enum { options } => format!("must be one of {options}"),
        other => format!("breaks the rule \"{}\"", other.keyword()),
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::samples::Request;

    const JSON: Option<&[u8]> = Some(b"application/json");

    fn kind(content_type: Option<&[u8]>, body: &[u8]) -> ErrorKind {
        decode::<Request>(content_type, body).unwrap_err().kind
    }

    #[test]
    fn each_way_to_be_wrong_has_its_row() {
        assert_eq!(kind(JSON, b""), ErrorKind::Malformed);
        assert_eq!(kind(JSON, b"{"), ErrorKind::Malformed);
        assert_eq!(kind(JSON, b"{\"text\":\"\xff\"}"), ErrorKind::Malformed);
        assert_eq!(kind(JSON, b"{\"text\":1,"), ErrorKind::Malformed);
        assert_eq!(kind(JSON, b"[]"), ErrorKind::Invalid);
        assert_eq!(kind(JSON, b"{\"text\":1e400}"), ErrorKind::Invalid);
        assert_eq!(kind(JSON, b"{\"text\":null}"), ErrorKind::Invalid);
        assert_eq!(kind(JSON, b"{\"text\":\"a\",\"text\":\"b\"}"), ErrorKind::Invalid);
        assert_eq!(kind(None, b"{}"), ErrorKind::UnsupportedMediaType);
        assert_eq!(kind(Some(b"text/json"), b"{}"), ErrorKind::UnsupportedMediaType);
        assert!(decode::<Request>(Some(b"Application/JSON; charset=utf-8"), b"{}").is_ok());
    }

    #[test]
    fn bad_utf8_is_refused_in_a_member_that_is_ignored_too() {
        assert_eq!(kind(JSON, b"{\"x\":\"\xff\"}"), ErrorKind::Malformed);
        assert!(decode::<Request>(JSON, "{\"x\":\"é\"}".as_bytes()).is_ok());
    }

    #[test]
    fn an_array_is_invalid_and_not_malformed_however_many_items_it_has() {
        for body in ["[]", "[\"a\"]", "[\"a\",\"b\",\"c\"]"] {
            assert_eq!(kind(JSON, body.as_bytes()), ErrorKind::Invalid, "{body}");
        }
        assert_eq!(kind(JSON, b"[\"a\" \"b\"]"), ErrorKind::Malformed);
    }

    #[test]
    fn every_fault_is_listed_at_once_without_its_value() {
        let body = serde_json::json!({"text": 7, "language": "no spaces"}).to_string();
        let error = decode::<Request>(JSON, body.as_bytes()).unwrap_err();
        let mut pointers: Vec<_> = error.violations.iter().map(|it| it.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/language", "/text"]);
        assert!(!format!("{error:?}").contains("no spaces"));
    }

    #[tokio::test]
    async fn a_body_is_measured_by_its_bytes_not_by_its_word() {
        let body = |n: usize| futures_util::stream::iter(vec![Ok::<_, ()>(Bytes::from_static(b"12345")); n]);
        assert_eq!(collect(body(2), 10).await.unwrap(), "1234512345");
        assert_eq!(collect(body(3), 10).await.unwrap_err().kind, ErrorKind::BodyTooLarge);
    }
}
