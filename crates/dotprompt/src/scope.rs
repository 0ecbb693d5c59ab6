//! What can be named at a place of a template: contexts, parameters, loop variables and partials.

use std::borrow::Cow;

use crate::error::PromptError;
use crate::expression::Path;
use crate::helpers::{Found, follow};
use crate::parse::{MAX_DEPTH, Node, too_deep};
use serde_json::Value;

/// What can be named at a place of a template. Each member is the innermost of a list.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'s> {
    pub(crate) context: Option<&'s Value>,
    /// What `..` names.
    pub(crate) outer: Option<&'s Scope<'s>>,
    pub(crate) parameters: Option<&'s Parameters<'s>>,
    pub(crate) turn: Option<&'s Turn<'s>>,
    pub(crate) inline: Option<&'s Inline<'s>>,
    pub(crate) partial_block: Option<Body<'s>>,
    /// The partial it is in; none is the prompt itself.
    pub(crate) partial: Option<&'s str>,
    pub(crate) depth: usize,
}

/// Block parameters.
pub(crate) struct Parameters<'s> {
    pub(crate) names: &'s [String],
    pub(crate) values: [Option<&'s Value>; 2],
    pub(crate) outer: Option<&'s Parameters<'s>>,
}

/// One turn of an `each`.
pub(crate) struct Turn<'s> {
    pub(crate) index: usize,
    pub(crate) key: &'s Value,
    pub(crate) is_last: bool,
    pub(crate) outer: Option<&'s Turn<'s>>,
}

/// The inline partials among some nodes.
pub(crate) struct Inline<'s> {
    pub(crate) nodes: &'s [Node],
    pub(crate) scope: &'s Scope<'s>,
    pub(crate) outer: Option<&'s Inline<'s>>,
}

/// Nodes that see, wherever they are rendered, the contexts and parameters of the place where they stand.
#[derive(Clone, Copy)]
pub(crate) struct Body<'s> {
    pub(crate) nodes: &'s [Node],
    pub(crate) scope: &'s Scope<'s>,
}

impl<'s> Scope<'s> {
    /// The scope within a block that has a context of its own.
    pub(crate) fn enter(&'s self, context: Option<&'s Value>) -> Self {
        let is_same = match (self.context, context) {
            (Some(outer), Some(inner)) => std::ptr::eq(outer, inner),
            (outer, inner) => outer.is_none() && inner.is_none(),
        };
        Self { context, outer: if is_same { self.outer } else { Some(self) }, ..*self }
    }

    pub(crate) fn fault(&self, line: usize, what: String) -> PromptError {
        PromptError::Render { partial: self.partial.map(str::to_owned), line, what }
    }

    /// The scope of a block, or of a partial, which counts for two.
    pub(crate) fn deeper(&self, by: usize, line: usize) -> Result<Self, PromptError> {
        let depth = self.depth + by;
        if depth > MAX_DEPTH { Err(self.fault(line, too_deep())) } else { Ok(Self { depth, ..*self }) }
    }

    pub(crate) fn inline_partial(&self, name: &str) -> Option<Body<'s>> {
        let mut all = std::iter::successors(self.inline, |it| it.outer);
        all.find_map(|Inline { nodes, scope, .. }| {
            nodes.iter().rev().find_map(|it| match it {
                Node::Inline { name: it, nodes } if it == name => Some(Body { nodes, scope }),
                _ => None,
            })
        })
    }

    /// The parameters of which one has this name, and which of them; an inner block's hide an outer one's.
    pub(crate) fn parameter(&self, name: &str) -> Option<(&'s Parameters<'s>, usize)> {
        let mut all = std::iter::successors(self.parameters, |it| it.outer);
        all.find_map(|it| Some((it, it.names.iter().position(|it| it == name)?)))
    }
}

/// The value at a path without `@`.
pub(crate) fn at_path<'s>(path: &Path, scope: &'s Scope<'s>) -> Found<'s> {
    if let Some((name, steps)) = path.steps.split_first()
        && path.up == 0
        && !path.from_this
        && let Some((parameters, at)) = scope.parameter(name)
    {
        return follow(parameters.values[at].map(Cow::Borrowed), steps);
    }
    let scope = (0..path.up).try_fold(scope, |scope, _| scope.outer)?;
    follow(scope.context.map(Cow::Borrowed), &path.steps)
}
