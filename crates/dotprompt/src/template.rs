//! A template with the partials it can reach, compiled once and rendered for each request.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::error::{LineError, PromptError};
use crate::expression::Expression;
use crate::markers::is_reserved;
use crate::parse::{Node, parse};
use crate::render::{PARTIAL_BLOCK, Renderer};
use crate::{scan, whitespace};

/// A template and its partials, ready to render.
pub(crate) struct Template {
    main: Vec<Node>,
    partials: BTreeMap<String, Vec<Node>>,
    /// Whether it mentions `@metadata`, which is only built then.
    pub(crate) reads_metadata: bool,
}

/// Where the partials are.
pub(crate) struct Partials<'a> {
    pub(crate) find: &'a dyn Fn(&str) -> Option<String>,
    /// Those that a template may name at run time.
    pub(crate) known: Vec<&'a str>,
}

impl Template {
    /// Compiles a template whose first line is line `line` of its file.
    pub(crate) fn compile(source: &str, line: usize, partials: &Partials<'_>) -> Result<Self, PromptError> {
        let mut compiler = Compiler::default();
        let main = compiler.add(None, source, line)?;
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        loop {
            if std::mem::take(&mut compiler.takes_all) {
                let of_data =
                    |name: &&str| Use { name: (*name).to_owned(), has_fallback: true, user: None, line: 1 };
                compiler.open.extend(partials.known.iter().map(of_data));
            }
            let Some(partial) = compiler.open.pop() else { break };
            if found.contains_key(&partial.name) {
                continue;
            }
            match (partials.find)(&partial.name) {
                Some(source) => {
                    let nodes = compiler.add(Some(&partial.name), &source, 1)?;
                    found.insert(partial.name, nodes);
                }
                None => missing.push(partial),
            }
        }
        // A template that includes a partial may define inline what the partial names, so that only the end
        // shows what is missing.
        for it in missing {
            if !it.has_fallback && !compiler.inline.contains(&it.name) {
                let what = format!("names the partial `{}`, which is not known", it.name);
                return Err(PromptError::Template { partial: it.user, line: it.line, what });
            }
        }
        Ok(Self { main, partials: found, reads_metadata: compiler.reads_metadata })
    }

    /// Renders to text with markers in it, which `markers` splits.
    pub(crate) fn render(
        &self,
        input: Map<String, Value>,
        data: Map<String, Value>,
    ) -> Result<String, PromptError> {
        let (mut input, mut data) = (Value::Object(input), Value::Object(data));
        replace_reserved(&mut input);
        replace_reserved(&mut data);
        Renderer { partials: &self.partials, input: &input, data: &data }.render(&self.main)
    }
}

#[derive(Default)]
struct Compiler {
    /// The names of inline partials.
    inline: HashSet<String>,
    /// Partials to compile.
    open: Vec<Use>,
    /// A template computes the name of a partial.
    takes_all: bool,
    reads_metadata: bool,
}

/// A partial that a template names.
struct Use {
    name: String,
    has_fallback: bool,
    /// The partial that names it; none is the prompt itself.
    user: Option<String>,
    line: usize,
}

impl Compiler {
    fn add(&mut self, name: Option<&str>, source: &str, line: usize) -> Result<Vec<Node>, PromptError> {
        let source = source.replace(is_reserved, "\u{fffd}");
        let fault =
            |LineError { line, what }| PromptError::Template { partial: name.map(str::to_owned), line, what };
        let mut pieces = scan::scan(&source, line).map_err(fault)?;
        whitespace::trim(&mut pieces);
        let nodes = parse(&pieces).map_err(fault)?;
        self.reads_metadata |= source.contains("@metadata");
        self.note(name, &nodes);
        Ok(nodes)
    }

    /// Notes the partials that a template names and defines.
    fn note(&mut self, user: Option<&str>, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Value { .. } => {}
                Node::Block { branches, otherwise } => {
                    for it in branches {
                        self.note(user, &it.nodes);
                    }
                    self.note(user, otherwise);
                }
                Node::Inline { name, nodes } => {
                    self.inline.insert(name.clone());
                    self.note(user, nodes);
                }
                Node::Partial(partial) => {
                    self.note(user, partial.block.as_deref().unwrap_or_default());
                    match &partial.name {
                        Expression::Literal(Value::String(name)) if name == PARTIAL_BLOCK => {}
                        Expression::Literal(Value::String(name)) => self.open.push(Use {
                            name: name.clone(),
                            has_fallback: partial.block.is_some(),
                            user: user.map(str::to_owned),
                            line: partial.line,
                        }),
                        _ => self.takes_all = true,
                    }
                }
            }
        }
    }
}

/// Replaces the characters that mark something in a rendered template, in all texts and keys.
///
/// Data without them cannot begin a message, add a medium or open a section.
fn replace_reserved(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(is_reserved) => *text = text.replace(is_reserved, "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_reserved),
        Value::Object(fields) => {
            fields.values_mut().for_each(replace_reserved);
            if fields.keys().any(|key| key.contains(is_reserved)) {
                let owned = std::mem::take(fields);
                let replaced = |(key, value): (String, _)| (key.replace(is_reserved, "\u{fffd}"), value);
                fields.extend(owned.into_iter().map(replaced));
            }
        }
        _ => {}
    }
}
