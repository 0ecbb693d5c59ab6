//! `generate_code`: structured output whose members are prose and code.

use flow_core::FlowError;
use flow_core::schema::{CodeInput, CodeOutput};
use flow_runtime::{Generate, OutputSpec, Runtime};

use super::failure::failure;

pub(super) async fn run(
    ai: &Runtime,
    output: &OutputSpec<CodeOutput>,
    input: &CodeInput,
) -> Result<CodeOutput, FlowError> {
    let request = Generate::new()
        .system("You are a careful programmer. Your code is complete, idiomatic and free of placeholders.")
        .prompt(format!("Write {} in {}.", input.description, input.language));
    ai.generate_as(request, output).await.map_err(failure)
}
