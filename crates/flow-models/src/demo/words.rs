//! The texts of an answer: the application's where it has some, else plain ones.

use super::input::{labelled, piece};
use super::question::Question;

/// Texts of the application.
pub(super) type Answers = dyn Fn(&Question<'_>) -> Option<String> + Send + Sync;

/// Words that tell the items of a list apart.
const QUALITIES: &[&str] =
    &["quick", "brave", "quiet", "stubborn", "radiant", "patient", "daring", "curious"];

/// A whole answer in prose: what the tools said, then what there is to say.
pub(super) fn prose(question: &Question<'_>, answers: &Answers) -> String {
    let results = question.tool_results.iter().map(|(tool, text)| format!("{tool} says {text}. "));
    let text = answers(question).unwrap_or_else(|| plain(question));
    results.chain([text]).collect()
}

/// The text of a property; `index` tells the items of a list apart.
pub(super) fn property(question: &Question<'_>, answers: &Answers, name: &str, index: usize) -> String {
    let question = question.for_property(name);
    let subject = &question.subject;
    let property = question.property.as_deref().unwrap_or_default();
    let found = || {
        // A name in the plural is that of a list.
        let found = if name.ends_with('s') { piece(&question.text, index) } else { None };
        found.or_else(|| labelled(&question.text, property)).map(str::to_owned)
    };
    if let Some(text) = answers(&question).is_none().then(found).flatten() {
        return text;
    }
    let text = answers(&question).or_else(|| match property {
        "answer" | "text" | "content" | "description" | "explanation" | "summary" => {
            Some(prose(&Question { property: None, ..question.clone() }, answers))
        }
        "name" | "title" | "subject" | "topic" => Some(subject.clone()),
        _ => None,
    });
    match text {
        // The difference stands in front, where no limit cuts it off.
        Some(text) if index > 0 => format!("{} {text}", quality(index)),
        Some(text) => text,
        None => format!("{} {} of {subject}", quality(index), singular(name)),
    }
}

fn plain(question: &Question<'_>) -> String {
    let Question { subject, media, .. } = question;
    if !media.is_empty() {
        let shown = media.join(" and ");
        return format!(
            "I was shown {shown}. A model with eyes would tell more; this one can only read labels."
        );
    }
    format!(
        "You asked about {subject}. I am the demo model: I run offline, cost nothing and know little, but \
         I answer at once and always the same way. Set a key to hear from a model that knows better."
    )
}

/// Another word or words for every index.
fn quality(index: usize) -> String {
    let word = QUALITIES[index % QUALITIES.len()];
    match index / QUALITIES.len() {
        0 => word.to_owned(),
        rest => format!("{word} {}", quality(rest)),
    }
}

/// A property's name as words, in the singular: `full name` for `fullName`, `ability` for `abilities`.
fn singular(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(if letter == '_' { ' ' } else { letter }.to_lowercase());
    }
    match words.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => words.strip_suffix('s').map(str::to_owned).unwrap_or(words),
    }
}
