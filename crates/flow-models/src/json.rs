//! Reading JSON that servers write: leniently, and without holding a thread up.

use std::borrow::Cow;

use flow_runtime::ModelError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A longer text is read on a thread of its own, since it would hold up all else on this one for some milliseconds.
const LONG: usize = 256 * 1024;

/// Reads a value. Half a character (a lone surrogate) costs that character, not the text.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    // Looked at once, and not again for each text in it.
    let read = |text: &[u8]| match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(text),
    };
    read(text).or_else(|error| match without_lone_surrogates(text) {
        Cow::Owned(mended) => read(&mended),
        Cow::Borrowed(_) => Err(error),
    })
}

/// Runs `work` on a text that may be long.
pub(crate) async fn apart<T: Send + 'static>(
    text: Vec<u8>,
    work: impl FnOnce(&[u8]) -> Result<T, ModelError> + Send + 'static,
) -> Result<T, ModelError> {
    if text.len() <= LONG {
        return work(&text);
    }
    let done = tokio::task::spawn_blocking(move || work(&text)).await;
    done.map_err(|_| ModelError::internal("reading an answer failed"))?
}

/// `null` as the default.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Writes U+FFFD in place of each escape of half a character.
fn without_lone_surrogates(text: &[u8]) -> Cow<'_, [u8]> {
    let unit = |at: usize| -> Option<u16> {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = Cow::Borrowed(text);
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            at += 1;
            continue;
        }
        match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                // It has as many characters, so that places stay.
                mended.to_mut()[at..at + 6].copy_from_slice(b"\\ufffd");
                at += 6;
            }
            // Another escape: what follows the backslash begins none.
            _ => at += 2,
        }
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_costs_that_character() {
        for (text, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d\ud83d\ude00\n""#, "\u{fffd}😀\n"),
            (r#""\\ud83d""#, r"\ud83d"),
            (r#""\uD83D\u0041""#, "\u{fffd}A"),
        ] {
            assert_eq!(read::<String>(text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert!(read::<String>(br#""\u12""#).is_err());
        assert!(read::<String>(br#""\ud83"#).is_err());
    }
}
