//! Reads a template's pieces into the tree that `render` walks.

use crate::error::LineError;
use crate::expression::{self, Call, Expression, SECTION};
use crate::scan::{Kind, Piece, Tag};

/// How deep blocks may nest, in each other and through partials, of which each counts for two.
///
/// Blocks are rendered by recursion, so that deeper ones could overflow the stack of a thread.
pub(crate) const MAX_DEPTH: usize = 64;

/// A piece of a template as it is rendered.
pub(crate) enum Node {
    Text(String),
    Value { value: Expression, line: usize },
    Block { branches: Vec<Branch>, otherwise: Vec<Node> },
    Partial(Partial),
    Inline { name: String, nodes: Vec<Node> },
}

/// A block's call with what it renders: the block itself, or one of its `else if`.
pub(crate) struct Branch {
    pub(crate) call: Call,
    pub(crate) nodes: Vec<Node>,
    pub(crate) line: usize,
}

/// A partial named in a template.
pub(crate) struct Partial {
    pub(crate) name: Expression,
    pub(crate) call: Call,
    /// What each of its lines begins with.
    pub(crate) indent: String,
    /// `{{#> name}}…{{/name}}` has the text to use when there is no such partial.
    pub(crate) block: Option<Vec<Node>>,
    pub(crate) line: usize,
}

/// The error for a template that nests deeper than [`MAX_DEPTH`].
pub(crate) fn too_deep() -> String {
    format!("nests blocks more than {MAX_DEPTH} deep, where each partial counts for two")
}

/// Reads a template whose whitespace `whitespace` has trimmed.
pub(crate) fn parse(pieces: &[Piece<'_>]) -> Result<Vec<Node>, LineError> {
    let mut parser = Parser::default();
    for piece in pieces {
        match piece {
            Piece::Text(text) => parser.nodes.push(Node::Text(text.kept.to_owned())),
            Piece::Tag(tag) => parser.tag(tag).map_err(|what| LineError::new(tag.line, what))?,
        }
    }
    match parser.open.pop() {
        Some(block) => Err(LineError::new(block.line, format!("opens `{}` and never closes it", block.name))),
        None => Ok(parser.nodes),
    }
}

#[derive(Default)]
struct Parser<'a> {
    /// Those of the innermost open block.
    nodes: Vec<Node>,
    open: Vec<Open<'a>>,
}

struct Open<'a> {
    /// What its closing tag must say.
    name: &'a str,
    line: usize,
    /// The nodes before it.
    before: Vec<Node>,
    kind: OpenKind,
}

enum OpenKind {
    /// With the call of the branch whose nodes are being read; none is the one after `else`.
    Block {
        branches: Vec<Branch>,
        current: Option<(Call, usize)>,
    },
    /// `{{^name}}`
    Inverse(Call),
    Partial(Expression, Call),
    Inline(String),
}

impl<'a> Parser<'a> {
    fn tag(&mut self, tag: &Tag<'a>) -> Result<(), String> {
        match tag.kind {
            Kind::Comment => {}
            Kind::Value => {
                self.nodes.push(Node::Value { value: expression::value_tag(tag.body)?, line: tag.line });
            }
            Kind::Partial => {
                let (name, call) = expression::partial(tag.body)?;
                let indent = tag.indent.to_owned();
                self.nodes.push(Node::Partial(Partial { name, call, indent, block: None, line: tag.line }));
            }
            Kind::PartialBlock => {
                let (name, call) = expression::partial(tag.body)?;
                self.open(expression::head(tag.body), tag.line, OpenKind::Partial(name, call));
            }
            Kind::Inline => {
                self.open("inline", tag.line, OpenKind::Inline(expression::inline_name(tag.body)?));
            }
            Kind::Block => {
                let (name, call) = expression::block(tag.body)?;
                let current = Some((call, tag.line));
                self.open(name, tag.line, OpenKind::Block { branches: Vec::new(), current });
            }
            Kind::InverseBlock => {
                let (name, call) = expression::block(tag.body)?;
                if call.helper != SECTION {
                    return Err(format!("inverts the helper `{name}`; write `unless` instead"));
                }
                self.open(name, tag.line, OpenKind::Inverse(call));
            }
            Kind::Else => self.otherwise(tag)?,
            Kind::Close => self.close(tag.body)?,
        }
        let depth = |it: &Open<'_>| match &it.kind {
            // Each `else if` is rendered within the one before it.
            OpenKind::Block { branches, current } => (branches.len() + usize::from(current.is_some())).max(1),
            _ => 1,
        };
        if self.open.iter().map(depth).sum::<usize>() > MAX_DEPTH { Err(too_deep()) } else { Ok(()) }
    }

    fn open(&mut self, name: &'a str, line: usize, kind: OpenKind) {
        self.open.push(Open { name, line, before: std::mem::take(&mut self.nodes), kind });
    }

    /// `{{else}}` and `{{else if x}}`
    fn otherwise(&mut self, tag: &Tag<'a>) -> Result<(), String> {
        let Some(Open { kind: OpenKind::Block { branches, current }, .. }) = self.open.last_mut() else {
            return Err("has an `else` that belongs to no block".into());
        };
        let Some((call, line)) = current.take() else { return Err("has an `else` after an `else`".into()) };
        branches.push(Branch { call, nodes: std::mem::take(&mut self.nodes), line });
        if !tag.body.is_empty() {
            *current = Some((expression::block(tag.body)?.1, tag.line));
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        let Some(block) = self.open.pop() else { return Err(format!("closes `{name}`, which is not open")) };
        if block.name != name {
            return Err(format!("closes `{name}` where `{}` is open", block.name));
        }
        let line = block.line;
        let nodes = std::mem::replace(&mut self.nodes, block.before);
        self.nodes.push(match block.kind {
            OpenKind::Block { mut branches, current: Some((call, line)) } => {
                branches.push(Branch { call, nodes, line });
                Node::Block { branches, otherwise: Vec::new() }
            }
            OpenKind::Block { branches, current: None } => Node::Block { branches, otherwise: nodes },
            OpenKind::Inverse(call) => {
                let branches = vec![Branch { call, nodes: Vec::new(), line }];
                Node::Block { branches, otherwise: nodes }
            }
            OpenKind::Partial(name, call) => {
                Node::Partial(Partial { name, call, indent: String::new(), block: Some(nodes), line })
            }
            OpenKind::Inline(name) => Node::Inline { name, nodes },
        });
        Ok(())
    }
}
