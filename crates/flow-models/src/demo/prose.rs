//! What the demo model says: prose for a topic, and words for the properties of a schema.

use super::instance::Words;
use super::topic::{Kind, Topic};

/// Words that tell the items of a list apart.
const QUALITIES: &[&str] =
    &["quick", "brave", "quiet", "stubborn", "radiant", "patient", "daring", "curious"];

impl Topic {
    /// The whole answer to a request for prose.
    pub(super) fn prose(&self) -> String {
        let mut text = String::new();
        for (tool, said) in &self.found {
            text.extend([tool, " says ", said, ". "]);
        }
        text + &self.speech()
    }

    fn speech(&self) -> String {
        let Self { subject, .. } = self;
        match self.kind {
            _ if self.pirate => self.pirate_speech(),
            Kind::Joke => self.joke(),
            Kind::Story => self.story(),
            Kind::Image => self.picture(),
            Kind::Translation => self.translation(),
            Kind::Code => format!("Here you are, in {}:\n\n{}", self.code.name, self.code.program(subject)),
            Kind::Plain => format!(
                "You asked about {subject}. I am the demo model: I run offline, cost nothing and know little, but \
                 I answer at once and always the same way. Set a key to hear from a model that knows better."
            ),
        }
    }

    fn joke(&self) -> String {
        let Self { subject, .. } = self;
        // The same subject always gets the same joke.
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

    fn story(&self) -> String {
        let Self { subject, .. } = self;
        format!(
            "Once upon a time, in a town with more cables than streets, there lived {subject}. Everyone said that \
             nothing ever happened there, and for years they were right. Then one windy night the lights of the \
             old lighthouse went out, and a ship was heard calling in the dark. Nobody moved, but {subject} took \
             a lantern, climbed all three hundred steps, and held it high until morning. The ship came in with a \
             hold full of oranges. From that day on, whenever something seemed too far up to bother, people said: \
             remember {subject}."
        )
    }

    fn pirate_speech(&self) -> String {
        let Self { subject, .. } = self;
        format!(
            "Arr, matey! Ye be askin' this old captain: {subject}? By me beard, I've sailed seven seas and sunk \
             three of 'em, and I say there be no straight answer, only a fair wind. Yo ho ho!"
        )
    }

    fn picture(&self) -> String {
        let seen =
            if self.media.is_empty() { "no picture at all".to_owned() } else { self.media.join(" and ") };
        format!("I was shown {seen}. A model with eyes would tell more; this one can only read labels.")
    }

    fn translation(&self) -> String {
        // What is to be translated stands last, after the instruction.
        let text = self.request.rsplit_once(":\n").or_else(|| self.request.split_once(": "));
        format!("[{}] {}", self.tongue, text.map_or(self.request.as_str(), |(_, text)| text).trim())
    }
}

impl Words for Topic {
    fn for_property(&self, name: &str, index: usize) -> String {
        let Self { subject, .. } = self;
        let plain: String =
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let text = match plain.as_str() {
            "joke" => self.joke(),
            "story" | "backstory" => self.story(),
            "code" => self.code.program(subject),
            "filename" | "file" => self.code.file.into(),
            "language" => self.code.name.into(),
            "targetlanguage" => self.tongue.clone(),
            "translatedtext" | "translation" => self.translation(),
            "originaltext" => self.request.clone(),
            "answer" | "text" | "content" | "description" | "explanation" | "summary" => self.prose(),
            "name" | "title" | "subject" | "topic" => subject.clone(),
            _ => return format!("{} {} of {subject}", quality(index), spaced(name)),
        };
        // The difference stands in front, where no limit cuts it off.
        if index == 0 { text } else { format!("{} {text}", quality(index)) }
    }
}

/// Another word or words for every index.
fn quality(index: usize) -> String {
    let word = QUALITIES[index % QUALITIES.len()];
    match index / QUALITIES.len() {
        0 => word.to_owned(),
        rest => format!("{word} {}", quality(rest)),
    }
}

/// `backStory` and `line_count` as one would say them, and one of several.
fn spaced(name: &str) -> String {
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
