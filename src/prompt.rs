//! `prompt render`: what a prompt file produces, without a model.

use std::process::ExitCode;

use dotprompt::{Dotprompt, RenderData};
use serde_json::{Map, Value};

use crate::settings::PromptRender;

/// The prompt file is at fault (`EX_DATAERR` of sysexits.h).
const DATA: u8 = 65;

/// Prints the messages of a prompt file as JSON, in the shape the Genkit tools use.
///
/// Partials are looked for beside the file: `{{> greeting}}` is `_greeting.prompt`.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program's output")]
pub fn render(arguments: &PromptRender) -> ExitCode {
    match messages(arguments) {
        Ok(messages) => {
            println!("{messages}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(DATA)
        }
    }
}

fn messages(arguments: &PromptRender) -> anyhow::Result<String> {
    let prompt = Dotprompt::new().load(&arguments.file)?;
    let data = RenderData {
        input: object("--input", &arguments.input)?,
        context: arguments.context.as_ref().map_or_else(|| Ok(Map::new()), |it| object("--context", it))?,
        ..RenderData::default()
    };
    Ok(serde_json::to_string_pretty(&prompt.messages(data)?)?)
}

fn object(flag: &str, value: &Value) -> anyhow::Result<Map<String, Value>> {
    value.as_object().cloned().ok_or_else(|| anyhow::anyhow!("{flag} must be a JSON object"))
}
