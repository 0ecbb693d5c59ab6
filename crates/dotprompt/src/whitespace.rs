//! Whitespace around tags, by the rules of handlebars.js.

use crate::scan::{Kind, Piece, Tag, Text};

/// Removes what `~` asks for and the lines that hold nothing but a block tag, a partial or a comment.
///
/// Every decision looks at the text as it was written, whatever earlier tags have removed of it.
pub(crate) fn trim(pieces: &mut [Piece<'_>]) {
    let mut open = Vec::new();
    for at in 0..pieces.len() {
        let Piece::Tag(tag) = &pieces[at] else { continue };
        let (strips_before, strips_after) = (tag.strips_before, tag.strips_after);
        let line = line_of(tag, at, &mut open);
        let stands_alone =
            line.as_ref().is_some_and(|it| blank_before(pieces, it.start) && blank_after(pieces, at));
        strip(pieces, at, strips_before, strips_after);
        if !stands_alone {
            continue;
        }
        if !strips_after && let Some(text) = text_mut(pieces, at.checked_add(1)) {
            text.kept = without_line_end(text.kept.trim_start_matches(BLANKS));
        }
        if !strips_before && line.is_some_and(|it| it.loses_indentation) {
            let indent = take_indentation(pieces, at);
            if let Piece::Tag(tag @ Tag { kind: Kind::Partial, .. }) = &mut pieces[at] {
                tag.indent = indent;
            }
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The line that a tag has to itself if it is blank otherwise.
struct Line {
    /// The piece before which the line must be blank.
    start: usize,
    loses_indentation: bool,
}

/// A block that is not closed yet.
#[derive(Default)]
struct Open {
    /// It has an `else if`.
    is_chained: bool,
    has_else: bool,
    /// The tag that ends its first `else if` branch.
    first_branch_end: Option<usize>,
}

fn line_of(tag: &Tag<'_>, at: usize, open: &mut Vec<Open>) -> Option<Line> {
    let line = Line { start: at, loses_indentation: true };
    match tag.kind {
        Kind::Value => return None,
        Kind::Comment | Kind::Partial => {}
        Kind::Block | Kind::InverseBlock | Kind::PartialBlock | Kind::Inline => open.push(Open::default()),
        Kind::Else => {
            let block = open.last_mut()?;
            if block.is_chained {
                block.first_branch_end.get_or_insert(at);
            }
            block.is_chained |= !block.has_else && !tag.body.is_empty();
            block.has_else = true;
        }
        Kind::Close => {
            let block = open.pop()?;
            if block.is_chained {
                // handlebars.js looks at the end of the first `else if` branch of such a block, and keeps what
                // stands before its closing tag.
                return Some(Line { start: block.first_branch_end.unwrap_or(at), loses_indentation: false });
            }
        }
    }
    Some(line)
}

/// Removes and returns the blanks at the end of the text before a tag.
fn take_indentation<'a>(pieces: &mut [Piece<'a>], at: usize) -> &'a str {
    let Some(text) = text_mut(pieces, at.checked_sub(1)) else { return "" };
    let kept = text.kept.trim_end_matches(BLANKS);
    if kept.len() == text.kept.len() {
        return "";
    }
    text.kept = kept;
    &text.raw[text.raw.trim_end_matches(BLANKS).len()..]
}

fn strip(pieces: &mut [Piece<'_>], at: usize, before: bool, after: bool) {
    if before && let Some(text) = text_mut(pieces, at.checked_sub(1)) {
        text.kept = text.kept.trim_end();
    }
    if after && let Some(text) = text_mut(pieces, at.checked_add(1)) {
        text.kept = text.kept.trim_start();
    }
}

/// Whether the line before a tag is blank; the template's start counts as a line's start.
fn blank_before(pieces: &[Piece<'_>], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &pieces[before]) {
        None => true,
        Some(Piece::Tag(_)) => false,
        Some(Piece::Text(text)) => {
            let solid = text.raw.trim_end();
            text.raw[solid.len()..].contains('\n') || (solid.is_empty() && at == 1)
        }
    }
}

/// Whether the line after a tag is blank; the template's end counts as a line's end.
fn blank_after(pieces: &[Piece<'_>], at: usize) -> bool {
    match pieces.get(at + 1) {
        None => true,
        Some(Piece::Tag(_)) => false,
        Some(Piece::Text(text)) => {
            let solid = text.raw.trim_start();
            text.raw[..text.raw.len() - solid.len()].contains('\n')
                || (solid.is_empty() && at + 2 == pieces.len())
        }
    }
}

fn text_mut<'p, 'a>(pieces: &'p mut [Piece<'a>], at: Option<usize>) -> Option<&'p mut Text<'a>> {
    match pieces.get_mut(at?) {
        Some(Piece::Text(text)) => Some(text),
        _ => None,
    }
}

fn without_line_end(text: &str) -> &str {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix('\n'))
        .or_else(|| text.strip_prefix('\r'))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    fn trimmed(source: &str) -> String {
        let mut pieces = scan(source, 1).expect("scans");
        trim(&mut pieces);
        let show = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.kept.to_owned(),
            Piece::Tag(tag) => format!("<{}{}>", tag.indent, tag.body),
        };
        pieces.iter().map(show).collect()
    }

    #[test]
    fn a_tag_alone_on_its_line_takes_the_line_with_it() {
        assert_eq!(trimmed("a\n  {{#if b}}  \n  c\n  {{else}}\nd\n{{/if}}\ne"), "a\n<if b>  c\n<>d\n<if>e");
        assert_eq!(trimmed("{{! note }}\r\na\n  {{!-- b --}}\n"), "<>a\n<>");
    }

    #[test]
    fn a_tag_with_company_leaves_its_line_alone() {
        assert_eq!(trimmed("a {{#if b}}\nc\n{{/if}} d\n"), "a <if b>\nc\n<if> d\n");
        assert_eq!(trimmed("{{name}}\n{{history}}\n"), "<name>\n<history>\n");
    }

    #[test]
    fn a_tilde_takes_all_whitespace_on_its_side() {
        assert_eq!(trimmed("a \n {{~#if b~}} \n c {{~/if}} \n d"), "a<if b>c<if> \n d");
    }

    #[test]
    fn only_a_partial_alone_on_its_line_is_indented() {
        assert_eq!(trimmed("a\n  {{> b}}\nc {{> d}}\n"), "a\n<  b>c <d>\n");
    }

    #[test]
    fn a_block_closed_after_an_else_if_keeps_the_closing_tags_indentation() {
        let source = "{{#if a}}\n1\n {{else if b}}\n2\n {{else}}\n3\n {{/if}}\n4";
        assert_eq!(trimmed(source), "<if a>1\n<if b>2\n<>3\n <if>4");
    }
}
