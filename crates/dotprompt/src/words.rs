//! Splits what stands between the braces of a tag into words.

/// How deep subexpressions may nest, since they are read and evaluated by recursion.
const MAX_DEPTH: usize = 32;

/// A word of a tag.
#[derive(PartialEq)]
pub(crate) enum Word<'a> {
    /// A text in quotes, without them.
    Text(String),
    /// A name, a path or a number.
    Plain(&'a str),
    /// A parenthesis, `=` or `|`.
    Mark(char),
}

/// The words of a tag.
pub(crate) fn words(body: &str) -> Result<Vec<Word<'_>>, String> {
    let mut words = Vec::new();
    let mut depth = 0_usize;
    let mut rest = body.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => {
                let end = end_of_string(rest, first).ok_or("has a string that is never closed")?;
                // Only the quote can be escaped. Any other backslash is text.
                words.push(Word::Text(rest[1..end].replace(&format!("\\{first}"), &first.to_string())));
                end + 1
            }
            '(' | ')' | '=' | '|' => {
                depth = match first {
                    '(' => depth + 1,
                    ')' => depth.saturating_sub(1),
                    _ => depth,
                };
                if depth > MAX_DEPTH {
                    return Err(format!("nests subexpressions more than {MAX_DEPTH} deep"));
                }
                words.push(Word::Mark(first));
                1
            }
            _ => {
                let end = end_of_word(rest);
                words.push(Word::Plain(&rest[..end]));
                end
            }
        };
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

fn end_of_string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, it)| {
        let ends = it == quote && !escaped;
        escaped = it == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// Where the word that a text begins with ends; blanks in brackets do not end it.
pub(crate) fn end_of_word(text: &str) -> usize {
    let mut in_brackets = false;
    let ends = |it: char| it.is_whitespace() || "()=|\"'".contains(it);
    let end = text.char_indices().find(|(_, it)| {
        in_brackets = if in_brackets { *it != ']' } else { *it == '[' };
        !in_brackets && ends(*it)
    });
    end.map_or(text.len(), |(at, _)| at)
}
