//! What the developer tools are told.

use flow_runtime::registry::{FlowInfo, PromptInfo};
use flow_runtime::{ModelError, Runtime, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::scripted::Scripted;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Now {
    time: Moment,
}

#[derive(Serialize, JsonSchema)]
struct Moment {
    hour: u8,
}

async fn now(_: Nothing) -> Result<Now, ToolError> {
    Ok(Now { time: Moment { hour: 12 } })
}

fn flow(name: &str) -> FlowInfo {
    FlowInfo { name: name.into(), input_schema: Some(json!({"type": "string"})), ..Default::default() }
}

#[test]
fn descriptors_are_what_genkit_reads_and_hold_no_null() {
    let model = Scripted::new([]);
    let prompt = PromptInfo { name: "greeting".into(), model: Some("scripted".into()), ..Default::default() };
    let runtime = Runtime::builder()
        .default_model(model.clone())
        .model(model)
        .tool(Tool::new("now", "Tells the time.", now).unwrap())
        .flow(flow("greet"))
        .prompt(prompt)
        .prompt(PromptInfo { name: "bare".into(), ..Default::default() })
        .build()
        .unwrap();
    let listed = serde_json::to_value(runtime.registry().descriptors()).unwrap();
    assert!(!has_null(&listed), "{listed}");
    insta::assert_json_snapshot!(listed);
}

#[test]
fn a_name_is_registered_once() {
    let twice = Runtime::builder().flow(flow("greet")).flow(flow("greet")).build().unwrap_err();
    assert_eq!(twice, ModelError::internal("/flow/greet is registered twice"));
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}
