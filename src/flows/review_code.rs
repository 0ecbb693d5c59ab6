//! `review_code`: a prompt kept in a file, with its settings and the schema of its answer.

use std::sync::LazyLock;

use api::{CodeReview, CodeReviewInput};
use dotprompt::{Prompt, RenderData};
use flow_edge::{FlowError, RequestContext, Schema};
use flow_runtime::model::ModelConfig;
use flow_runtime::{Generate, ModelError, OutputSpec, Runtime};
use flow_service::to_flow_error;
use serde::Deserialize;
use serde_json::{Map, Value};

const NAME: &str = "code_review";
pub(super) const SOURCE: &str = include_str!("../../prompts/code_review.prompt");

static PROMPT: LazyLock<Result<ReviewPrompt, ModelError>> = LazyLock::new(ReviewPrompt::load);

/// The prompt, parsed and compiled once.
pub(super) struct ReviewPrompt {
    prompt: Prompt,
    config: ModelConfig,
    output: OutputSpec<CodeReview>,
}

impl ReviewPrompt {
    fn load() -> Result<Self, ModelError> {
        let unfit = |what: &str| ModelError::Internal { detail: format!("{NAME}.prompt: {what}").into() };
        let prompt = Prompt::parse(SOURCE).map_err(|it| unfit(&it.to_string()))?;
        let config = Value::Object(prompt.metadata().config.clone());
        let config = ModelConfig::deserialize(config).map_err(|it| unfit(&it.to_string()))?;
        let output = prompt.metadata().output.as_ref().and_then(|it| it.schema.clone());
        let output =
            OutputSpec::new(CodeReview::NAME, output.ok_or_else(|| unfit("it has no output schema"))?)?;
        Ok(Self { prompt, config, output })
    }
}

/// The prompt, or what is wrong with its file.
pub(super) fn prompt() -> Result<&'static ReviewPrompt, ModelError> {
    PROMPT.as_ref().map_err(Clone::clone)
}

pub(super) async fn run(
    ai: Runtime,
    _: RequestContext,
    input: CodeReviewInput,
) -> Result<CodeReview, FlowError> {
    let review = prompt().map_err(to_flow_error)?;
    let mut variables = Map::new();
    variables.insert("code".into(), input.code.as_str().into());
    if let Some(language) = &input.language {
        variables.insert("language".into(), language.as_str().into());
    }
    let rendered = review
        .prompt
        .render(&RenderData { input: variables, ..RenderData::default() })
        .map_err(FlowError::internal)?;
    let request = Generate::new().messages(rendered.messages).config(review.config.clone());
    let request = match &review.prompt.metadata().model {
        Some(model) => request.model(model),
        None => request,
    };
    ai.generate_as(request, &review.output).await.map_err(to_flow_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a schema demands, without the words around it.
    fn demands(schema: &Value) -> Value {
        match schema {
            Value::Object(members) => {
                let telling = |name: &str| !["description", "title"].contains(&name);
                let members = members.iter().filter(|(name, it)| telling(name) || it.is_object());
                let mut members: Map<_, _> = members.map(|(name, it)| (name.clone(), demands(it))).collect();
                members.sort_keys();
                Value::Object(members)
            }
            Value::Array(items) => items.iter().map(demands).collect(),
            other => other.clone(),
        }
    }

    #[test]
    fn the_prompt_asks_for_what_the_route_promises() {
        let asked = ReviewPrompt::load().unwrap().output.schema().value().clone();
        assert_eq!(demands(&asked), demands(CodeReview::document()));
    }
}
