//! temp
use crate::config::PromptRender;
/// temp
pub fn render(_: &PromptRender) -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
