//! The registered actions, in the form that Genkit's developer tools read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::ModelError;
use crate::tool::Tool;

/// Flows, models, tools and prompts by key, such as `/flow/greet` or `/model/googleai/gemini-flash-latest`.
///
/// It describes actions and does not run them.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    actions: BTreeMap<String, ActionDescriptor>,
}

/// One action as `GET /api/actions` lists it. Absent members are left out, because the tools refuse null.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionDescriptor {
    /// `/<type>/<name>`.
    pub key: String,
    /// The name; it may hold slashes.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The JSON Schema of its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Members that only some kinds of actions have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// A flow to register.
#[derive(Clone, Debug, Default)]
pub struct FlowInfo {
    /// The name it is called by.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its input.
    pub input_schema: Option<Value>,
    /// The JSON Schema of its output.
    pub output_schema: Option<Value>,
}

/// A prompt to register.
#[derive(Clone, Debug, Default)]
pub struct PromptInfo {
    /// The name, usually that of its file.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// The model it names, if any.
    pub model: Option<String>,
    /// The JSON Schema of its variables.
    pub input_schema: Option<Value>,
    /// The JSON Schema of its answer.
    pub output_schema: Option<Value>,
}

impl Registry {
    /// Every action by its key.
    pub fn descriptors(&self) -> &BTreeMap<String, ActionDescriptor> {
        &self.actions
    }

    pub(crate) fn add_flow(&mut self, flow: FlowInfo) -> Result<(), ModelError> {
        self.add(ActionDescriptor {
            description: flow.description,
            input_schema: flow.input_schema,
            output_schema: flow.output_schema,
            ..ActionDescriptor::new("flow", &flow.name)
        })
    }

    pub(crate) fn add_tool(&mut self, tool: &Tool) -> Result<(), ModelError> {
        let definition = tool.definition();
        self.add(ActionDescriptor {
            description: Some(definition.description.clone()),
            input_schema: Some(definition.input_schema.clone()),
            output_schema: Some(tool.output_schema().clone()),
            metadata: Some(json!({ "type": "tool" })),
            ..ActionDescriptor::new("tool", &definition.name)
        })
    }

    pub(crate) fn add_model(&mut self, name: &str) -> Result<(), ModelError> {
        let supports = json!({
            "multiturn": true, "media": true, "tools": true, "systemRole": true, "output": ["text", "json"]
        });
        self.add(ActionDescriptor {
            metadata: Some(json!({ "model": { "label": name, "supports": supports } })),
            ..ActionDescriptor::new("model", name)
        })
    }

    pub(crate) fn add_prompt(&mut self, prompt: &PromptInfo) -> Result<(), ModelError> {
        let mut about = json!({ "name": prompt.name });
        // A null member makes the tools reject the whole list.
        if let Some(model) = &prompt.model {
            about["model"] = json!(model);
        }
        if let Some(schema) = &prompt.input_schema {
            about["input"] = json!({ "schema": schema });
        }
        for kind in ["prompt", "executable-prompt"] {
            self.add(ActionDescriptor {
                description: prompt.description.clone(),
                input_schema: prompt.input_schema.clone(),
                output_schema: prompt.output_schema.clone(),
                metadata: Some(json!({ "type": "prompt", "prompt": about })),
                ..ActionDescriptor::new(kind, &prompt.name)
            })?;
        }
        Ok(())
    }

    fn add(&mut self, action: ActionDescriptor) -> Result<(), ModelError> {
        let key = action.key.clone();
        match self.actions.insert(key.clone(), action) {
            None => Ok(()),
            Some(_) => Err(ModelError::internal(format!("{key} is registered twice"))),
        }
    }
}

impl ActionDescriptor {
    fn new(kind: &str, name: &str) -> Self {
        Self {
            key: format!("/{kind}/{name}"),
            name: name.to_owned(),
            description: None,
            input_schema: None,
            output_schema: None,
            metadata: None,
        }
    }
}
