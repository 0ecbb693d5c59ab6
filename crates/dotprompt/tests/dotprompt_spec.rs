//! Dotprompt's conformance cases: the published ones, or our own in the same format.
//!
//! `DOTPROMPT_SPEC_DIR=… cargo test -p dotprompt-format --test dotprompt_spec -- --nocapture` runs each case of each
//! `*.yaml` under that folder, given absolute or relative to the workspace. Without the variable it runs
//! `tests/dotprompt/`.
#![allow(clippy::disallowed_methods, reason = "the folder of cases is named by whoever runs this test")]
#![allow(clippy::expect_used, clippy::panic, reason = "an unreadable case must fail the test")]
#![allow(clippy::print_stdout, reason = "the count of cases is what this test is run for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use dotprompt::{Dotprompt, Metadata, PromptTool, RenderData};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[test]
fn every_case_of_the_specification_passes() {
    let folder = folder();
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();

    let (mut passed, mut failed) = (0, 0);
    for file in &files {
        let name = file.strip_prefix(&folder).unwrap_or(file).display();
        for suite in suites(file) {
            for test in &suite.tests {
                let found = outcome(&suite, test);
                if let Err(difference) = &found {
                    let what = test.desc.as_deref().unwrap_or("should match expected output");
                    println!("FAILED {name} › {} › {what}\n{difference}", suite.name);
                }
                *(if found.is_ok() { &mut passed } else { &mut failed }) += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    assert_eq!(failed, 0, "cases failed; each is printed above");
    assert_ne!(passed, 0, "no case under {}", folder.display());
}

/// A group of cases with one template.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Suite {
    name: String,
    template: String,
    data: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
    tools: BTreeMap<String, PromptTool>,
    partials: BTreeMap<String, String>,
    resolver_partials: BTreeMap<String, String>,
    tests: Vec<Case>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Case {
    desc: Option<String>,
    data: Map<String, Value>,
    options: Metadata,
    expect: Map<String, Value>,
    /// Ours: the case must fail, with this in the error.
    error: Option<String>,
}

fn suites(file: &Path) -> Vec<Suite> {
    let text = fs::read_to_string(file).expect("a readable file");
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(&text, options)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn outcome(suite: &Suite, test: &Case) -> Result<(), String> {
    let rendered = render(suite, test);
    if let Some(expected) = &test.error {
        return match rendered {
            Err(error) if error.contains(expected) => Ok(()),
            Err(error) => Err(format!("  - an error with {expected}\n  + {error}")),
            Ok(_) => Err(format!("  - an error with {expected}\n  + no error")),
        };
    }
    let mut actual = rendered?;
    if !test.expect.contains_key("raw") {
        actual.remove("raw");
    }
    let expected = comparable(test.expect.clone());
    let actual = comparable(actual);
    if actual == expected { Ok(()) } else { Err(difference(&expected, &actual)) }
}

fn render(suite: &Suite, test: &Case) -> Result<Map<String, Value>, String> {
    let resolver_partials = suite.resolver_partials.clone();
    let mut prompts =
        Dotprompt::new().with_partial_resolver(move |name| resolver_partials.get(name).cloned());
    for (name, source) in &suite.partials {
        prompts = prompts.with_partial(name, source);
    }
    for (name, schema) in &suite.schemas {
        prompts = prompts.with_schema(name, schema.clone());
    }
    for (name, tool) in &suite.tools {
        prompts = prompts.with_tool(PromptTool { name: name.clone(), ..tool.clone() });
    }
    let mut data = suite.data.clone();
    data.extend(test.data.clone());
    data.retain(|_, it| !it.is_null());
    let data =
        RenderData::deserialize(Value::Object(data)).map_err(|error| format!("the case's data: {error}"))?;

    let prompt = prompts.parse(&suite.template).map_err(|error| error.to_string())?;
    let rendered = prompt.render_with(&data, &test.options).map_err(|error| error.to_string())?;
    match serde_json::to_value(&rendered) {
        Ok(Value::Object(map)) => Ok(map),
        other => Err(format!("no object: {other:?}")),
    }
}

/// What JavaScript cannot tell apart made the same: absent and empty metadata, `1` and `1.0`.
fn comparable(mut map: Map<String, Value>) -> Value {
    let is_empty = |it: &Value| it.is_null() || *it == json!({}) || *it == json!([]);
    map.retain(|_, it| !is_empty(it));
    if let Some(Value::Array(messages)) = map.get_mut("messages") {
        for message in messages.iter_mut().filter_map(Value::as_object_mut) {
            message.retain(|key, it| key == "content" || !is_empty(it));
        }
    }
    let mut value = Value::Object(map);
    unify_numbers(&mut value);
    value
}

fn unify_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64()),
        Value::Array(items) => items.iter_mut().for_each(unify_numbers),
        Value::Object(fields) => fields.values_mut().for_each(unify_numbers),
        _ => {}
    }
}

/// The lines in which two values differ, between the first and the last that do.
fn difference(expected: &Value, actual: &Value) -> String {
    let sorted = |value: &Value| {
        let text = serde_json::to_string_pretty(&sorted_keys(value)).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (expected, actual) = (sorted(expected), sorted(actual));
    let same =
        |pairs: &mut dyn Iterator<Item = (&String, &String)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut expected.iter().zip(&actual));
    let end = same(&mut expected[start..].iter().rev().zip(actual[start..].iter().rev()));
    let lines = |sign: char, lines: &[String]| {
        lines[start..lines.len() - end].iter().map(|it| format!("  {sign} {it}")).collect::<Vec<_>>()
    };
    [lines('-', &expected), lines('+', &actual)].concat().join("\n")
}

fn sorted_keys(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted_keys).collect(),
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> =
                fields.iter().map(|(key, it)| (key.clone(), sorted_keys(it))).collect();
            fields.into_iter().collect()
        }
        other => other.clone(),
    }
}

/// Cargo runs tests in the crate's folder; whoever names a folder stands in the workspace's.
fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = env::var_os("DOTPROMPT_SPEC_DIR").filter(|it| !it.is_empty());
    let Some(named) = named.map(PathBuf::from) else {
        return package.join("tests/dotprompt");
    };
    if named.is_dir() { named } else { package.join("../..").join(named) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|it| it.expect("a folder entry").path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "yaml") {
            files.push(path);
        }
    }
}
