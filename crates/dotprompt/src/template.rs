//! A template with the partials it can reach, compiled once and rendered for each request.

use std::collections::{BTreeMap, HashSet, VecDeque};

use handlebars::{
    BlockContext, Context, Handlebars, RenderContext, RenderError, RenderErrorReason, Renderable,
    StringOutput, no_escape,
};
use serde_json::{Map, Value};

use crate::dialect::{self, Lines, PartialUse};
use crate::error::{LineError, PromptError};
use crate::markers::{MARKER_END, MARKER_START};
use crate::reserved::{DATA, GUARD, INPUT};
use crate::{blocks, inline, scan, whitespace};

/// A template and its partials, ready to render.
pub(crate) struct Template {
    registry: Handlebars<'static>,
    lines: BTreeMap<String, Lines>,
    /// Whether it mentions `@metadata`, which is only built then.
    pub(crate) reads_metadata: bool,
    /// How many contexts up (`..`) their paths reach at most.
    parent_depth: usize,
}

/// Where the partials are.
pub(crate) struct Partials<'a> {
    pub(crate) find: &'a dyn Fn(&str) -> Option<String>,
    /// Those that a template may name at run time.
    pub(crate) known: Vec<&'a str>,
}

/// The name of the prompt's own template, which no partial can have.
const MAIN: &str = "";

impl Template {
    /// Compiles a template whose first line is line `line` of its file.
    pub(crate) fn compile(source: &str, line: usize, partials: &Partials<'_>) -> Result<Self, PromptError> {
        let mut registry = Handlebars::new();
        registry.register_escape_fn(no_escape);
        blocks::register(&mut registry);
        inline::register(&mut registry);
        let template = Self { registry, lines: BTreeMap::new(), reads_metadata: false, parent_depth: 0 };
        let mut compiler = Compiler { template, inline: HashSet::new(), open: Vec::new(), takes_all: false };

        compiler.add(MAIN, source, line)?;
        let mut missing = Vec::new();
        loop {
            if compiler.takes_all {
                compiler.takes_all = false;
                let open = |name: &&str| PartialUse { name: (*name).to_owned(), line: 1, has_fallback: true };
                compiler.open.extend(partials.known.iter().map(|it| (MAIN.to_owned(), open(it))));
            }
            let Some((user, partial)) = compiler.open.pop() else { break };
            if compiler.template.lines.contains_key(&partial.name) {
                continue;
            }
            match (partials.find)(&partial.name) {
                Some(source) => compiler.add(&partial.name, &source, 1)?,
                None => missing.push((user, partial)),
            }
        }
        // A template that includes a partial may define inline what the partial names, so that only the end
        // shows what is missing.
        for (user, partial) in missing {
            if !partial.has_fallback && !compiler.inline.contains(&partial.name) {
                let what = format!("names the partial `{}`, which is not known", partial.name);
                return Err(at_template(&user, LineError::new(partial.line, what)));
            }
        }
        Ok(compiler.template)
    }

    /// Renders to text with markers in it, which `markers` splits.
    pub(crate) fn render(
        &self,
        input: Map<String, Value>,
        data: Map<String, Value>,
    ) -> Result<String, PromptError> {
        let members = [(INPUT, input), (DATA, data)];
        let mut root = Value::Object(
            members.map(|(name, it)| (name.to_owned(), Value::Object(it))).into_iter().collect(),
        );
        replace_reserved(&mut root);
        let context = Context::from(root);
        let mut scope = RenderContext::new(None);
        scope.replace_blocks(self.blocks());
        let mut out = StringOutput::new();
        let main = self.registry.get_template(MAIN);
        let rendered = main.map_or(Ok(()), |it| it.render(&self.registry, &context, &mut scope, &mut out));
        rendered.map_err(|error| self.render_error(&error))?;
        let text = out.into_string().map_err(|error| self.render_error(&error.into()))?;
        Ok(text.replace(GUARD, ""))
    }

    /// The contexts to start with: the input, and empty ones above it. The crate ignores a `..` that reaches above
    /// the outermost context, so there are as many empty ones as the templates' paths can reach.
    fn blocks(&self) -> VecDeque<BlockContext<'static>> {
        let mut input = BlockContext::new();
        input.base_path_mut().push(INPUT.to_owned());
        let mut nothing = BlockContext::new();
        nothing.set_base_value(Value::Null);
        std::iter::once(input).chain(std::iter::repeat_n(nothing, self.parent_depth)).collect()
    }

    /// An error without the crate's own text where that may quote data.
    fn render_error(&self, error: &RenderError) -> PromptError {
        let name = error.template_name.as_deref().unwrap_or(MAIN);
        let place = (error.line_no.unwrap_or(1), error.column_no.unwrap_or(1));
        let line = self.lines.get(name).map_or(1, |it| it.original(place.0, place.1));
        let what = match error.reason() {
            RenderErrorReason::Other(what) => what.clone(),
            RenderErrorReason::PartialNotFound(_) => "names a partial that is not known".into(),
            RenderErrorReason::PartialBlockNotFound => "reads a `@partial-block` nobody passed".into(),
            _ => "could not be evaluated".into(),
        };
        PromptError::Render { partial: partial_name(name), line, what }
    }
}

struct Compiler {
    template: Template,
    inline: HashSet<String>,
    /// Partials to compile, each with the template that names it.
    open: Vec<(String, PartialUse)>,
    takes_all: bool,
}

impl Compiler {
    fn add(&mut self, name: &str, source: &str, line: usize) -> Result<(), PromptError> {
        let source = source.replace([MARKER_START, MARKER_END, GUARD], "\u{fffd}");
        let fault = |fault| at_template(name, fault);
        let mut pieces = scan::scan(&source, line).map_err(fault)?;
        whitespace::trim(&mut pieces);
        let rewritten = dialect::rewrite(&pieces).map_err(fault)?;
        self.template.registry.register_template_string(name, &rewritten.source).map_err(|error| {
            let place = error.pos().unwrap_or((1, 1));
            let line = rewritten.lines.original(place.0, place.1);
            at_template(name, LineError::new(line, "has a tag that Handlebars does not understand"))
        })?;
        self.template.lines.insert(name.to_owned(), rewritten.lines);
        self.template.reads_metadata |= source.contains("@metadata");
        self.template.parent_depth = self.template.parent_depth.max(rewritten.parent_depth);
        self.takes_all |= rewritten.names_partials_at_runtime;
        self.inline.extend(rewritten.inline);
        self.open.extend(rewritten.partials.into_iter().map(|it| (name.to_owned(), it)));
        Ok(())
    }
}

/// Replaces the characters that mark something in a rendered template, in all texts and keys.
///
/// They are Unicode noncharacters, which no text is meant to hold. Data without them cannot begin a message, add a
/// medium or open a section.
fn replace_reserved(value: &mut Value) {
    const SPECIAL: [char; 3] = [MARKER_START, MARKER_END, GUARD];
    match value {
        Value::String(text) if text.contains(SPECIAL) => *text = text.replace(SPECIAL, "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_reserved),
        Value::Object(fields) => {
            fields.values_mut().for_each(replace_reserved);
            if fields.keys().any(|key| key.contains(SPECIAL)) {
                let owned = std::mem::take(fields);
                fields
                    .extend(owned.into_iter().map(|(key, value)| (key.replace(SPECIAL, "\u{fffd}"), value)));
            }
        }
        _ => {}
    }
}

fn at_template(name: &str, fault: LineError) -> PromptError {
    PromptError::Template { partial: partial_name(name), line: fault.line, what: fault.what }
}

fn partial_name(name: &str) -> Option<String> {
    Some(name.to_owned()).filter(|it| it != MAIN)
}
