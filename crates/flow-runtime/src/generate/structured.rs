//! Checks answers: text must not be empty, JSON must satisfy its schema.

use serde_json::Value;

use super::conversation::Conversation;
use crate::error::ModelError;
use crate::message::{Message, Part, Role};
use crate::model::{FinishReason, ModelResponse};
use crate::schema::{CompiledSchema, Violation};

/// How many faults are listed to the model at most.
const MAX_FAULTS: usize = 20;

/// Asks for text. An empty answer is an error.
pub(crate) async fn ask_for_text(conversation: &mut Conversation) -> Result<ModelResponse, ModelError> {
    let response = conversation.ask().await?;
    if response.text().trim().is_empty() {
        return Err(ModelError::unusable("empty"));
    }
    Ok(response)
}

/// Asks for JSON that `read` accepts. After a first bad answer it asks once more and lists the faults.
pub(crate) async fn structured<T>(
    conversation: &mut Conversation,
    schema: &CompiledSchema,
    read: impl Fn(Value) -> Result<T, Vec<Violation>>,
) -> Result<(T, ModelResponse), ModelError> {
    let mut repaired = false;
    loop {
        let mut response = ask_for_text(conversation).await?;
        if response.finish_reason == FinishReason::Length {
            return Err(ModelError::unusable("cut off before its end"));
        }
        let (text, value) = parse(&response.text());
        let outcome = value.and_then(|value| {
            let violations = schema.violations(&value);
            if violations.is_empty() { read(value) } else { Err(violations) }
        });
        match outcome {
            Ok(value) => {
                response.message.content = vec![Part::text(text)];
                return Ok((value, response));
            }
            Err(violations) if repaired => return Err(unusable(&violations)),
            Err(violations) => {
                tracing::debug!(target: crate::trace::TARGET, faults = violations.len(), "asking for a repair");
                let answer = Message::text(Role::Model, response.text());
                conversation.object(answer, objection(&violations));
                repaired = true;
            }
        }
    }
}

/// The JSON in an answer, without the Markdown fence that models like to put around it.
fn parse(answer: &str) -> (String, Result<Value, Vec<Violation>>) {
    let bare = unfenced(answer.trim());
    // Serde's message gives a place and a reason and quotes nothing.
    let value = serde_json::from_str(bare).map_err(|error| {
        vec![Violation { rule: "(syntax)".into(), explanation: format!("not JSON: {error}") }]
    });
    (bare.to_owned(), value)
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
    for violation in violations.iter().take(MAX_FAULTS) {
        text.push_str("- ");
        text.push_str(&violation.explanation);
        text.push('\n');
    }
    text.push_str("Answer again with the whole corrected JSON and nothing else.");
    text
}

fn unusable(violations: &[Violation]) -> ModelError {
    let rule = violations.first().map_or("", |it| it.rule.as_str());
    ModelError::unusable(format!("against its schema at {rule}, even after a repair"))
}
