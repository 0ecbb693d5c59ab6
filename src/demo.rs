//! What the demo model says in the flows of the sample. Delete it with them: the demo model has plain texts of its own.

mod languages;
#[cfg(test)]
mod tests;

use flow_models::demo::Question;
use flow_runtime::message::{Message, Role};

use languages::Language;

/// The answer to a question, or the text of one property of a structured answer.
pub fn answer(question: &Question<'_>) -> Option<String> {
    let Question { subject, text, .. } = question;
    let history: Vec<_> = question.request.messages.iter().map(Message::joined_text).collect();
    let history = history.join("\n").to_lowercase();
    let language = || Language::named_in([text, &history]);
    let Some(property) = &question.property else {
        return match kind(question, &history)? {
            Kind::Pirate => Some(pirate(subject)),
            Kind::Joke => Some(joke(subject)),
            Kind::Story => Some(story(subject)),
            Kind::Translation => Some(translation(text)),
            Kind::Code => {
                let language = language();
                Some(format!("Here you are, in {}:\n\n{}", language.name(), language.program(subject)))
            }
        };
    };
    match property.as_str() {
        "joke" => Some(joke(subject)),
        "story" | "backstory" => Some(story(subject)),
        "code" => Some(language().program(subject)),
        "filename" | "file" => Some(language().file.into()),
        "language" => Some(language().name().into()),
        "targetlanguage" => Some(target_language(text).to_owned()),
        "translatedtext" | "translation" => Some(translation(text)),
        "originaltext" => Some(text.clone()),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Pirate,
    Joke,
    Story,
    Translation,
    Code,
}

/// The kind of answer that is asked for. What the user says counts for more than what the instructions say.
fn kind(question: &Question<'_>, history: &str) -> Option<Kind> {
    const WORDS: [(&str, Kind); 5] = [
        ("joke", Kind::Joke),
        ("story", Kind::Story),
        ("translat", Kind::Translation),
        ("code", Kind::Code),
        ("function", Kind::Code),
    ];
    let mut systems = question.request.messages.iter().filter(|it| it.role == Role::System);
    if systems.any(|it| it.joined_text().to_lowercase().contains("pirate")) {
        return Some(Kind::Pirate);
    }
    if !question.media.is_empty() {
        return None;
    }
    let named = |text: &str| WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, kind)| *kind);
    named(&question.text.to_lowercase()).or_else(|| named(history))
}

/// The same subject always gets the same joke.
fn joke(subject: &str) -> String {
    match subject.len() % 3 {
        0 => format!(
            "Why did {subject} bring a ladder to the server room? Because the uptime was said to be through \
             the roof."
        ),
        1 => format!(
            "{subject} walks into a bar and orders a future. \"Coming right up,\" says the bartender, \"I'll \
             poll you when it's ready.\""
        ),
        _ => format!(
            "How do you keep {subject} busy for hours? Ask for one more small change, and say it is only a \
             lifetime parameter."
        ),
    }
}

fn story(subject: &str) -> String {
    format!(
        "Once upon a time, in a town with more cables than streets, there lived {subject}. Everyone said that \
         nothing ever happened there, and for years they were right. Then one windy night the lights of the \
         old lighthouse went out, and a ship was heard calling in the dark. Nobody moved, but {subject} took \
         a lantern, climbed all three hundred steps, and held it high until morning. The ship came in with a \
         hold full of oranges. From that day on, whenever something seemed too far up to bother, people said: \
         remember {subject}."
    )
}

fn pirate(subject: &str) -> String {
    format!(
        "Arr, matey! Ye be askin' this old captain: {subject}? By me beard, I've sailed seven seas and sunk \
         three of 'em, and I say there be no straight answer, only a fair wind. Yo ho ho!"
    )
}

/// The text that follows the instruction, marked with the language.
fn translation(request: &str) -> String {
    let text = request.rsplit_once(":\n").or_else(|| request.split_once(": "));
    format!("[{}] {}", target_language(request), text.map_or(request, |(_, text)| text).trim())
}

/// The capitalised word after "to" or "into", as in "Translate this into French".
fn target_language(request: &str) -> &str {
    let words: Vec<&str> = request.split_whitespace().collect();
    let named = words.windows(2).find_map(|pair| {
        let name = pair[1].trim_matches(|it: char| !it.is_alphabetic());
        let leads = matches!(pair[0].to_lowercase().as_str(), "to" | "into" | "in" | "language:");
        (leads && name.starts_with(char::is_uppercase)).then_some(name)
    });
    named.unwrap_or("French")
}
