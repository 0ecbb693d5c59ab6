//! The helpers that take a block. They replace the crate's own, which differ from handlebars.js in what counts as
//! true and lose the loop variables of an outer block.

use handlebars::{
    BlockContext, BlockParamHolder, Context, Handlebars, Helper, HelperDef, HelperResult, Output,
    PathAndJson, RenderContext, RenderErrorReason, Renderable,
};
use serde_json::Value;

use crate::reserved::{GUARD, MAX_DEPTH, PARTIAL, SECTION, too_deep};

/// Registers them.
pub(crate) fn register(registry: &mut Handlebars<'static>) {
    let helpers = [
        ("each", Block::Each),
        ("if", Block::If),
        ("ifEquals", Block::IfEquals),
        ("unless", Block::Unless),
        ("unlessEquals", Block::UnlessEquals),
        ("with", Block::With),
        (SECTION, Block::Section),
        (PARTIAL, Block::Partial),
    ];
    for (name, helper) in helpers {
        registry.register_helper(name, Box::new(helper));
    }
}

/// The variable that counts how deep blocks are nested.
const DEPTH: &str = "dotprompt:depth";

#[derive(Clone, Copy)]
enum Block {
    Each,
    If,
    IfEquals,
    Unless,
    UnlessEquals,
    With,
    /// `{{#name}}…{{/name}}`: once, for each, or not at all, by the kind of value.
    Section,
    /// Stands around each partial: indents its lines and bounds how deep partials nest.
    Partial,
}

impl HelperDef for Block {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        scope: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let mut call = Call { helper, registry, context, scope, out };
        let outer = call.depth();
        let depth = outer + if matches!(self, Self::Partial) { 2 } else { 1 };
        if depth > MAX_DEPTH as u64 {
            return Err(RenderErrorReason::Other(too_deep()).into());
        }
        call.set_depth(depth);
        self.render(&mut call)?;
        call.set_depth(outer);
        Ok(())
    }
}

impl Block {
    fn render(self, call: &mut Call<'_, '_, '_>) -> HelperResult {
        let helper = call.helper;
        match self {
            Self::If => call.branch(is_true(helper)?),
            Self::Unless => call.branch(!is_true(helper)?),
            Self::IfEquals => call.branch(are_equal(helper)?),
            Self::UnlessEquals => call.branch(!are_equal(helper)?),
            Self::Each => call.each(parameter(helper, 0)?),
            Self::With => match parameter(helper, 0)? {
                value if is_empty(value.value()) => call.branch(false),
                value => call.with(value),
            },
            Self::Section => match parameter(helper, 0)? {
                value if value.value().is_array() => call.each(value),
                value => match value.value() {
                    Value::Null | Value::Bool(false) => call.branch(false),
                    Value::Bool(true) => call.branch(true),
                    _ => call.with(value),
                },
            },
            Self::Partial => call.partial(),
        }
    }
}

/// One call of a helper, with its arguments and its surroundings.
struct Call<'c, 'reg, 'rc> {
    helper: &'c Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
    scope: &'c mut RenderContext<'reg, 'rc>,
    out: &'c mut dyn Output,
}

impl<'rc> Call<'_, '_, 'rc> {
    /// Renders the block, or what follows its `else`.
    fn branch(&mut self, yes: bool) -> HelperResult {
        let template = if yes { self.helper.template() } else { self.helper.inverse() };
        template.map_or(Ok(()), |it| it.render(self.registry, self.context, self.scope, self.out))
    }

    fn each(&mut self, items: &PathAndJson<'rc>) -> HelperResult {
        let entries: Vec<(Value, String, &Value)> = match items.value() {
            Value::Array(list) => {
                list.iter().enumerate().map(|(at, it)| (at.into(), at.to_string(), it)).collect()
            }
            Value::Object(map) => {
                map.iter().map(|(key, it)| (key.as_str().into(), key.clone(), it)).collect()
            }
            _ => Vec::new(),
        };
        let Some(last) = entries.len().checked_sub(1) else { return self.branch(false) };
        for (index, (key, step, value)) in entries.into_iter().enumerate() {
            let mut block = self.inner_block();
            block.set_local_var("index", index.into());
            block.set_local_var("first", (index == 0).into());
            block.set_local_var("last", (index == last).into());
            block.set_local_var("key", key.clone());
            if let Some((name, key_name)) = self.helper.block_param_pair() {
                block.set_block_param(name, BlockParamHolder::value(value.clone()));
                block.set_block_param(key_name, BlockParamHolder::value(key));
            } else if let Some(name) = self.helper.block_param() {
                block.set_block_param(name, BlockParamHolder::value(value.clone()));
            }
            // A path, where the value has one, saves copying the value.
            match items.context_path() {
                Some(path) => *block.base_path_mut() = path.iter().cloned().chain([step]).collect(),
                None => block.set_base_value(value.clone()),
            }
            self.within(block)?;
        }
        Ok(())
    }

    fn with(&mut self, value: &PathAndJson<'rc>) -> HelperResult {
        let mut block = self.inner_block();
        if let Some(name) = self.helper.block_param() {
            block.set_block_param(name, BlockParamHolder::value(value.value().clone()));
        }
        match value.context_path() {
            Some(path) => block.base_path_mut().clone_from(path),
            None => block.set_base_value(value.value().clone()),
        }
        self.within(block)
    }

    fn partial(&mut self) -> HelperResult {
        // The crate refuses a partial that includes itself. It may here, because the depth is bounded.
        self.scope.set_current_template_name(None);
        let text = match self.helper.template() {
            Some(template) => template.renders(self.registry, self.context, self.scope)?.replace(GUARD, ""),
            None => String::new(),
        };
        let indent = self.helper.param(0).and_then(|it| it.value().as_str()).unwrap_or_default();
        for line in text.split_inclusive('\n') {
            self.out.write(indent)?;
            self.out.write(line)?;
        }
        Ok(())
    }

    fn depth(&self) -> u64 {
        self.scope.block().and_then(|it| it.get_local_var(DEPTH)).and_then(Value::as_u64).unwrap_or(0)
    }

    fn set_depth(&mut self, depth: u64) {
        if let Some(block) = self.scope.block_mut() {
            block.set_local_var(DEPTH, depth.into());
        }
    }

    /// A block within the current one, with its loop variables.
    fn inner_block(&self) -> BlockContext<'rc> {
        let mut block = BlockContext::new();
        if let Some(outer) = self.scope.block() {
            block.local_variables_mut().clone_from(outer.local_variables());
        }
        block
    }

    fn within(&mut self, block: BlockContext<'rc>) -> HelperResult {
        self.scope.push_block(block);
        self.branch(true)?;
        self.scope.pop_block();
        Ok(())
    }
}

fn parameter<'h, 'rc>(helper: &'h Helper<'rc>, at: usize) -> Result<&'h PathAndJson<'rc>, RenderErrorReason> {
    let missing = || RenderErrorReason::Other(format!("calls `{}` with too few values", helper.name()));
    helper.param(at).ok_or_else(missing)
}

fn is_true(helper: &Helper<'_>) -> Result<bool, RenderErrorReason> {
    let value = parameter(helper, 0)?.value();
    let counts_zero = helper.hash_get("includeZero").is_some_and(|it| it.value() == &Value::Bool(true));
    let is_zero = value.as_f64() == Some(0.0);
    Ok(!is_empty(value) && (counts_zero || !is_zero))
}

/// Zero and an empty mapping are not empty, as in handlebars.js.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::String(it) => it.is_empty(),
        Value::Array(it) => it.is_empty(),
        Value::Number(_) | Value::Object(_) => false,
    }
}

/// Whether two values are equal and of the same type: `5` and `5.0` are, `5` and `"5"` are not.
fn are_equal(helper: &Helper<'_>) -> Result<bool, RenderErrorReason> {
    let (left, right) = (parameter(helper, 0)?, parameter(helper, 1)?);
    Ok(match (left.value(), right.value()) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Null, Value::Null) => left.is_value_missing() == right.is_value_missing(),
        (left, right) => left == right,
    })
}
