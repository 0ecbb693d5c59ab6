//! temp
use super::failure::failure;
use flow_core::FlowError;
use flow_core::schema::{CodeReview, CodeReviewInput};
use flow_runtime::registry::PromptInfo;
use flow_runtime::{Generate, ModelError, OutputSpec, Runtime};
pub(super) struct ReviewPrompt(OutputSpec<CodeReview>);
impl ReviewPrompt {
    pub(super) fn load() -> Result<Self, ModelError> {
        Ok(Self(super::output()?))
    }
    pub(super) fn info(&self) -> PromptInfo {
        PromptInfo {
            name: "code_review".into(),
            description: None,
            model: None,
            input_schema: None,
            output_schema: None,
        }
    }
}
pub(super) async fn run(
    ai: &Runtime,
    p: &ReviewPrompt,
    input: &CodeReviewInput,
) -> Result<CodeReview, FlowError> {
    ai.generate_as(Generate::new().prompt(format!("Review this code:\n{}", input.code)), &p.0)
        .await
        .map_err(failure)
}
