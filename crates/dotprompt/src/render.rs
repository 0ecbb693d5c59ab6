//! Renders a template's tree to text, by the rules of handlebars.js, which Dotprompt is defined by.
//!
//! The `handlebars` crate has other rules for whitespace, paths, `else`, partials and what counts as true, and takes
//! helpers that Dotprompt does not have.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::PromptError;
use crate::expression::{Call, Expression, Path, SECTION};
use crate::helpers::{Arguments, Found, follow, printed};
use crate::parse::{Branch, Node, Partial};
use crate::scope::{Body, Inline, Parameters, Scope, Turn, at_path};

/// The name under which a partial renders the block it was given.
pub(crate) const PARTIAL_BLOCK: &str = "@partial-block";

/// What is rendered with what.
pub(crate) struct Renderer<'r> {
    pub(crate) partials: &'r BTreeMap<String, Vec<Node>>,
    /// The variables: the first context, and `@root`.
    pub(crate) input: &'r Value,
    /// The `@`-variables.
    pub(crate) data: &'r Value,
}

impl Renderer<'_> {
    /// Renders a prompt's own template.
    pub(crate) fn render(&self, nodes: &[Node]) -> Result<String, PromptError> {
        let mut out = String::new();
        let scope = Scope { context: Some(self.input), ..Scope::default() };
        self.nodes(nodes, &scope, &mut out)?;
        Ok(out)
    }

    fn nodes(&self, nodes: &[Node], scope: &Scope<'_>, out: &mut String) -> Result<(), PromptError> {
        let inline = Inline { nodes, scope, outer: scope.inline };
        let defines = nodes.iter().any(|it| matches!(it, Node::Inline { .. }));
        let scope = if defines { &Scope { inline: Some(&inline), ..*scope } } else { scope };
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Value { value, line } => {
                    let value = self.value(value, scope).map_err(|what| scope.fault(*line, what))?;
                    out.push_str(&printed(value.as_deref()));
                }
                Node::Block { branches, otherwise } => self.block(branches, otherwise, scope, out)?,
                Node::Partial(partial) => self.partial(partial, scope, out)?,
                Node::Inline { .. } => {}
            }
        }
        Ok(())
    }

    /// Renders the first branch, or the others in its `else`.
    fn block(
        &self,
        branches: &[Branch],
        otherwise: &[Node],
        scope: &Scope<'_>,
        out: &mut String,
    ) -> Result<(), PromptError> {
        let Some((Branch { call, nodes, line }, others)) = branches.split_first() else {
            return self.nodes(otherwise, scope, out);
        };
        let scope = &scope.deeper(1, *line)?;
        let fault = |what| scope.fault(*line, what);
        let arguments = self.arguments(call, scope).map_err(fault)?;
        let too_few = || fault(format!("calls `{}` with too few values", call.helper));
        let value = arguments.values.first().ok_or_else(too_few)?.as_deref();
        if call.helper == "each" || (call.helper == SECTION && value.is_some_and(Value::is_array)) {
            let list = items(value);
            if list.is_empty() {
                return self.block(others, otherwise, scope, out);
            }
            for (index, (key, item)) in list.iter().enumerate() {
                let turn = Turn { index, key, is_last: index + 1 == list.len(), outer: scope.turn };
                let (names, outer) = (&call.parameters, scope.parameters);
                let parameters = Parameters { names, values: [Some(item), Some(key)], outer };
                let inner = scope.enter(Some(item));
                let inner = Scope { turn: Some(&turn), parameters: Some(&parameters), ..inner };
                self.nodes(nodes, &inner, out)?;
            }
            return Ok(());
        }
        let includes_zero = arguments.named("includeZero") == Some(&Value::Bool(true));
        let is_true = !is_empty(value) && (includes_zero || value.and_then(Value::as_f64) != Some(0.0));
        let equals = || {
            let other = arguments.values.get(1).ok_or_else(too_few)?;
            Ok::<_, PromptError>(are_equal(value, other.as_deref()))
        };
        let renders = match call.helper {
            "if" => is_true,
            "unless" => !is_true,
            "ifEquals" => equals()?,
            "unlessEquals" => !equals()?,
            // An empty text is something to a section.
            SECTION => !matches!(value, None | Some(Value::Null | Value::Bool(false))),
            _ => !is_empty(value),
        };
        if !renders {
            return self.block(others, otherwise, scope, out);
        }
        let has_context =
            call.helper == "with" || (call.helper == SECTION && value != Some(&Value::Bool(true)));
        let (names, outer) = (&call.parameters, scope.parameters);
        let parameters = Parameters { names, values: [value, None], outer };
        let inner = if has_context { scope.enter(value) } else { *scope };
        self.nodes(nodes, &Scope { parameters: Some(&parameters), ..inner }, out)
    }

    fn partial(&self, partial: &Partial, scope: &Scope<'_>, out: &mut String) -> Result<(), PromptError> {
        let scope = &scope.deeper(2, partial.line)?;
        let fault = |what| scope.fault(partial.line, what);
        let name = printed(self.value(&partial.name, scope).map_err(fault)?.as_deref());
        let arguments = self.arguments(&partial.call, scope).map_err(fault)?;
        let given = arguments.values.first().map_or(scope.context, |it| it.as_deref());
        let merged;
        let context = if arguments.named.is_empty() {
            given
        } else {
            let mut members = given.and_then(Value::as_object).cloned().unwrap_or_default();
            let named = arguments.named.iter().filter_map(|(key, it)| Some((*key, it.as_deref()?)));
            members.extend(named.map(|(key, it)| (key.to_owned(), it.clone())));
            merged = Value::Object(members);
            Some(&merged)
        };

        let block = partial.block.as_ref().map(|nodes| Body { nodes, scope });
        // A partial sees what is defined in the block it is given.
        let defined = block.map(|Body { nodes, .. }| Inline { nodes, scope, outer: scope.inline });
        let inline = defined.as_ref().or(scope.inline);
        let partial_block = block.or(scope.partial_block);
        let (nodes, base) = if name == PARTIAL_BLOCK {
            let none = || fault(format!("reads a `{PARTIAL_BLOCK}` nobody passed"));
            let body = scope.partial_block.ok_or_else(none)?;
            (
                body.nodes,
                Scope { partial_block: body.scope.partial_block, inline, ..body.scope.enter(context) },
            )
        } else if let Some(body) = scope.inline_partial(&name) {
            (body.nodes, Scope { inline, partial_block, ..body.scope.enter(context) })
        } else if let Some((name, nodes)) = self.partials.get_key_value(&name) {
            (
                nodes.as_slice(),
                Scope { context, partial: Some(name), partial_block, inline, ..Scope::default() },
            )
        } else {
            let body = block.ok_or_else(|| fault("names a partial that is not known".into()))?;
            (body.nodes, scope.enter(context))
        };
        let inner = Scope { turn: scope.turn, depth: scope.depth, ..base };
        if partial.indent.is_empty() {
            return self.nodes(nodes, &inner, out);
        }
        let mut text = String::new();
        self.nodes(nodes, &inner, &mut text)?;
        for line in text.split_inclusive('\n') {
            out.push_str(&partial.indent);
            out.push_str(line);
        }
        Ok(())
    }

    fn arguments<'s>(&'s self, call: &'s Call, scope: &'s Scope<'s>) -> Result<Arguments<'s>, String> {
        let values = call.values.iter().map(|it| self.value(it, scope)).collect::<Result<_, _>>()?;
        let named = call.named.iter().map(|(key, it)| Ok((key.as_str(), self.value(it, scope)?)));
        Ok(Arguments { values, named: named.collect::<Result<_, String>>()? })
    }

    fn value<'s>(&'s self, value: &'s Expression, scope: &'s Scope<'s>) -> Result<Found<'s>, String> {
        match value {
            Expression::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Expression::Path(path) if path.is_data => Ok(self.data(path, scope)),
            Expression::Path(path) => Ok(at_path(path, scope)),
            Expression::Call(call) => self.arguments(call, scope)?.call(call.helper),
        }
    }

    /// A variable of the loop, or else one of the caller's.
    fn data<'s>(&'s self, path: &Path, scope: &'s Scope<'s>) -> Found<'s> {
        let (name, steps) = path.steps.split_first()?;
        if name == "root" {
            return follow(Some(Cow::Borrowed(self.input)), steps);
        }
        let turn = scope.turn.and_then(|turn| (0..path.up).try_fold(turn, |turn, _| turn.outer));
        let variable = turn.and_then(|turn| match name.as_str() {
            "index" => Some(Cow::Owned(turn.index.into())),
            "first" => Some(Cow::Owned((turn.index == 0).into())),
            "last" => Some(Cow::Owned(turn.is_last.into())),
            "key" => Some(Cow::Borrowed(turn.key)),
            _ => None,
        });
        follow(variable.or_else(|| self.data.get(name).map(Cow::Borrowed)), steps)
    }
}

/// The keys and values that `each` goes through.
fn items(value: Option<&Value>) -> Vec<(Value, &Value)> {
    match value {
        Some(Value::Array(list)) => list.iter().enumerate().map(|(at, it)| (at.into(), it)).collect(),
        Some(Value::Object(map)) => map.iter().map(|(key, it)| (key.as_str().into(), it)).collect(),
        _ => Vec::new(),
    }
}

/// Zero and an empty mapping are not empty.
fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Bool(it)) => !it,
        Some(Value::String(it)) => it.is_empty(),
        Some(Value::Array(it)) => it.is_empty(),
        Some(Value::Number(_) | Value::Object(_)) => false,
    }
}

/// Whether two values are equal and of the same type: `5` and `5.0` are, `5` and `"5"` are not.
fn are_equal(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (left, right) => left == right,
    }
}
