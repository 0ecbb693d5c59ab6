//! Checks answers: text must not be empty, JSON must satisfy its schema.

use serde_json::Value;

use super::conversation::Conversation;
use crate::error::ModelError;
use crate::message::{Message, Part, Role};
use crate::model::{FinishReason, ModelResponse};
use crate::schema::{CompiledSchema, Violation};

/// What a model is told whose turn was empty or malformed.
pub(crate) const AGAIN: &str = "Your answer was empty or malformed. Answer again, with the whole answer.";

/// Asks for text. A model whose turn is empty or malformed is asked once more.
pub(crate) async fn ask_for_text(conversation: &mut Conversation) -> Result<ModelResponse, ModelError> {
    match conversation.ask().await.and_then(with_text) {
        Err(ModelError::Malformed { .. }) => {
            conversation.object(None, AGAIN.to_owned());
            conversation.ask().await.and_then(with_text)
        }
        outcome => outcome,
    }
}

/// Asks for JSON that `read` accepts. After a first bad answer it asks once more and lists the faults.
pub(crate) async fn structured<T>(
    conversation: &mut Conversation,
    schema: &CompiledSchema,
    read: impl Fn(Value) -> Result<T, Vec<Violation>>,
) -> Result<(T, ModelResponse), ModelError> {
    let mut repaired = false;
    loop {
        let mut response = match conversation.ask().await.and_then(with_text) {
            Err(ModelError::Malformed { .. }) if !repaired => {
                conversation.object(None, AGAIN.to_owned());
                repaired = true;
                continue;
            }
            outcome => outcome?,
        };
        match check(&mut response, schema, &read)? {
            Ok(value) => return Ok((value, response)),
            Err(violations) if repaired => return Err(unusable(&violations)),
            Err(violations) => {
                let (answer, objection) = objection_to(&response, &violations);
                conversation.object(Some(answer), objection);
                repaired = true;
            }
        }
    }
}

/// Reads an answer that must be JSON. The outer error ends the call; the inner one can be repaired. Of an answer that
/// holds, the bare JSON is kept.
pub(super) fn check<T>(
    response: &mut ModelResponse,
    schema: &CompiledSchema,
    read: impl Fn(Value) -> Result<T, Vec<Violation>>,
) -> Result<Result<T, Vec<Violation>>, ModelError> {
    match response.finish_reason {
        FinishReason::Length => return Err(ModelError::unusable("cut off before its end")),
        FinishReason::Interrupted => {
            return Err(ModelError::internal("a tool waits for an answer, and the flow wants one at once"));
        }
        FinishReason::Stop | FinishReason::Other => {}
    }
    // Not what was streamed in the turns before it.
    let (text, value) = parse(&response.message.joined_text());
    let outcome = value.and_then(|value| {
        let violations = schema.violations(&value);
        if violations.is_empty() { read(value) } else { Err(violations) }
    });
    if outcome.is_ok() {
        response.message.content = vec![Part::text(text)];
    }
    Ok(outcome)
}

/// A refused answer as the model's message, and what the model is told of it.
pub(super) fn objection_to(response: &ModelResponse, violations: &[Violation]) -> (Message, String) {
    tracing::debug!(target: crate::trace::TARGET, faults = violations.len(), "asking for a repair");
    (Message::text(Role::Model, response.message.joined_text()), objection(violations))
}

pub(super) fn unusable(violations: &[Violation]) -> ModelError {
    let rule = violations.first().map_or("", |it| it.rule.as_str());
    ModelError::unusable(format!("against its schema at {rule}, even after a repair"))
}

fn with_text(response: ModelResponse) -> Result<ModelResponse, ModelError> {
    let may_be_empty = response.finish_reason == FinishReason::Interrupted;
    let is_empty = response.text().trim().is_empty();
    if is_empty && !may_be_empty { Err(ModelError::malformed("empty")) } else { Ok(response) }
}

/// The JSON in an answer, without the Markdown fence that models like to put around it.
fn parse(answer: &str) -> (String, Result<Value, Vec<Violation>>) {
    let bare = unfenced(answer.trim());
    // Serde's message gives a place and a reason and quotes nothing.
    let value = serde_json::from_str(bare).map_err(|error| {
        vec![Violation { rule: "(syntax)".into(), explanation: format!("not JSON: {error}") }]
    });
    (bare.to_owned(), value.map(with_whole_numbers))
}

/// Numbers such as `80.0` as `80`: for JSON Schema it is an integer, for Rust's types it is not.
fn with_whole_numbers(value: Value) -> Value {
    // Beyond it a float is no exact integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and fits")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(with_whole_numbers).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, with_whole_numbers(value))).collect()
        }
        other => other,
    }
}

fn unfenced(answer: &str) -> &str {
    let Some((_, opened)) = answer.split_once("```") else { return answer };
    // An answer that starts as JSON is not unwrapped, because a fence inside a JSON string is content.
    if answer.starts_with(['{', '[', '"']) {
        return answer;
    }
    let body = opened.split_once('\n').map_or(opened, |(_language, body)| body);
    body.rsplit_once("```").map_or(body, |(inside, _)| inside).trim()
}

fn objection(violations: &[Violation]) -> String {
    let mut text = String::from("Your answer does not satisfy the JSON Schema it must satisfy:\n");
    for violation in violations {
        text.push_str("- ");
        text.push_str(&violation.explanation);
        text.push('\n');
    }
    text.push_str("Answer again with the whole corrected JSON and nothing else.");
    text
}
