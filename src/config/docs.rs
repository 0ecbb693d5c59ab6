//! The documents drawn from the table: the README's list of settings and `.example.env`.

use std::fmt::Write as _;

use super::table::{Fallback, SETTINGS, Setting};

/// The README's list, one table per group.
pub fn settings_markdown() -> String {
    let mut text = String::new();
    let mut group = "";
    for setting in SETTINGS {
        if group != setting.group {
            group = setting.group;
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = write!(
                text,
                "{gap}**{group}**\n\n| Flag | Variable | Default | Meaning |\n|---|---|---|---|\n"
            );
        }
        let flag = match (setting.flag, setting.switch) {
            (Some(flag), true) => code(&format!("--{flag}")),
            (Some(flag), false) => code(&format!("--{flag} {}", setting.hint)),
            (None, _) => "–".to_owned(),
        };
        let variable = setting.variable.map_or_else(|| "–".to_owned(), code);
        let default = match setting.fallback {
            Fallback::Unset => "–".to_owned(),
            Fallback::Value(value) => code(value) + &unit(setting),
            Fallback::Described(description) => description.to_owned(),
        };
        let _ = writeln!(text, "| {flag} | {variable} | {default} | {} |", setting.help.replace('|', "\\|"));
    }
    text
}

/// The text of `.example.env`: every variable, explained and commented out.
pub fn example_env() -> String {
    let mut text = String::from(
        "# Copy to .env, or to .NAME.env for `--env NAME`, and take the # off the lines to change.\n\
         # A flag wins over the environment, that over .NAME.env, that over .env; an empty value is unset.\n\
         # Quote a value that holds blanks, # or $ with single quotes. Keep secrets out of version control.\n\
         # This file is drawn from src/config/table.rs; a test rewrites it when the table changes.\n",
    );
    let mut group = "";
    for setting in SETTINGS {
        if group != setting.group {
            group = setting.group;
            let _ = write!(text, "\n# ---- {group} ----\n");
        }
        if let Some(variable) = setting.variable {
            let unit = match unit(setting) {
                it if it.is_empty() => it,
                it => format!(" In{it}."),
            };
            let _ = write!(
                text,
                "\n# {}{}{}\n# {variable}={}\n",
                setting.help,
                default(setting),
                unit,
                setting.example
            );
        }
    }
    text
}

fn default(setting: &Setting) -> String {
    match setting.fallback {
        // The line below shows it already.
        Fallback::Value(_) | Fallback::Unset => String::new(),
        Fallback::Described(description) => format!(" Default: {description}."),
    }
}

/// The unit of a number, after a blank.
fn unit(setting: &Setting) -> String {
    match setting.hint {
        "SECONDS" | "MILLISECONDS" | "BYTES" => format!(" {}", setting.hint.to_lowercase()),
        _ => String::new(),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
