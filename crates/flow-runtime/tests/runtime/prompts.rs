//! Prompt files by name, and what is said of those that are wrong.

use std::sync::Arc;

use flow_runtime::{Model, ModelError, Prompts, Runtime, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::actor::Actor;
use crate::scripted::{Scripted, text};

const LETTER: &str = "---
model: m
tools: [look]
config:
  temperature: 0.5
  toolChoice: required
input:
  schema:
    name: string
  default:
    name: friend
output:
  schema:
    greeting: string
---
{{> opening}}, {{name}}!";

#[derive(Deserialize, JsonSchema)]
struct NoInput {}

#[derive(Debug, PartialEq, Deserialize)]
struct Letter {
    greeting: String,
}

fn look() -> Tool {
    Tool::new("look", "Looks.", |_: NoInput| async { Ok::<_, ToolError>("nothing") }).unwrap()
}

fn build(files: &[(&str, &str)]) -> Result<Runtime, ModelError> {
    let model = Scripted::new([text(r#"{"greeting": "Hi"}"#)]);
    let named = Actor::new("m", []);
    let prompts = Arc::new(Prompts::new(files.iter().copied())?);
    let find = move |name: &str| match name {
        "m" => Ok(named.clone() as Arc<dyn Model>),
        _ => Err(ModelError::NotConfigured),
    };
    Runtime::builder().default_model(model).tool(look()).prompts(prompts).find_model(Arc::new(find)).build()
}

#[tokio::test]
async fn a_file_s_model_tools_settings_and_schemas_are_honoured() {
    let files = [("letter.prompt", LETTER), ("_opening.prompt", "Dear"), ("README.md", "{{{")];
    let runtime = build(&files).unwrap();
    let request = runtime.prompt("letter", &json!({ "name": "Ada" })).unwrap().request();
    let shown = format!("{request:?}");
    for part in ["Dear, Ada!", "Some(\"m\")", "\"look\"", "Some(0.5)", "Required", "greeting"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let with_default = runtime.prompt("letter", &json!({ "name": null })).unwrap().request();
    assert!(format!("{with_default:?}").contains("Dear, friend!"));

    let plain = LETTER.replace("model: m\ntools: [look]\n", "");
    let runtime = build(&[("letter.prompt", &plain), ("_opening.prompt", "Dear")]).unwrap();
    let letter: Letter = runtime.prompt("letter", &json!({})).unwrap().generate_as().await.unwrap();
    assert_eq!(letter, Letter { greeting: "Hi".into() });
    assert!(runtime.prompt("nobody", &json!({})).is_err());
}

#[test]
fn a_file_that_is_wrong_is_named_with_its_line() {
    let told = |from: &str, to: &str| {
        let file = LETTER.replace(from, to);
        let error = build(&[("letter.prompt", &file), ("_opening.prompt", "Dear")]).map(|_| ()).unwrap_err();
        error.to_string()
    };
    for (from, to, expected) in [
        ("temperature", "temprature", "letter.prompt:5: config: unknown field `temprature`"),
        ("model: m", "model: openai/nobody", "letter.prompt:2: the model openai/nobody: no model"),
        ("[look]", "[look, fly]", "letter.prompt:3: no tool is registered as fly"),
        ("{{> opening}}", "{{> nothing}}", "letter.prompt: line 16: the template"),
        ("greeting: string", "greeting: wibble", "letter.prompt: the schema at"),
    ] {
        let told = told(from, to);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_folder_is_read_again_when_a_file_has_changed() {
    let folder = std::env::temp_dir().join(format!("prompts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |text: &str, seconds: u64| {
        let path = folder.join("note.prompt");
        std::fs::write(&path, text).unwrap();
        // Some file systems tell times in seconds.
        let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
    };
    write("One.", 1000);
    let prompts = Arc::new(Prompts::in_folder(&folder).unwrap());
    let runtime = Runtime::builder().default_model(Scripted::new([])).prompts(prompts).build().unwrap();
    let asked = || format!("{:?}", runtime.prompt("note", &json!({})).unwrap().request());
    assert!(asked().contains("One."));
    write("Two.", 2000);
    assert!(asked().contains("Two."));
    write("{{#if}", 3000);
    assert!(asked().contains("Two."), "what it was before stays");
    std::fs::remove_dir_all(&folder).unwrap();
}
