//! What of the input can stand in an answer: values with a label, and the pieces of a list.

/// A longer piece makes an answer unreadable.
const LONGEST: usize = 80;

/// The value that stands behind a label: `sender: ACME` or `"sender": "ACME"`. The property is in small letters and
/// without punctuation.
pub(super) fn labelled<'a>(text: &'a str, property: &str) -> Option<&'a str> {
    let mut lines = text.split(['\n', ';', '{', '}']);
    lines.find_map(|line| {
        let (label, value) = line.split_once([':', '='])?;
        let letters = label.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let value = tidy(value);
        (letters == property && !value.is_empty()).then_some(value)
    })
}

/// One of the pieces that the last paragraph consists of: its lines, or what commas part.
pub(super) fn piece(text: &str, index: usize) -> Option<&str> {
    let (above, last) = text.trim().rsplit_once("\n\n").unwrap_or(("", text));
    // A single line without a paragraph before it is a question, and no list.
    let body = if above.is_empty() { last.split_once(':')?.1 } else { last };
    let mut pieces = body.split(['\n', ',', ';']).map(tidy).filter(|it| !it.is_empty());
    pieces.nth(index)
}

/// Without quotes, blanks and marks around it, and not too long.
fn tidy(text: &str) -> &str {
    let around = |it: char| it.is_whitespace() || "\"'`,.;*-".contains(it);
    let text = text.trim_matches(around);
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    text[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOICE: &str =
        "Sum up this invoice in English:\n\nDesk, 1 piece\nSender: ACME Ltd.\ntotal = 200.00";

    #[test]
    fn values_are_found_by_their_labels() {
        assert_eq!(labelled(INVOICE, "sender"), Some("ACME Ltd"));
        assert_eq!(labelled(INVOICE, "total"), Some("200.00"));
        assert_eq!(labelled("{\"full_name\": \"Ada\"}", "fullname"), Some("Ada"));
        assert_eq!(labelled(INVOICE, "date"), None);
    }

    #[test]
    fn a_list_is_taken_from_the_last_paragraph() {
        assert_eq!((0..2).map(|nth| piece(INVOICE, nth).unwrap()).collect::<Vec<_>>(), ["Desk", "1 piece"]);
        assert_eq!(piece("Buy: milk, eggs", 1), Some("eggs"));
        assert_eq!(piece("Tell me of Oslo, please.", 0), None);
        assert_eq!(
            piece(&format!("All:\n\n{}", "é".repeat(500)), 0).map(|it| it.chars().count()),
            Some(LONGEST)
        );
    }
}
