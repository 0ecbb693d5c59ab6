//! Splits a template into literal text and tags, by the rules of Handlebars' own lexer.

use crate::error::LineError;

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Text(Text<'a>),
    Tag(Tag<'a>),
}

/// Literal text: as it was written, and what whitespace control leaves of it.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a str,
    pub(crate) kept: &'a str,
}

/// One `{{…}}`.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) kind: Kind,
    /// Its text without braces, `~` and the sign of its kind.
    pub(crate) body: &'a str,
    /// `{{~`: all whitespace before it goes.
    pub(crate) strips_before: bool,
    /// `~}}`: all whitespace after it goes.
    pub(crate) strips_after: bool,
    /// The indentation for each line of a partial that has its line to itself.
    pub(crate) indent: &'a str,
    pub(crate) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `{{! … }}`, `{{!-- … --}}`
    Comment,
    /// `{{x}}`, `{{{x}}}`, `{{&x}}`
    Value,
    /// `{{> x}}`
    Partial,
    /// `{{#x}}`
    Block,
    /// `{{^x}}`
    InverseBlock,
    /// `{{#> x}}`
    PartialBlock,
    /// `{{#*inline "x"}}`
    Inline,
    /// `{{else}}`, `{{^}}`, `{{else if x}}`
    Else,
    /// `{{/x}}`
    Close,
}

/// Splits a template whose first line is line `line` of its file.
pub(crate) fn scan(source: &str, line: usize) -> Result<Vec<Piece<'_>>, LineError> {
    let mut scanner = Scanner { source, at: 0, first_line: line, pieces: Vec::new() };
    while scanner.step()? {}
    Ok(scanner.pieces)
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    first_line: usize,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Scanner<'a> {
    /// Takes the text up to the next tag, and the tag; false at the end.
    fn step(&mut self) -> Result<bool, LineError> {
        let rest = &self.source[self.at..];
        let Some(length) = rest.find("{{") else {
            self.text(rest);
            return Ok(false);
        };
        let before = &rest[..length];
        if before.ends_with(r"\\") {
            // The backslash is escaped and the tag is not.
            self.text(&before[..length - 1]);
        } else if let Some(before) = before.strip_suffix('\\') {
            // An escaped tag is text, up to the next tag.
            self.text(before);
            let escaped = &rest[length..];
            let end = escaped[2..].find("{{").map_or(escaped.len(), |it| it + 2);
            let slashes = escaped[..end].bytes().rev().take(2).take_while(|it| *it == b'\\').count();
            let end = if end == escaped.len() { end } else { end - slashes };
            self.text(&escaped[..end]);
            self.at += length + end;
            return Ok(true);
        } else {
            self.text(before);
        }
        self.at += length;
        let (tag, length) = self.tag()?;
        self.pieces.push(Piece::Tag(tag));
        self.at += length;
        Ok(true)
    }

    fn text(&mut self, raw: &'a str) {
        if !raw.is_empty() {
            self.pieces.push(Piece::Text(Text { raw, kept: raw }));
        }
    }

    /// The tag at the current place, and its length.
    fn tag(&self) -> Result<(Tag<'a>, usize), LineError> {
        let rest = &self.source[self.at..];
        let line = self.first_line + self.source[..self.at].matches('\n').count();
        let unclosed = || LineError::new(line, "has a tag that is never closed");
        if rest.starts_with("{{{{") {
            return Err(LineError::new(line, "has a raw block, and Dotprompt has no helper that takes one"));
        }
        let strips_before = rest[2..].starts_with('~');
        let start = if strips_before { 3 } else { 2 };
        let inner = &rest[start..];

        let (body, end, opening) = if inner.starts_with("!--") {
            let end =
                ["--}}", "--~}}"].iter().filter_map(|it| Some(inner[3..].find(it)? + 3 + it.len())).min();
            ("", end.ok_or_else(unclosed)?, "!")
        } else if inner.starts_with('!') {
            ("", inner.find("}}").ok_or_else(unclosed)? + 2, "!")
        } else {
            let (opening, closing) = if inner.starts_with('{') { ("{", "}") } else { ("", "") };
            let stop = end_of_expression(inner).ok_or_else(unclosed)?;
            let body = inner[opening.len()..stop].trim_end_matches('~').trim();
            let after = inner[stop..].strip_prefix(closing).ok_or_else(unclosed)?;
            let after = after.strip_prefix('~').unwrap_or(after).strip_prefix("}}").ok_or_else(unclosed)?;
            (body, inner.len() - after.len(), opening)
        };
        let strips_after = inner[..end].ends_with("~}}");
        let (kind, body) = if opening == "!" { (Kind::Comment, "") } else { kind_of(body, line)? };
        Ok((Tag { kind, body, strips_before, strips_after, indent: "", line }, start + end))
    }
}

/// The end of an expression's text: the first `}` that is neither in a string nor in `[…]`.
fn end_of_expression(inner: &str) -> Option<usize> {
    let start = usize::from(inner.starts_with('{'));
    let mut until = None;
    let mut escaped = false;
    for (at, it) in inner.char_indices().skip(start) {
        match until {
            Some(_) if escaped => escaped = false,
            Some(_) if it == '\\' => escaped = true,
            Some(end) if it == end => until = None,
            Some(_) => {}
            None => match it {
                '"' | '\'' => until = Some(it),
                '[' => until = Some(']'),
                '}' => return Some(at),
                _ => {}
            },
        }
    }
    None
}

fn kind_of(body: &str, line: usize) -> Result<(Kind, &str), LineError> {
    let signs = [
        ("#>", Kind::PartialBlock),
        ("#*", Kind::Inline),
        ("#", Kind::Block),
        (">", Kind::Partial),
        ("/", Kind::Close),
        ("&", Kind::Value),
    ];
    if body.starts_with('*') {
        return Err(LineError::new(line, "has a decorator, and Dotprompt has none but `inline`"));
    }
    for (sign, kind) in signs {
        if let Some(rest) = body.strip_prefix(sign) {
            return Ok((kind, rest.trim_start()));
        }
    }
    if let Some(rest) = body.strip_prefix('^') {
        let rest = rest.trim_start();
        return Ok((if rest.is_empty() { Kind::Else } else { Kind::InverseBlock }, rest));
    }
    match body.strip_prefix("else") {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => {
            Ok((Kind::Else, rest.trim_start()))
        }
        _ => Ok((Kind::Value, body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(source: &str) -> Vec<String> {
        let pieces = scan(source, 1).expect("scans");
        let show = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.raw.to_owned(),
            Piece::Tag(tag) => format!("<{:?} {}>", tag.kind, tag.body),
        };
        pieces.iter().map(show).collect()
    }

    #[test]
    fn braces_within_strings_and_brackets_do_not_end_a_tag() {
        assert_eq!(shape(r#"{{json "}}" a.[}}]}}!"#), [r#"<Value json "}}" a.[}}]>"#, "!"]);
    }

    #[test]
    fn an_escaped_tag_is_text_and_an_escaped_backslash_is_not() {
        assert_eq!(shape(r"a \{{b}} c {{d}}"), ["a ", "{{b}} c ", "<Value d>"]);
        assert_eq!(shape(r"a \\{{b}}"), [r"a \", "<Value b>"]);
    }

    #[test]
    fn every_sign_is_known() {
        assert_eq!(
            shape("{{~#if a~}}{{^}}{{else if b}}{{/if}}{{{c}}}{{&d}}{{> e f=1}}{{!-- }} --}}{{! x }}"),
            [
                "<Block if a>",
                "<Else >",
                "<Else if b>",
                "<Close if>",
                "<Value c>",
                "<Value d>",
                "<Partial e f=1>",
                "<Comment >",
                "<Comment >"
            ]
        );
    }

    #[test]
    fn an_unclosed_tag_is_named_by_its_line() {
        let fault = scan("one\ntwo {{name", 5).expect_err("unclosed");
        assert_eq!((fault.line, fault.what.as_str()), (6, "has a tag that is never closed"));
    }
}
