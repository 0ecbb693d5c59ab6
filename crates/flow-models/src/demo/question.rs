//! What a conversation asks for, as far as a few rules can tell.

use flow_runtime::message::{Media, Message, Part, Role};
use flow_runtime::model::ModelRequest;
use serde_json::Value;

/// What the demo model is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The whole request.
    pub request: &'a ModelRequest,
    /// What the user said last.
    pub text: String,
    /// What that is about, in a few words of one line: what follows "about" or the like, else what stands in quotes,
    /// else the first words.
    pub subject: String,
    /// The property of a structured answer to write the text for, in small letters and without punctuation
    /// (`fullname` for `fullName` and `full_name`). `None` asks for the whole answer in prose.
    pub property: Option<String>,
    /// Each medium of the last message, described by its name or its size.
    pub media: Vec<String>,
    /// What tools have answered since the user spoke: their names and texts.
    pub(super) tool_results: Vec<(String, String)>,
}

/// A subject of more letters makes sentences unreadable.
const SUBJECT_LENGTH: usize = 60;

impl<'a> Question<'a> {
    pub(super) fn of(request: &'a ModelRequest) -> Self {
        let last = request.messages.iter().rposition(|it| it.role == Role::User);
        let asked = last.and_then(|index| request.messages.get(index));
        let text = asked.map(Message::joined_text).unwrap_or_default();
        let parts = asked.into_iter().flat_map(|it| &it.content);
        let answers = request.messages.iter().skip(last.unwrap_or(0)).flat_map(|it| &it.content);
        Self {
            request,
            subject: subject(&text),
            text,
            property: None,
            media: parts.filter_map(medium).map(describe).collect(),
            tool_results: answers.filter_map(tool_result).collect(),
        }
    }

    /// The same question for one property.
    pub(super) fn for_property(&self, name: &str) -> Self {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        Self { property: Some(letters.collect::<String>().to_lowercase()), ..self.clone() }
    }
}

fn subject(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let marked = [" about ", " named ", " called ", "topic: ", "subject: ", "name: "]
        .iter()
        .find_map(|mark| lower.find(mark).map(|place| &text[place + mark.len()..]));
    let quoted = text.split('"').nth(1).filter(|it| !it.trim().is_empty());
    let candidate = marked.or(quoted).unwrap_or(text);
    let sentence = candidate.trim_start().split(['.', '!', '?', '\n', ';']).next().unwrap_or_default();
    let mut words = String::new();
    for word in sentence.split_whitespace() {
        if words.chars().count() + word.chars().count() >= SUBJECT_LENGTH {
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    let plain = words.trim_matches(|it: char| !it.is_alphanumeric());
    if plain.is_empty() { "nothing in particular".into() } else { plain.into() }
}

fn medium(part: &Part) -> Option<&Media> {
    match part {
        Part::Media { media } => Some(media),
        _ => None,
    }
}

fn describe(media: &Media) -> String {
    let declared = media.content_type.as_deref();
    let Some(data) = media.url.strip_prefix("data:") else {
        let path = media.url.split(['?', '#']).next().unwrap_or_default();
        let file = path.rsplit('/').find(|it| !it.is_empty()).unwrap_or("something");
        return format!("a picture called {file}, which this offline model cannot fetch");
    };
    let (head, body) = data.split_once(',').unwrap_or((data, ""));
    let content_type = declared.or(head.split(';').next()).filter(|it| !it.is_empty()).unwrap_or("unknown");
    let bytes = body.trim_end_matches('=').len() * 3 / 4;
    format!("a picture of type {content_type}, {bytes} bytes in size")
}

fn tool_result(part: &Part) -> Option<(String, String)> {
    let Part::ToolResponse { tool_response: it } = part else { return None };
    let text = match &it.output {
        Value::String(text) => text.clone(),
        // The name of an only member adds nothing to its value.
        Value::Object(members) if members.len() == 1 => {
            members.values().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect()
        }
        other => other.to_string(),
    };
    Some((it.name.clone(), text))
}
