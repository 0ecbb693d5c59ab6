//! `generate_code`: structured output whose members are prose and code.

use std::sync::LazyLock;

use api::{CodeInput, CodeOutput};
use flow_edge::{FlowError, RequestContext};
use flow_runtime::{Generate, OutputSpec, Runtime};
use flow_service::{output, to_flow_error};

static OUTPUT: LazyLock<OutputSpec<CodeOutput>> = LazyLock::new(output);

pub(super) async fn run(ai: Runtime, _: RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
    let request = Generate::new()
        .system("You are a careful programmer. Your code is complete, idiomatic and free of placeholders.")
        .prompt(format!("Write {} in {}.", input.description, input.language));
    ai.generate_as(request, &OUTPUT).await.map_err(to_flow_error)
}
