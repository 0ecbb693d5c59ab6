//! The command line. Values of flags are only collected here: `given.rs` judges them together with those of
//! the environment, so that one message names every bad one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Args, FromArgMatches, Subcommand, value_parser};
use serde_json::Value;

use super::Settings;
use super::error::SettingsError;
use super::setting::Setting;
use crate::adapters;

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Serve the flows; the default.
    Serve(Box<Settings>),
    /// Show the messages a prompt file produces. Needs no setting to be valid.
    PromptRender(PromptRender),
    /// Ask the running server of these settings whether it is well.
    Health(Box<Settings>),
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
    /// Works with .prompt files
    #[command(subcommand, arg_required_else_help = true)]
    Prompt(PromptAction),
    /// Asks the running server of the same settings whether it is well: exit code 0 or 1
    Health,
}

#[derive(Subcommand)]
pub(super) enum PromptAction {
    /// Shows the messages a .prompt file produces
    Render(PromptRender),
}

/// Values by flag.
pub(super) type Flags = HashMap<String, String>;

pub(super) fn parse(
    settings: &[Setting],
    adapters: &[&str],
    args: impl IntoIterator<Item = OsString>,
) -> Result<(Flags, Option<Action>), SettingsError> {
    let compiled = if adapters.is_empty() { "none".to_owned() } else { adapters.join(", ") };
    let command = clap::Command::new(env!("CARGO_PKG_NAME"))
        .version(format!("{} (adapters: {compiled})", env!("CARGO_PKG_VERSION")))
        .args_override_self(true)
        .args(settings.iter().filter(|it| it.flag().is_some()).map(|setting| flag(setting, &compiled)));
    let command = Action::augment_subcommands(command)
        .about("Serves AI flows over HTTP. Without a key it runs offline on the built-in demo model.")
        .after_help(environment_help(settings));
    let matches = command.try_get_matches_from(args)?;
    let value = |setting: &Setting| {
        let id = setting.arg.get_id().as_str();
        let text = matches.get_one::<OsString>(id)?.to_string_lossy().into_owned();
        (matches.value_source(id) == Some(ValueSource::CommandLine)).then_some(text)
    };
    let with_flag = settings.iter().filter_map(|it| Some((it.flag()?.to_owned(), it)));
    let flags = with_flag.filter_map(|(flag, setting)| Some((flag, value(setting)?))).collect();
    let action = matches.subcommand().map(|_| Action::from_arg_matches(&matches)).transpose()?;
    Ok((flags, action))
}

/// What an action asks for, with settings where it needs them.
pub(super) fn chosen(
    action: Option<Action>,
    settings: impl FnOnce() -> Result<Settings, SettingsError>,
) -> Result<Command, SettingsError> {
    Ok(match action {
        Some(Action::Prompt(PromptAction::Render(render))) => Command::PromptRender(render),
        Some(Action::Health) => Command::Health(Box::new(settings()?)),
        None => Command::Serve(Box::new(settings()?)),
    })
}

/// A flag that takes any text. Clap says of itself what its variable and its default are.
fn flag(setting: &Setting, compiled: &str) -> Arg {
    let mut help = setting.help();
    if setting.flag() == Some("framework") {
        let _ = write!(help, " [compiled: {compiled}]");
    }
    help += &notes(setting);
    let arg = setting.arg.clone().value_parser(value_parser!(OsString)).value_delimiter(Resettable::Reset);
    arg.action(ArgAction::Set).hide_env_values(true).help(help).long_help(Resettable::Reset)
}

/// What is to be known of a setting beside what clap says.
fn notes(setting: &Setting) -> String {
    let default = setting.described_default().map(|text| format!(" [default: {text}]"));
    let missing = setting.group() == "gRPC" && adapters::rpc().is_none();
    default.unwrap_or_default() + if missing { " [not compiled in]" } else { "" }
}

/// The settings clap cannot show, because they have no flag.
fn environment_help(settings: &[Setting]) -> String {
    let mut text = String::from("Only from the environment, `.env` or `.NAME.env`:\n");
    let mut group = "";
    for setting in settings.iter().filter(|setting| setting.flag().is_none()) {
        if group != setting.group() {
            group = setting.group();
            let _ = write!(text, "\n{group}:\n");
        }
        let default = setting.default().map(|text| format!(" [default: {text}]")).unwrap_or_default();
        let _ = writeln!(text, "  {}=<{}>", setting.name(), setting.hint());
        let _ = writeln!(text, "          {}{default}{}", setting.help(), notes(setting));
    }
    text + "\nA flag wins over the environment, that over `.NAME.env`, that over `.env`."
}

fn json_object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
