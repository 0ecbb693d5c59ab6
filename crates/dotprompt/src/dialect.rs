//! Rewrites a template from handlebars.js, which Dotprompt is defined by, to the dialect of the `handlebars` crate.
//!
//! This module and the helpers it calls by the names in `reserved` make up for every difference:
//!
//! - Whitespace: the crate trims lines and indents partials by other rules. `whitespace` has applied the right ones
//!   already, so each text is put between [`GUARD`]s, which leave the crate nothing to trim; a helper around each
//!   partial indents it.
//! - Values: the crate prints lists, mappings and whole floats in another way, so a helper prints all values.
//! - Paths: the crate fails on a name looked up in a list, knows no `list.length` and no `@`-variables but
//!   those of loops, and lets a partial see its caller's block parameters. `a.b` becomes `(lookup this "a" "b")`,
//!   and `@auth.email` is looked up at the root, where `template` keeps the caller's context.
//! - `.`, `..`, string escapes, `{{#name}}…{{/name}}` and `{{^name}}…{{/name}}` are unknown to the crate or mean
//!   something else; each is replaced by something that it knows.
//! - In `if` and the like, the crate takes an empty mapping for false, and inner loops lose outer variables; all
//!   block helpers are ours.
//! - The crate takes any helper that is registered, its own extras too, and fails late on any other; here a
//!   helper that Dotprompt does not have is an error at once.
//!
//! Two differences stay, because they are rare and a template's text alone does not show them: in a partial, `..`
//! counts the partial itself as one step; an inline partial is defined from its place on, not in the whole block.

use crate::error::LineError;
use crate::expression::{PartialName, Words};
use crate::reserved::{GUARD, MAX_DEPTH, PARTIAL, SECTION, too_deep};
use crate::scan::{Kind, Piece, Tag};

/// A template in the crate's dialect.
pub(crate) struct Rewritten {
    pub(crate) source: String,
    pub(crate) lines: Lines,
    /// The partials it names.
    pub(crate) partials: Vec<PartialUse>,
    /// The partials it defines inline.
    pub(crate) inline: Vec<String>,
    /// Whether it computes the name of a partial.
    pub(crate) names_partials_at_runtime: bool,
    /// How many contexts up (`..`) its paths reach at most.
    pub(crate) parent_depth: usize,
}

/// A partial named in a template.
pub(crate) struct PartialUse {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// `{{#> name}}…{{/name}}` has the text to use when there is no such partial.
    pub(crate) has_fallback: bool,
}

/// Which line of the original a place in the rewritten template comes from.
#[derive(Default)]
pub(crate) struct Lines(Vec<((usize, usize), usize)>);

impl Lines {
    pub(crate) fn original(&self, line: usize, column: usize) -> usize {
        let after = self.0.partition_point(|(place, _)| *place <= (line, column));
        self.0.get(after.saturating_sub(1)).map_or(1, |(_, line)| *line)
    }
}

/// Rewrites a template whose whitespace `whitespace` has trimmed.
pub(crate) fn rewrite(pieces: &[Piece<'_>]) -> Result<Rewritten, LineError> {
    let mut rewriter = Rewriter { line: 1, column: 1, ..Rewriter::default() };
    for piece in pieces {
        match piece {
            Piece::Text(text) => rewriter.text(text.kept),
            Piece::Tag(tag) => {
                rewriter.lines.0.push(((rewriter.line, rewriter.column), tag.line));
                rewriter.tag(tag).map_err(|what| LineError::new(tag.line, what))?;
            }
        }
    }
    if let Some(block) = rewriter.open.pop() {
        return Err(LineError::new(block.line, format!("opens `{}` and never closes it", block.name)));
    }
    Ok(Rewritten {
        source: rewriter.out,
        lines: rewriter.lines,
        partials: rewriter.partials,
        inline: rewriter.inline,
        names_partials_at_runtime: rewriter.names_partials_at_runtime,
        parent_depth: rewriter.parent_depth,
    })
}

#[derive(Default)]
struct Rewriter<'a> {
    out: String,
    line: usize,
    column: usize,
    lines: Lines,
    open: Vec<OpenBlock<'a>>,
    partials: Vec<PartialUse>,
    inline: Vec<String>,
    names_partials_at_runtime: bool,
    parent_depth: usize,
}

struct OpenBlock<'a> {
    /// What its closing tag must say.
    name: String,
    /// What closes it in the crate's dialect.
    close: String,
    takes_else: bool,
    /// How many of its branches begin with `else if`, which the crate keeps one within the other.
    chained: usize,
    /// The block parameters it declares.
    names: Vec<&'a str>,
    line: usize,
}

impl<'a> Rewriter<'a> {
    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            let escaped = text.replace("{{", &format!("{GUARD}\\{{{{"));
            self.push(&format!("{GUARD}{escaped}{GUARD}"));
        }
    }

    fn push(&mut self, text: &str) {
        for it in text.chars() {
            (self.line, self.column) =
                if it == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.out.push_str(text);
    }

    fn tag(&mut self, tag: &Tag<'a>) -> Result<(), String> {
        if tag.kind == Kind::Comment {
            return Ok(());
        }
        if tag.kind == Kind::Close {
            return self.close(tag.body);
        }
        if tag.kind == Kind::Else
            && let Some(block) = self.open.last_mut()
        {
            block.names.clear();
        }
        let words = Words::of(tag.body, self.open.iter().flat_map(|it| it.names.iter().copied()).collect())?;
        self.parent_depth = self.parent_depth.max(words.parent_depth());
        match tag.kind {
            Kind::Comment | Kind::Close => {}
            Kind::Value => self.push(&words.value_tag()?),
            Kind::Partial => {
                let call = self.partial(&words, tag)?;
                let indent = serde_json::Value::from(tag.indent);
                self.push(&format!("{{{{#{PARTIAL} {indent}}}}}{{{{> {call}}}}}{{{{/{PARTIAL}}}}}"));
            }
            Kind::PartialBlock => {
                let call = self.partial(&words, tag)?;
                let name = words.head().unwrap_or_default();
                self.open(name, format!("{{{{/{name}}}}}{{{{/{PARTIAL}}}}}"), false, tag.line);
                self.push(&format!("{{{{#{PARTIAL}}}}}{{{{#> {call}}}}}"));
            }
            Kind::Inline => {
                let name = words.inline_name()?;
                self.open("inline", "{{/inline}}".into(), false, tag.line);
                self.push(&format!("{{{{#*inline {}}}}}", serde_json::Value::from(name)));
                self.inline.push(name.to_owned());
            }
            Kind::Block => {
                let (helper, call) = words.block()?;
                let name = words.head().unwrap_or_default();
                self.open(name, format!("{{{{/{helper}}}}}"), true, tag.line);
                self.declare(&words);
                self.push(&format!("{{{{#{call}}}}}"));
            }
            Kind::InverseBlock => {
                let (helper, call) = words.block()?;
                if helper != SECTION {
                    return Err(format!("inverts the helper `{helper}`; write `unless` instead"));
                }
                let name = words.head().unwrap_or_default();
                self.open(name, format!("{{{{/{helper}}}}}"), false, tag.line);
                self.push(&format!("{{{{#{call}}}}}{{{{else}}}}"));
            }
            Kind::Else => {
                if !self.open.last().is_some_and(|it| it.takes_else) {
                    return Err("has an `else` that belongs to no block".into());
                }
                let chained =
                    if tag.body.is_empty() { String::new() } else { format!(" {}", words.block()?.1) };
                self.push(&format!("{{{{else{chained}}}}}"));
                self.declare(&words);
                if let Some(block) = self.open.last_mut() {
                    block.chained += usize::from(!tag.body.is_empty());
                }
            }
        }
        if self.open.iter().map(|it| 1 + it.chained).sum::<usize>() > MAX_DEPTH {
            return Err(too_deep());
        }
        Ok(())
    }

    fn open(&mut self, name: &str, close: String, takes_else: bool, line: usize) {
        self.open.push(OpenBlock {
            name: name.to_owned(),
            close,
            takes_else,
            chained: 0,
            names: Vec::new(),
            line,
        });
    }

    fn declare(&mut self, words: &Words<'a>) {
        if let Some(block) = self.open.last_mut() {
            block.names = words.declared();
        }
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        let Some(block) = self.open.pop() else { return Err(format!("closes `{name}`, which is not open")) };
        if block.name != name {
            return Err(format!("closes `{name}` where `{}` is open", block.name));
        }
        self.push(&block.close);
        Ok(())
    }

    /// What follows `{{>`: the partial's name, its context and its arguments.
    fn partial(&mut self, words: &Words<'_>, tag: &Tag<'_>) -> Result<String, String> {
        let (name, rest) = words.partial_name()?;
        match &name {
            PartialName::Fixed(name) if *name == "@partial-block" => {}
            PartialName::Fixed(name) => self.partials.push(PartialUse {
                name: (*name).to_owned(),
                line: tag.line,
                has_fallback: tag.kind == Kind::PartialBlock,
            }),
            PartialName::Computed(_) => self.names_partials_at_runtime = true,
        }
        let name = match name {
            PartialName::Fixed(name) => name.to_owned(),
            PartialName::Computed(call) => call,
        };
        Ok(format!("{name}{}", words.arguments(rest)?))
    }
}
