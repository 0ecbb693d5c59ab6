//! Tools, called as a model calls them.

use std::sync::Arc;

use flow_runtime::model::ToolDefinition;
use flow_runtime::{Runtime, ToolOutcome};
use serde_json::{Map, Value, json};

use crate::action::{Action, Call, Outcome};
use crate::error::ActionError;

pub(super) fn actions(runtime: &Runtime) -> Vec<Action> {
    let mut tools: Vec<_> = runtime.tools().map(|it| it.definition().clone()).collect();
    tools.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let action = |definition: &Arc<ToolDefinition>| {
        let (runtime, tool) = (runtime.clone(), definition.clone());
        Action::new("tool", &definition.name, move |call: Call| {
            let (runtime, tool) = (runtime.clone(), tool.clone());
            async move {
                let input = if call.input.is_null() { Value::Object(Map::new()) } else { call.input };
                let faults = tool.input_schema.violations(&input);
                if !faults.is_empty() {
                    let faults: Vec<_> = faults.into_iter().map(|it| it.explanation).collect();
                    return Err(ActionError::invalid(faults.join("; ")));
                }
                outcome(runtime.call_tool(&tool.name, input).await?)
            }
        })
        .description(&definition.description)
        .input((**definition.input_schema.value()).clone())
        .metadata(json!({ "type": "tool" }))
    };
    tools.iter().map(action).collect()
}

fn outcome(outcome: ToolOutcome) -> Outcome {
    match outcome {
        ToolOutcome::Output(output) => Ok(output),
        ToolOutcome::Interrupt(question) => {
            let mut waits = ActionError::new(9, "the tool waits for an answer from outside");
            waits.details.insert("interrupt".to_owned(), question);
            Err(waits)
        }
    }
}
