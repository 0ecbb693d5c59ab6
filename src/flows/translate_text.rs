//! `translate_text`: structured output, a tool, and a traced step.

use std::sync::LazyLock;

use api::{TranslateInput, TranslationResult};
use flow_edge::{FlowError, RequestContext};
use flow_runtime::{Generate, OutputSpec, Runtime, step};
use flow_service::{output, to_flow_error};

use super::tools;

static OUTPUT: LazyLock<OutputSpec<TranslationResult>> = LazyLock::new(output);

pub(super) async fn run(
    ai: Runtime,
    _: RequestContext,
    input: TranslateInput,
) -> Result<TranslationResult, FlowError> {
    let text = step("sanitize-input", async { Ok::<_, FlowError>(sanitize(&input.text)) }).await?;
    let request = Generate::new()
        .system(
            "You are a translator. Answer with the translation and how sure you are of it. Where the text \
             speaks of the present time, ask the tool for it.",
        )
        .prompt(format!("Translate into {}:\n\n{text}", input.target_language))
        .tools([tools::GET_CURRENT_TIME]);
    let result = ai.generate_as(request, &OUTPUT).await.map_err(to_flow_error)?;
    // Copied from the request, because the model may change it.
    Ok(TranslationResult { original_text: text, target_language: input.target_language, ..result })
}

/// The text without what no reader sees: blanks around it, and control characters that end no line.
fn sanitize(text: &str) -> String {
    text.trim().chars().filter(|it| !it.is_control() || matches!(it, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_rid_of_what_nobody_sees_but_not_cut() {
        assert_eq!(sanitize("  h\0é\u{1b}\n\tx \r\n"), "hé\n\tx");
        assert_eq!(sanitize(&"é".repeat(10_000)).chars().count(), 10_000);
    }
}
