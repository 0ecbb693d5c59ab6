//! Splits a rendered template into messages.
//!
//! Helpers leave markers in the text where a message or a part begins. A marker is JSON between two Unicode
//! noncharacters; `template` takes these out of all data first, so a marker always comes from the template.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::message::{Media, Message, Part, Role};

const MARKER_START: char = '\u{fdd1}';
const MARKER_END: char = '\u{fdd2}';

/// Whether a character is one of the noncharacters that no text is meant to hold, among them those of markers.
pub(crate) fn is_reserved(it: char) -> bool {
    ('\u{fdd0}'..='\u{fdef}').contains(&it)
}

/// A marker that a helper leaves in the text.
#[derive(Serialize, Deserialize)]
pub(crate) enum Marker {
    Role { role: Role, metadata: Map<String, Value> },
    History,
    Media(Media),
    Section(String),
}

impl Marker {
    pub(crate) fn text(&self) -> String {
        format!("{MARKER_START}{}{MARKER_END}", json!(self))
    }
}

/// The messages of a rendered template, with the history in its place.
pub(crate) fn from_rendered(rendered: &str, history: &[Message]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut current = Message::new(Role::User, Vec::new());
    let mut has_history_place = false;
    for piece in rendered.split(MARKER_END) {
        let (text, marker) = piece.split_once(MARKER_START).unwrap_or((piece, ""));
        if !is_blank(text) {
            current.content.push(Part::text(text));
        }
        if marker.is_empty() {
            continue;
        }
        // A template that quotes a helper's output makes the marker unreadable; it is dropped.
        let Ok(marker) = serde_json::from_str(marker) else { continue };
        match marker {
            Marker::Role { role, metadata } => {
                if !current.content.is_empty() {
                    messages.push(std::mem::replace(&mut current, Message::new(role, Vec::new())));
                }
                current.role = role;
                current.metadata.extend(metadata);
            }
            Marker::History => {
                has_history_place = true;
                messages.push(std::mem::replace(&mut current, Message::new(Role::Model, Vec::new())));
                messages.extend(history.iter().cloned().map(as_history));
            }
            Marker::Media(media) => current.content.push(Part::Media { media }),
            Marker::Section(name) => current.content.push(pending(&name)),
        }
    }
    messages.push(current);
    messages.retain(|it| !it.content.is_empty());
    if !has_history_place {
        // Without a `{{history}}` the history stands before the user's last message, or at the end.
        let asks_last = messages.last().is_some_and(|it| it.role == Role::User);
        let at = messages.len() - usize::from(asks_last);
        messages.splice(at..at, history.iter().cloned());
    }
    messages
}

fn as_history(mut message: Message) -> Message {
    message.metadata.insert("purpose".into(), "history".into());
    message
}

fn pending(name: &str) -> Part {
    let mut metadata = Map::new();
    metadata.insert("purpose".into(), json!(name));
    metadata.insert("pending".into(), json!(true));
    Part::Pending { metadata }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
