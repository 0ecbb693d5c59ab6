//! The command line, drawn from the table. Values are only collected here; `sources.rs` judges them together
//! with those of the environment, so that one message names every bad one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::Value;

use super::error::ConfigError;
use super::table::{Fallback, GRPC, SETTINGS, Setting};
use crate::adapters;

/// Arguments of `prompt render`.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRender {
    /// The `.prompt` file.
    pub file: PathBuf,
    /// Input variables; `{}` unless given.
    pub input: Value,
    /// Request context, the template's `@` variables.
    pub context: Option<Value>,
}

/// Flag values by flag name.
pub(super) type Flags = HashMap<&'static str, String>;

pub(super) enum Parsed {
    Serve(Flags),
    PromptRender(PromptRender),
}

pub(super) fn parse(
    adapters: &[&str],
    args: impl IntoIterator<Item = OsString>,
) -> Result<Parsed, ConfigError> {
    let matches = command(adapters).try_get_matches_from(args)?;
    if let Some(render) = matches.subcommand_matches("prompt").and_then(|m| m.subcommand_matches("render")) {
        return Ok(Parsed::PromptRender(prompt_render(render)));
    }
    let flags = SETTINGS.iter().filter_map(|setting| setting.flag);
    Ok(Parsed::Serve(
        flags.filter_map(|flag| Some((flag, matches.get_one::<String>(flag)?.clone()))).collect(),
    ))
}

fn command(adapters: &[&str]) -> Command {
    let compiled = if adapters.is_empty() { "none".to_owned() } else { adapters.join(", ") };
    Command::new(env!("CARGO_PKG_NAME"))
        .version(format!("{} (adapters: {compiled})", env!("CARGO_PKG_VERSION")))
        .about("Serves AI flows over HTTP. Without a key it runs offline on the built-in demo model.")
        .args_override_self(true)
        .args(SETTINGS.iter().filter_map(|setting| argument(setting, &compiled)))
        .after_help(environment_help())
        .subcommand(
            Command::new("prompt")
                .about("Works with .prompt files")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(prompt_render_command()),
        )
}

fn argument(setting: &Setting, compiled: &str) -> Option<Arg> {
    let flag = setting.flag?;
    let mut help = setting.help.to_owned();
    if flag == "framework" {
        let _ = write!(help, " [compiled: {compiled}]");
    }
    if let Some(variable) = setting.variable {
        let _ = write!(help, " [env: {variable}]");
    }
    help.push_str(&default_help(setting));
    help.push_str(unavailable(setting));
    let arg = Arg::new(flag).long(flag).value_name(setting.hint).help(help).help_heading(setting.group);
    Some(if setting.switch {
        arg.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg.action(ArgAction::Set)
    })
}

fn default_help(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Unset => String::new(),
        Fallback::Value(text) | Fallback::Described(text) => format!(" [default: {text}]"),
    }
}

/// Says so where a setting is about something that this program does not have.
fn unavailable(setting: &Setting) -> &'static str {
    if setting.group == GRPC && adapters::rpc().is_none() { " [not compiled in]" } else { "" }
}

/// The settings clap cannot show, because they have no flag.
fn environment_help() -> String {
    let mut text = String::from("Only from the environment, `.env` or `.NAME.env`:\n");
    let mut group = "";
    for setting in SETTINGS.iter().filter(|setting| setting.flag.is_none()) {
        if group != setting.group {
            group = setting.group;
            let _ = write!(text, "\n{group}:\n");
        }
        let _ = writeln!(text, "  {}=<{}>", setting.name(), setting.hint);
        let _ = writeln!(text, "          {}{}{}", setting.help, default_help(setting), unavailable(setting));
    }
    text.push_str("\nA flag wins over the environment, that over `.NAME.env`, that over `.env`.");
    text
}

fn prompt_render_command() -> Command {
    let json = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("JSON").help(help).value_parser(json_object)
    };
    Command::new("render")
        .about("Shows the messages a .prompt file produces")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .help("The .prompt file")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(json("input", "Input variables as a JSON object").default_value("{}"))
        .arg(json("context", "Request context as a JSON object, such as {\"auth\": {\"uid\": \"1\"}}"))
}

fn json_object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn prompt_render(matches: &ArgMatches) -> PromptRender {
    PromptRender {
        file: matches.get_one::<PathBuf>("file").cloned().unwrap_or_default(),
        input: matches.get_one::<Value>("input").cloned().unwrap_or_default(),
        context: matches.get_one::<Value>("context").cloned(),
    }
}
