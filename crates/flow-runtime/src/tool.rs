//! Tools: typed functions that a model may call.

use std::borrow::Cow;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::ModelError;
use crate::model::ToolDefinition;
use crate::schema::CompiledSchema;
use crate::state::ToolContext;
use crate::trace;

/// A typed async function under a name, with the schema of its input; cloning it is cheap.
#[derive(Clone)]
pub struct Tool {
    definition: Arc<ToolDefinition>,
    run: Arc<Run>,
}

type Run = dyn Fn(ToolContext, Value) -> BoxFuture<'static, Result<Value, ToolError>> + Send + Sync;

/// Why a tool gives no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ToolError {
    /// It could not do its work, in words meant for the model.
    #[error("{0}")]
    Failed(Cow<'static, str>),
    /// Somebody else has to answer first, such as the person that the model works for. The call of the model ends, and
    /// [`Generate::answer`](crate::Generate::answer) goes on with it. The value says what is asked.
    #[error("the tool waits for an answer from outside")]
    Interrupt(Value),
}

/// What came of a call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolOutcome {
    /// A result for the model, or an `{"error": …}`.
    Output(Value),
    /// The tool asks somebody else.
    Interrupt(Value),
}

impl Tool {
    /// A tool from an async function whose input is a struct.
    ///
    /// It fails if some provider would refuse the name, or if the input's schema is not an object's.
    pub fn new<I, O, F, W>(
        name: &'static str,
        description: &'static str,
        function: F,
    ) -> Result<Self, ModelError>
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize,
        F: Fn(I) -> W + Send + Sync + 'static,
        W: Future<Output = Result<O, ToolError>> + Send + 'static,
    {
        Self::with_context(name, description, move |_, input| function(input))
    }

    /// The same from a function that also gets to know the request that it is called for.
    pub fn with_context<I, O, F, W>(
        name: &'static str,
        description: &'static str,
        function: F,
    ) -> Result<Self, ModelError>
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize,
        F: Fn(ToolContext, I) -> W + Send + Sync + 'static,
        W: Future<Output = Result<O, ToolError>> + Send + 'static,
    {
        if !is_tool_name(name) {
            return Err(ModelError::internal(format!("{name:?} cannot name a tool")));
        }
        let input_schema = schema_of::<I>();
        if input_schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(ModelError::internal(format!("the input of the tool {name} is not a struct")));
        }
        let definition = ToolDefinition {
            name: name.into(),
            description: description.into(),
            input_schema: CompiledSchema::compile(name, input_schema)?,
        };
        let run = move |ctx: ToolContext, input: Value| -> BoxFuture<'static, Result<Value, ToolError>> {
            let work = serde_json::from_value(input).map(|input| function(ctx, input));
            Box::pin(async move {
                // The arguments satisfy the schema, so only what a schema cannot express fails here.
                let output = work.map_err(|_| ToolError::from("the arguments do not fit the tool"))?.await?;
                serde_json::to_value(output).map_err(|_| ToolError::from("the result could not be written"))
            })
        };
        Ok(Self { definition: Arc::new(definition), run: Arc::new(run) })
    }

    /// The tool as a model sees it.
    pub fn definition(&self) -> &Arc<ToolDefinition> {
        &self.definition
    }

    /// Calls the tool with a model's arguments, in a span of its own.
    ///
    /// Faults that the model can correct are returned as an `{"error": …}` result for it to read: arguments against
    /// the schema, a [`ToolError`], no answer within `timeout`. A panic is a defect and ends the call.
    pub async fn call(
        &self,
        ctx: ToolContext,
        input: Value,
        timeout: Duration,
    ) -> Result<ToolOutcome, ModelError> {
        let name = &self.definition.name;
        // Models leave out the arguments of a tool that takes none.
        let input = if input.is_null() { json!({}) } else { input };
        let violations = self.definition.input_schema.violations(&input);
        if !violations.is_empty() {
            let faults: Vec<_> = violations.into_iter().map(|it| it.explanation).collect();
            let error = json!({ "error": "the arguments do not fit the tool", "details": faults });
            return Ok(ToolOutcome::Output(error));
        }
        let span = trace::tool(name);
        trace::input(&span, &input);
        let work = async {
            // Both the call and the future it returns may panic, so both run inside.
            let guarded = AssertUnwindSafe(async { (self.run)(ctx, input).await }).catch_unwind();
            match tokio::time::timeout(timeout, guarded).await {
                Ok(Ok(Ok(output))) => Ok(ToolOutcome::Output(output)),
                Ok(Ok(Err(ToolError::Failed(why)))) => Ok(ToolOutcome::Output(json!({ "error": why }))),
                Ok(Ok(Err(ToolError::Interrupt(question)))) => Ok(ToolOutcome::Interrupt(question)),
                Ok(Err(_panic)) => Err(ModelError::internal(format!("the tool {name} panicked"))),
                Err(_elapsed) => {
                    Ok(ToolOutcome::Output(json!({ "error": "the tool did not answer in time" })))
                }
            }
        };
        let outcome = trace::in_span(&span, work).await;
        if let Ok(ToolOutcome::Output(value) | ToolOutcome::Interrupt(value)) = &outcome {
            trace::output(&span, value);
        }
        outcome
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Tool").field(&self.definition.name).finish()
    }
}

impl From<&'static str> for ToolError {
    fn from(message: &'static str) -> Self {
        Self::Failed(message.into())
    }
}

impl From<String> for ToolError {
    fn from(message: String) -> Self {
        Self::Failed(message.into())
    }
}

/// Whether all providers accept the name: a letter or underscore, then letters, digits, underscores and dashes.
fn is_tool_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-')
}

/// A schema without references in draft 7, which Genkit's tools read.
fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft07()
        .with(|it| it.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}
