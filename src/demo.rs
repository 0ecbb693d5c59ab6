//! What the demo model says in the sample flows. For everything else it has plain texts of its own.

mod languages; // eject: generate_code+review_code
#[cfg(test)]
mod tests;

use flow_models::demo::Question;
use flow_runtime::message::{Message, Role};

use languages::Language; // eject: generate_code+review_code

type Text = fn(&Question<'_>) -> String;

/// Texts by a word of the instructions.
const PERSONAS: &[(&str, Text)] = &[
    ("pirate", pirate), // eject: pirate_chat
];

/// Texts by a word of the request, or of what was said before it.
const PROSE: &[(&str, Text)] = &[
    ("joke", joke),            // eject: tell_joke
    ("story", story),          // eject: tell_story+generate_character
    ("translat", translation), // eject: translate_text
    // eject: generate_code+review_code
    ("code", code),
    ("function", code),
    // eject: end
];

/// Texts of the properties of a structured answer.
const PROPERTIES: &[(&str, Text)] = &[
    ("joke", joke),       // eject: tell_joke
    ("story", story),     // eject: tell_story+generate_character
    ("backstory", story), // eject: tell_story+generate_character
    // eject: generate_code+review_code
    ("code", |question| language(question).program(&question.subject)),
    ("filename", |question| language(question).file.into()),
    ("file", |question| language(question).file.into()),
    ("language", |question| language(question).name().into()),
    // eject: end
    // eject: translate_text
    ("targetlanguage", |question| target_language(&question.text).into()),
    ("translatedtext", translation),
    ("translation", translation),
    ("originaltext", |question| question.text.clone()),
    // eject: end
];

/// The answer to a question, or the text of one property of a structured answer.
pub fn answer(question: &Question<'_>) -> Option<String> {
    let text = if let Some(property) = &question.property {
        PROPERTIES.iter().find(|(name, _)| name == property).map(|(_, text)| *text)
    } else {
        prose(question)
    };
    text.map(|it| it(question))
}

/// What the user says counts for more than what the instructions say, but for a persona.
fn prose(question: &Question<'_>) -> Option<Text> {
    let named = |table: &[(&str, Text)], text: &str| {
        table.iter().find(|(word, _)| text.contains(word)).map(|(_, text)| *text)
    };
    let mut systems = question.request.messages.iter().filter(|it| it.role == Role::System);
    if let Some(text) = systems.find_map(|it| named(PERSONAS, &it.joined_text().to_lowercase())) {
        return Some(text);
    }
    if !question.media.is_empty() {
        return None;
    }
    named(PROSE, &question.text.to_lowercase()).or_else(|| named(PROSE, &history(question)))
}

/// Everything that was said, in small letters.
fn history(question: &Question<'_>) -> String {
    let texts: Vec<_> = question.request.messages.iter().map(Message::joined_text).collect();
    texts.join("\n").to_lowercase()
}

// eject: tell_joke
/// The same subject always gets the same joke.
fn joke(question: &Question<'_>) -> String {
    let subject = &question.subject;
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

// eject: end
// eject: tell_story+generate_character
fn story(question: &Question<'_>) -> String {
    let subject = &question.subject;
    format!(
        "Once upon a time, in a town with more cables than streets, there lived {subject}. Everyone said that \
         nothing ever happened there, and for years they were right. Then one windy night the lights of the \
         old lighthouse went out, and a ship was heard calling in the dark. Nobody moved, but {subject} took \
         a lantern, climbed all three hundred steps, and held it high until morning. The ship came in with a \
         hold full of oranges. From that day on, whenever something seemed too far up to bother, people said: \
         remember {subject}."
    )
}

// eject: end
// eject: pirate_chat
fn pirate(question: &Question<'_>) -> String {
    let subject = &question.subject;
    let mut asked = question.request.messages.iter().filter(|it| it.role == Role::User).rev();
    let before = asked.nth(1).map(|it| format!(" And afore that ye asked me: {}", it.joined_text()));
    format!(
        "Arr, matey! Ye be askin' this old captain: {subject}? By me beard, I've sailed seven seas and sunk \
         three of 'em, and I say there be no straight answer, only a fair wind. Yo ho ho!{}",
        before.unwrap_or_default()
    )
}

// eject: end
// eject: translate_text
/// The text that follows the instruction, marked with the language.
fn translation(question: &Question<'_>) -> String {
    let request = &question.text;
    let text = request.rsplit_once(":\n").or_else(|| request.split_once(": "));
    format!("[{}] {}", target_language(request), text.map_or(&**request, |(_, text)| text).trim())
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

// eject: end
// eject: generate_code+review_code
fn code(question: &Question<'_>) -> String {
    let language = language(question);
    format!("Here you are, in {}:\n\n{}", language.name(), language.program(&question.subject))
}

fn language(question: &Question<'_>) -> &'static Language {
    Language::named_in([&question.text, &history(question)])
}
// eject: end
