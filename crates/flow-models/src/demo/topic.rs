//! What a conversation is about, as far as a few rules can tell.

use super::code::Language;
use flow_runtime::message::{Media, Part, Role};
use flow_runtime::model::ModelRequest;

/// The gist of a request.
pub(super) struct Topic {
    pub(super) kind: Kind,
    /// What it is about, in a few words of one line.
    pub(super) subject: String,
    /// What the user said last.
    pub(super) request: String,
    pub(super) pirate: bool,
    pub(super) code: Language,
    /// The human language to translate into.
    pub(super) tongue: String,
    /// Each medium, described by what is known of it.
    pub(super) media: Vec<String>,
    /// What the tools have answered in this turn, by tool.
    pub(super) found: Vec<(String, String)>,
}

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Joke,
    Story,
    Image,
    Translation,
    Code,
    Plain,
}

/// Longer subjects make poor jokes.
const SUBJECT_LENGTH: usize = 60;

impl Topic {
    pub(super) fn of(request: &ModelRequest) -> Self {
        let last = request.messages.iter().rposition(|it| it.role == Role::User);
        let asked = last.and_then(|index| request.messages.get(index));
        let said = asked.map(flow_runtime::message::Message::joined_text).unwrap_or_default();
        let parts = asked.into_iter().flat_map(|it| &it.content);
        let media: Vec<_> = parts.filter_map(medium).map(describe).collect();
        let everything: Vec<_> =
            request.messages.iter().map(flow_runtime::message::Message::joined_text).collect();
        let everything = everything.join("\n").to_lowercase();
        let systems = request.messages.iter().filter(|it| it.role == Role::System);
        let pirate = systems.into_iter().any(|it| it.joined_text().to_lowercase().contains("pirate"));
        let found = request.messages.iter().skip(last.unwrap_or(0)).flat_map(|it| &it.content);
        Self {
            kind: kind(&said.to_lowercase(), &everything, !media.is_empty()),
            subject: subject(&said),
            pirate,
            code: Language::asked_for(&said).or_else(|| Language::asked_for(&everything)).unwrap_or_default(),
            tongue: tongue(&said),
            media,
            found: found.filter_map(answer).collect(),
            request: said,
        }
    }
}

fn kind(said: &str, everything: &str, has_media: bool) -> Kind {
    if has_media {
        return Kind::Image;
    }
    let words = [
        ("joke", Kind::Joke),
        ("story", Kind::Story),
        ("translat", Kind::Translation),
        ("code", Kind::Code),
        ("function", Kind::Code),
    ];
    // What the user says counts for more than what the instructions say.
    let heard = |text: &str| words.iter().find(|(word, _)| text.contains(word)).map(|(_, kind)| *kind);
    heard(said).or_else(|| heard(everything)).unwrap_or(Kind::Plain)
}

/// What follows "about" or its like; failing that, what stands in quotes; failing that, the first words.
fn subject(said: &str) -> String {
    let lower = said.to_ascii_lowercase();
    let marked = [" about ", " named ", " called ", "topic: ", "subject: ", "name: "]
        .iter()
        .find_map(|mark| lower.find(mark).map(|place| &said[place + mark.len()..]));
    let quoted = said.split('"').nth(1).filter(|it| !it.trim().is_empty());
    let candidate = marked.or(quoted).unwrap_or(said);
    let one = candidate.trim_start().split(['.', '!', '?', '\n', ';']).next().unwrap_or_default();
    let mut words = String::new();
    for word in one.split_whitespace() {
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

/// The capitalised word after "to" or "into": "Translate this into French".
fn tongue(said: &str) -> String {
    let words: Vec<&str> = said.split_whitespace().collect();
    let named = words.windows(2).find_map(|pair| {
        let name = pair[1].trim_matches(|it: char| !it.is_alphabetic());
        let leads = matches!(pair[0].to_lowercase().as_str(), "to" | "into" | "in" | "language:");
        (leads && name.starts_with(char::is_uppercase)).then_some(name)
    });
    named.unwrap_or("French").to_owned()
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

fn answer(part: &Part) -> Option<(String, String)> {
    match part {
        Part::ToolResponse { tool_response: it } => {
            let said = match &it.output {
                serde_json::Value::String(text) => text.clone(),
                // A tool that returns one thing means that thing.
                serde_json::Value::Object(members) if members.len() == 1 => members
                    .values()
                    .map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
                    .collect(),
                other => other.to_string(),
            };
            Some((it.name.clone(), said))
        }
        _ => None,
    }
}
