//! What a prompt renders to and a model is asked: messages made of parts, in Genkit's JSON shape.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that stand above the conversation.
    System,
    /// The person, or the program in their place.
    User,
    /// The model.
    Model,
    /// The answer of a tool to the model's request.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<Part>,
    /// Free annotations: `{"purpose": "history"}` marks what came in as history.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// One piece of a message. In JSON the member's name tells the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// Plain text.
    Text {
        /// The text itself.
        text: String,
        /// Free annotations.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        metadata: Map<String, Value>,
    },
    /// An image or other medium.
    Media {
        /// Where the medium is and what it is.
        media: Media,
    },
    /// The model asks for a tool to be called.
    ToolRequest {
        /// The call it asks for.
        #[serde(rename = "toolRequest")]
        tool_request: ToolRequest,
        /// What the model must get back with the call, such as signatures of its reasoning.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        metadata: Map<String, Value>,
    },
    /// A tool answers.
    ToolResponse {
        /// The answer.
        #[serde(rename = "toolResponse")]
        tool_response: ToolResponse,
    },
    /// What the model thought before it answered. It is no part of the answer.
    Reasoning {
        /// The thoughts, as far as the model shows them.
        reasoning: String,
        /// What the model must get back with them, such as their signature.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        metadata: Map<String, Value>,
    },
    /// A place to be filled later: what `{{section "name"}}` leaves.
    Pending {
        /// What is to stand here, and that it is pending.
        metadata: Map<String, Value>,
    },
}

/// A medium: an `http(s)` address or a `data:` URI, with its MIME type where known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// The address.
    pub url: String,
    /// The MIME type.
    #[serde(rename = "contentType", default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// A tool call the model asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolRequest {
    /// The tool's name.
    pub name: String,
    /// Tells two calls of the same tool in one turn apart.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The arguments.
    #[serde(default)]
    pub input: Value,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResponse {
    /// The tool's name.
    pub name: String,
    /// The [`ToolRequest::reference`] it answers.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The tool's output.
    #[serde(default)]
    pub output: Value,
}

impl Message {
    /// A message of one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self::new(role, vec![Part::text(text)])
    }

    /// A message of several parts.
    pub fn new(role: Role, content: Vec<Part>) -> Self {
        Self { role, content, metadata: Map::new() }
    }

    /// The text of all text parts, joined.
    pub fn joined_text(&self) -> String {
        let parts = self.content.iter();
        parts
            .filter_map(|it| if let Part::Text { text, .. } = it { Some(text.as_str()) } else { None })
            .collect()
    }
}

impl Part {
    /// A text part without annotations.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), metadata: Map::new() }
    }

    /// A medium by its address or `data:` URI.
    pub fn media(url: impl Into<String>, content_type: Option<String>) -> Self {
        Self::Media { media: Media { url: url.into(), content_type } }
    }
}
