//! Documents made from the fields.

use std::fmt::Write as _;

use clap::Args;

use crate::setting::{Setting, settings};

/// Markdown, one table per group.
pub fn markdown<T: Args>() -> String {
    let mut text = String::new();
    let mut group = String::new();
    for setting in settings::<T>() {
        if group != setting.group() {
            setting.group().clone_into(&mut group);
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = write!(
                text,
                "{gap}**{group}**\n\n| Flag | Variable | Default | Meaning |\n|---|---|---|---|\n"
            );
        }
        let value = if setting.is_switch() { String::new() } else { format!(" {}", setting.hint()) };
        let none = || "–".to_owned();
        let flag = setting.flag().map_or_else(none, |flag| code(&format!("--{flag}{value}")));
        let variable = setting.variable().map_or_else(none, code);
        let default = setting.default().map(|value| code(&value) + &unit(&setting));
        let default = default.or(setting.described_default()).unwrap_or_else(none);
        let _ =
            writeln!(text, "| {flag} | {variable} | {default} | {} |", setting.help().replace('|', "\\|"));
    }
    text
}

/// A dotenv file with every variable, explained and commented out, below a comment that says who wrote it.
pub fn example_env<T: Args>(origin: &str) -> String {
    let mut text = format!(
        "# Copy to .env, or to .NAME.env for `--env NAME`, and take the # off the lines to change.\n\
         # A flag wins over the environment, that over .NAME.env, that over .env; an empty value is unset.\n\
         # Quote a value that holds blanks, # or $ with single quotes. Keep secrets out of version control.\n\
         # {origin}\n",
    );
    let mut group = String::new();
    for setting in settings::<T>() {
        if group != setting.group() {
            setting.group().clone_into(&mut group);
            let _ = write!(text, "\n# ---- {group} ----\n");
        }
        let Some(variable) = setting.variable() else { continue };
        let mut help = setting.help();
        if let Some(default) = setting.described_default() {
            let _ = write!(help, " Default: {default}.");
        }
        if !unit(&setting).is_empty() {
            let _ = write!(help, " In{}.", unit(&setting));
        }
        let _ = write!(text, "\n# {help}\n# {variable}={}\n", setting.example());
    }
    text
}

/// The unit of a number, after a blank.
fn unit(setting: &Setting) -> String {
    match setting.hint() {
        hint @ ("SECONDS" | "MILLISECONDS" | "BYTES") => format!(" {}", hint.to_lowercase()),
        _ => String::new(),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
