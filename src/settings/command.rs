//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use flow_settings::{Setting, SettingsError};
use serde_json::Value;

use super::Settings;
// eject: grpc
use crate::adapters;
// eject: end

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Serve the flows; the default.
    Serve(Box<Settings>),
    /// Show the messages a prompt file produces. Needs no setting to be valid.
    PromptRender(PromptRender),
    /// Print the OpenAPI document.
    OpenApi(Box<Settings>),
    /// Ask the running server with these settings whether it is well.
    Health(Box<Settings>),
    /// Run a flow, without a server.
    FlowRun(Box<Settings>, FlowRun),
}

/// Arguments of `flow run`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct FlowRun {
    /// The flow's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its input as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json_object, default_value = "{}")]
    pub input: Value,
    /// Print the chunks of its answer as they come
    #[arg(long)]
    pub stream: bool,
}

/// Arguments of `prompt render`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct PromptRender {
    /// The .prompt file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Input variables as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json_object, default_value = "{}")]
    pub input: Value,
    /// Request context as a JSON object, such as {"auth": {"uid": "1"}}
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub context: Option<Value>,
}

#[derive(Subcommand)]
pub(super) enum Action {
    /// Works with flows
    #[command(subcommand, arg_required_else_help = true)]
    Flow(FlowAction),
    /// Works with .prompt files
    #[command(subcommand, arg_required_else_help = true)]
    Prompt(PromptAction),
    /// Prints the OpenAPI document
    #[command(name = "openapi")]
    OpenApi,
    /// Asks the running server with the same settings whether it is well: exit code 0 or 1
    Health,
}

#[derive(Subcommand)]
pub(super) enum FlowAction {
    /// Runs a flow and prints its result, without a server
    Run(FlowRun),
}

#[derive(Subcommand)]
pub(super) enum PromptAction {
    /// Shows the messages a .prompt file produces
    Render(PromptRender),
}

/// The flags, and what to do; nothing said is to serve.
pub(super) fn parse(
    adapters: &[&str],
    args: impl IntoIterator<Item = OsString>,
) -> Result<(ArgMatches, Option<Action>), SettingsError> {
    let compiled = if adapters.is_empty() { "none".to_owned() } else { adapters.join(", ") };
    let note = |setting: &Setting| {
        // eject: grpc
        if setting.group() == "gRPC" && adapters::rpc().is_none() {
            return Some("not compiled in".to_owned());
        }
        // eject: end
        (setting.flag() == Some("framework")).then(|| format!("compiled: {compiled}"))
    };
    let commit = option_env!("BUILD_COMMIT").map(|it| format!(", commit {it}")).unwrap_or_default();
    let version = format!("{} (adapters: {compiled}{commit})", env!("CARGO_PKG_VERSION"));
    let command = clap::Command::new(env!("CARGO_PKG_NAME")).version(version);
    let command = Action::augment_subcommands(flow_settings::command::<Settings>(command, &note))
        .about("Serves AI flows over HTTP. Without a key it runs offline on the built-in demo model.");
    let matches = command.try_get_matches_from(args)?;
    let action = matches.subcommand().map(|_| Action::from_arg_matches(&matches)).transpose()?;
    Ok((matches, action))
}

fn json_object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
