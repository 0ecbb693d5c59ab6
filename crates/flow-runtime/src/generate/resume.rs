//! Going on with a conversation: the results of tools as a message, turns that wait for an answer from outside, and
//! what a session holds.

use serde_json::{Value, json};

use crate::error::ModelError;
use crate::message::{Message, Part, Role, ToolRequest, ToolResponse};
use crate::model::{INTERRUPT, PENDING_OUTPUT};
use crate::session::Session;
use crate::tool::ToolOutcome;

/// The results of a turn's calls, in their order, as the message that follows it.
pub(super) fn results(turn: &Message, outcomes: Vec<ToolOutcome>) -> Message {
    let results = calls(turn).zip(outcomes).map(|((call, _), outcome)| match outcome {
        ToolOutcome::Output(output) | ToolOutcome::Interrupt(output) => result(call, output),
    });
    Message::new(Role::Tool, results.collect())
}

/// Keeps in a turn what is asked from outside, and the results that are already there.
pub(super) fn keep(turn: &mut Message, outcomes: Vec<ToolOutcome>) {
    let calls = turn.content.iter_mut().filter_map(|part| match part {
        Part::ToolRequest { metadata, .. } => Some(metadata),
        _ => None,
    });
    for (metadata, outcome) in calls.zip(outcomes) {
        let (name, value) = match outcome {
            ToolOutcome::Output(output) => (PENDING_OUTPUT, output),
            ToolOutcome::Interrupt(question) => (INTERRUPT, question),
        };
        metadata.insert(name.to_owned(), value);
    }
}

/// Goes on with a conversation whose last turn waits: adds the answers, and the results that were kept.
pub(crate) fn resume(
    messages: &mut Vec<Message>,
    answers: Vec<(ToolRequest, Value)>,
) -> Result<(), ModelError> {
    if answers.is_empty() {
        return Ok(());
    }
    let turn = messages.last().filter(waits);
    let turn = turn.ok_or(ModelError::internal("there is an answer for a tool, but none waits for it"))?;
    let results = calls(turn).map(|(call, kept)| {
        let answer = answers.iter().find(|(it, _)| it.reference == call.reference && it.name == call.name);
        let output = answer.map(|(_, output)| output).or(kept);
        let missing = || ModelError::internal(format!("the tool {} still waits for an answer", call.name));
        Ok(result(call, output.ok_or_else(missing)?.clone()))
    });
    let results = results.collect::<Result<_, ModelError>>()?;
    messages.push(Message::new(Role::Tool, results));
    Ok(())
}

/// Puts what a session holds into a request, after what the flow says first. Returns where the new turn begins.
///
/// The new turn is the last message, if it is the user's; what stands before it is said again in each call.
/// `is_answered` says that answers come for the tools that wait.
pub(crate) async fn insert_history(
    session: &Session,
    messages: &mut Vec<Message>,
    is_answered: bool,
) -> usize {
    let mut history = session.messages().await;
    if !is_answered {
        leave(&mut history);
    }
    let place = messages.len() - usize::from(messages.last().is_some_and(|it| it.role == Role::User));
    let begin = place + history.len();
    messages.splice(place..place, history);
    begin
}

/// Goes on with a conversation without answers: a tool that waits for one is told so, since no model's server takes a
/// call without a result.
fn leave(messages: &mut Vec<Message>) {
    let Some(turn) = messages.last().filter(waits) else { return };
    let nothing = json!({ "error": "nobody answered" });
    let results = calls(turn).map(|(call, kept)| result(call, kept.unwrap_or(&nothing).clone()));
    messages.push(Message::new(Role::Tool, results.collect()));
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as `Option::filter` asks")]
fn waits(turn: &&Message) -> bool {
    turn.role == Role::Model && calls(turn).next().is_some()
}

/// The calls of a turn, and the results that were kept with them.
fn calls(turn: &Message) -> impl Iterator<Item = (&ToolRequest, Option<&Value>)> {
    turn.content.iter().filter_map(|part| match part {
        Part::ToolRequest { tool_request, metadata } => Some((tool_request, metadata.get(PENDING_OUTPUT))),
        _ => None,
    })
}

fn result(call: &ToolRequest, output: Value) -> Part {
    let (name, reference) = (call.name.clone(), call.reference.clone());
    Part::ToolResponse { tool_response: ToolResponse { name, reference, output } }
}
