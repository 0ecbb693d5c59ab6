//! Prompts from outside: loaded, rendered, and refused.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use dotprompt::{Dotprompt, Part, Prompt, RenderData};
use serde::Deserialize;
use serde_json::{Value, json};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dotprompt/files");

#[test]
fn a_file_is_named_by_its_name_and_finds_the_partials_beside_it() {
    let prompt = Dotprompt::new().load(format!("{FOLDER}/letter.formal.prompt")).expect("loads");
    assert_eq!(prompt.metadata().name.as_deref(), Some("letter"));
    assert_eq!(prompt.metadata().variant.as_deref(), Some("formal"));
    let rendered = prompt.render(&RenderData::default()).expect("renders");
    assert_eq!(rendered.messages[0].content, [Part::text("Be formal.\nWrite a letter.")]);
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_path() {
    let path = format!("{FOLDER}/broken.prompt");
    let error = Dotprompt::new().load(&path).map(|_| ()).expect_err("broken");
    assert_eq!(error.to_string(), format!("{path}: line 4: the template has a tag that is never closed"));
    let error = Dotprompt::new().load(format!("{FOLDER}/absent.prompt")).map(|_| ()).expect_err("absent");
    assert!(error.to_string().ends_with("absent.prompt could not be read"), "{error}");
}

fn data(input: &Value) -> RenderData {
    RenderData::deserialize(json!({ "input": input })).expect("render data")
}

#[test]
fn what_is_left_out_comes_from_the_defaults() {
    let prompt = Prompt::parse("---\ninput:\n  default: {a: 1, b: 2}\n---\n{{a}}{{b}}").expect("parses");
    let rendered = prompt.render(&data(&json!({ "b": 3 }))).expect("renders");
    assert_eq!(rendered.messages[0].content, [Part::text("13")]);
    assert_eq!(Value::Object(rendered.variables), json!({ "a": 1, "b": 3 }));
}

#[test]
fn what_nests_too_deep_is_an_error_and_not_an_overflow() {
    let blocks = |n| "{{#if a}}".repeat(n) + &"{{/if}}".repeat(n);
    let branches = |n| format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}b".repeat(n));
    let values = |n| format!("{{{{json {}a{}}}}}", "(lookup ".repeat(n), " 0)".repeat(n));
    for fine in [blocks(64), branches(63), values(32)] {
        let prompt = Prompt::parse(&fine).expect("parses");
        assert!(prompt.render(&data(&json!({ "a": 1 }))).is_ok());
    }
    for deep in [blocks(65), branches(64), values(33), blocks(10_000), branches(10_000), values(10_000)] {
        let error = Prompt::parse(&deep).expect_err("too deep").to_string();
        assert!(error.contains("more than"), "{error}");
    }
}

#[test]
fn a_partial_without_end_is_an_error_and_not_an_overflow_whatever_stands_around_it() {
    for blocks in [0, 1, 10, 60] {
        let (open, close) = ("{{#if a}}".repeat(blocks), "{{/if}}".repeat(blocks));
        let source = format!("{{{{#*inline \"p\"}}}}{open}{{{{> p}}}}{close}{{{{/inline}}}}{{{{> p}}}}");
        let prompt = Prompt::parse(&source).expect("parses");
        let error = prompt.render(&data(&json!({ "a": 1 }))).map(|_| ()).expect_err("no end").to_string();
        assert!(error.contains("more than 64 deep"), "{error}");
    }
}

#[test]
fn no_error_quotes_what_the_caller_put_in() {
    let sources = [
        "{{role v}}",
        "{{> (lookup this \"v\")}}",
        "{{media url=w.v}}",
        "{{section w}}",
        "{{#each}}{{/each}}",
    ];
    for source in sources {
        let prompt = Prompt::parse(source).expect("parses");
        let error =
            prompt.render(&data(&json!({ "v": "SECRET", "w": ["SECRET"] }))).map(|_| ()).expect_err(source);
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    }
}
