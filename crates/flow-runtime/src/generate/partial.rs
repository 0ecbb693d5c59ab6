//! JSON that has not come to its end.

use jiter::{JsonValue, PartialMode};
use serde_json::{Map, Value};

/// After each reading the text must grow by this part of its length before it is read again. So all readings together
/// cost a constant times the length of the text, and not its square.
const GROWTH: usize = 32;

/// Reads a JSON text again and again while it comes.
#[derive(Default)]
pub(crate) struct PartialReader {
    text: String,
    /// The length at which it is read next.
    due: usize,
    last: Option<Value>,
}

impl PartialReader {
    /// Takes the next piece. Returns what is known so far, if that is more than the last time.
    pub(crate) fn push(&mut self, piece: &str) -> Option<Value> {
        self.text.push_str(piece);
        if self.text.len() < self.due {
            return None;
        }
        self.due = self.text.len() + 1 + self.text.len() / GROWTH;
        let value = read(&self.text)?;
        if self.last.as_ref() == Some(&value) {
            return None;
        }
        self.last = Some(value.clone());
        Some(value)
    }
}

/// The beginning of an object or an array, without what is not whole: half a member's name, half a number.
fn read(text: &str) -> Option<Value> {
    // Some models put a word or a Markdown fence before it.
    let begin = text.find(['{', '['])?;
    // A number may go on. Where the digits end a text, they come with the next reading.
    let text = text[begin..].trim_end_matches(|it: char| it.is_ascii_digit());
    JsonValue::parse_with_config(text.as_bytes(), false, PartialMode::TrailingStrings).ok().map(into_value)
}

fn into_value(value: JsonValue<'_>) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(it) => it.into(),
        JsonValue::Int(it) => it.into(),
        JsonValue::Float(it) => it.into(),
        JsonValue::Str(it) => it.into_owned().into(),
        JsonValue::Array(items) => items.iter().cloned().map(into_value).collect(),
        JsonValue::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.to_string(), into_value(value.clone())));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_so_far_has_no_half_names_and_no_half_numbers() {
        for (text, known) in [
            ("", None),
            ("Here you are:\n```json\n", None),
            ("```json\n{\"a\": \"b", Some(json!({"a": "b"}))),
            (r#"{"a": 8"#, Some(json!({}))),
            (r#"{"a": 80,"#, Some(json!({"a": 80}))),
            // What is wrong counts when the text is whole.
            (r#"{"a": -1.5]"#, Some(json!({"a": -1.5}))),
            (r#"{"a": "year 19"#, Some(json!({"a": "year "}))),
            (r#"{"a": "x\u00"#, Some(json!({"a": "x"}))),
            (r#"{"a": "x\ud83d"#, Some(json!({"a": "x"}))),
            (r#"{"a": tr"#, Some(json!({}))),
            (r#"[true, {"b": ["c"#, Some(json!([true, {"b": ["c"]}]))),
            (r#"{"a": null}"#, Some(json!({"a": null}))),
        ] {
            assert_eq!(read(text), known, "{text}");
        }
        assert_eq!(read(&"[".repeat(100_000)), None, "too deep");
    }

    #[test]
    fn a_long_text_is_read_seldom_enough() {
        let mut reader = PartialReader::default();
        assert_eq!(reader.push(r#"{"a": ""#), Some(json!({"a": ""})));
        let readings: Vec<_> = (0..100_000).filter_map(|_| reader.push("x")).collect();
        assert!(readings.len() < 600, "{} readings", readings.len());
        let lengths: usize = readings.iter().map(|it| it["a"].as_str().unwrap().len()).sum();
        assert!(lengths < 100_000 * 40, "{lengths}");
        assert_eq!(reader.push(""), None, "nothing new");
    }
}
