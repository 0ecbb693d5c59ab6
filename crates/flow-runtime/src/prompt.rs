//! Converts messages of prompt files to messages of the runtime, and back.

use dotprompt::message as file;
use serde_json::{Map, Value, json};

use crate::message::{Media, Message, Part, Role, ToolRequest, ToolResponse};

/// The annotation under which a tool request's signatures pass through a prompt.
const SIGNATURES: &str = "thoughtSignatures";

impl From<file::Message> for Message {
    fn from(it: file::Message) -> Self {
        let content = it.content.into_iter().map(Part::from).collect();
        Self { role: it.role.into(), content, metadata: it.metadata }
    }
}

impl From<Message> for file::Message {
    fn from(it: Message) -> Self {
        let content = it.content.into_iter().map(file::Part::from).collect();
        Self { role: it.role.into(), content, metadata: it.metadata }
    }
}

impl From<file::Part> for Part {
    fn from(it: file::Part) -> Self {
        match it {
            file::Part::Text { text, metadata } => Self::Text { text, metadata },
            file::Part::Media { media: file::Media { url, content_type } } => {
                Self::Media { media: Media { url, content_type } }
            }
            file::Part::ToolRequest { tool_request, mut metadata } => {
                let file::ToolRequest { name, reference, input } = tool_request;
                let signatures = metadata.remove(SIGNATURES).and_then(|it| serde_json::from_value(it).ok());
                let signatures = signatures.unwrap_or_default();
                Self::ToolRequest { tool_request: ToolRequest { name, reference, input, signatures } }
            }
            file::Part::ToolResponse { tool_response: file::ToolResponse { name, reference, output } } => {
                Self::ToolResponse { tool_response: ToolResponse { name, reference, output } }
            }
            file::Part::Pending { metadata } => Self::Pending { metadata },
        }
    }
}

impl From<Part> for file::Part {
    fn from(it: Part) -> Self {
        match it {
            Part::Text { text, metadata } => Self::Text { text, metadata },
            Part::Media { media: Media { url, content_type } } => {
                Self::Media { media: file::Media { url, content_type } }
            }
            Part::ToolRequest { tool_request: ToolRequest { name, reference, input, signatures } } => {
                let tool_request = file::ToolRequest { name, reference, input };
                let mut metadata = Map::<String, Value>::new();
                if !signatures.is_empty() {
                    metadata.insert(SIGNATURES.into(), json!(signatures));
                }
                Self::ToolRequest { tool_request, metadata }
            }
            Part::ToolResponse { tool_response: ToolResponse { name, reference, output } } => {
                Self::ToolResponse { tool_response: file::ToolResponse { name, reference, output } }
            }
            Part::Pending { metadata } => Self::Pending { metadata },
        }
    }
}

impl From<file::Role> for Role {
    fn from(it: file::Role) -> Self {
        match it {
            file::Role::System => Self::System,
            file::Role::User => Self::User,
            file::Role::Model => Self::Model,
            file::Role::Tool => Self::Tool,
        }
    }
}

impl From<Role> for file::Role {
    fn from(it: Role) -> Self {
        match it {
            Role::System => Self::System,
            Role::User => Self::User,
            Role::Model => Self::Model,
            Role::Tool => Self::Tool,
        }
    }
}
