//! The command line itself.

use serde_json::json;

use super::*;

#[test]
fn help_shows_every_setting_under_its_group_with_default_and_variable() {
    let error = load(&["--help"], &[("PORT", "bad")]).unwrap_err();
    assert_eq!(error.exit_code(), 0);
    let help = error.to_string();
    let joined = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in all() {
        let group = setting.group();
        assert!(help.contains(&format!("\n{group}:\n")), "{group} is not in:\n{help}");
        let name = match (setting.flag(), setting.variable()) {
            (Some(flag), Some(variable)) => {
                assert!(joined.contains(&format!("[env: {variable}]")), "{variable} is not in:\n{help}");
                format!("--{flag}")
            }
            (Some(flag), None) => format!("--{flag}"),
            (None, variable) => format!("{}=<{}>", variable.unwrap(), setting.hint()),
        };
        assert!(joined.contains(&name), "{name} is not in:\n{help}");
        if let Some(text) = setting.default().or(setting.described_default()) {
            assert!(joined.contains(&format!("[default: {text}]")), "{text} is not in:\n{help}");
        }
    }
    assert!(joined.contains("[compiled: NAME, OTHER]"));
}

#[test]
fn version_names_the_compiled_adapters() {
    let error = load(&["--version"], &[]).unwrap_err();
    assert_eq!(error.exit_code(), 0);
    let expected =
        concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), " (adapters: NAME, OTHER)\n");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn unknown_flags_and_extra_arguments_are_wrong_usage() {
    for args in [&["--prot", "1"][..], &["extra"], &["prompt"], &["prompt", "render"], &["--port"]] {
        let error = load(args, &[]).unwrap_err();
        assert_eq!(error.exit_code(), 64, "{args:?}: {error}");
    }
}

#[test]
fn a_flag_nobody_knows_does_not_show_the_value_it_was_given() {
    assert!(!fault(&["--gemini-api-key=hush"], &[]).contains("hush"));
}

#[test]
fn a_switch_stands_alone_or_takes_a_value_and_the_last_one_counts() {
    assert!(settings(&["--debug"], &[]).debug);
    assert!(settings(&["--debug=yes"], &[]).debug);
    assert!(!settings(&["--debug=false"], &[("DEBUG", "true")]).debug);
    assert!(!settings(&["--debug", "--debug=false"], &[]).debug);
    assert_eq!(settings(&["--port", "1", "--port", "2"], &[]).server.port, 2);
}

#[test]
fn prompt_render_needs_no_valid_setting() {
    let args = ["prompt", "render", "a.prompt", "--input", r#"{"x": 1}"#, "--context", r#"{"auth": null}"#];
    let Ok(Command::PromptRender(render)) = load(&args, &[("PORT", "bad")]) else { panic!("not a render") };
    assert_eq!(render.file, Path::new("a.prompt"));
    assert_eq!((render.input, render.context), (json!({"x": 1}), Some(json!({"auth": null}))));
    let Ok(Command::PromptRender(render)) = load(&args[..3], &[]) else { panic!("not a render") };
    assert_eq!((render.input, render.context), (json!({}), None));
    for bad in ["{", "[1]", "7"] {
        assert!(fault(&["prompt", "render", "a.prompt", "--input", bad], &[]).contains("--input"), "{bad}");
    }
}

#[test]
fn health_asks_the_server_of_the_same_settings() {
    let Ok(Command::Health(settings)) = load(&["--host", "0.0.0.0", "health"], &[("PORT", "81")]) else {
        panic!("not health")
    };
    assert_eq!(settings.server.address(), SocketAddr::from(([0, 0, 0, 0], 81)));
    assert!(fault(&["health"], &[("PORT", "x")]).contains("PORT"));
}

#[test]
fn the_markdown_lists_every_setting_and_stays_a_table() {
    let markdown = crate::settings::settings_markdown();
    for setting in all() {
        let name = setting.name();
        assert!(markdown.contains(&format!("`{name}")), "{name}");
    }
    for row in markdown.lines().filter(|line| line.starts_with('|')) {
        assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
    }
}
