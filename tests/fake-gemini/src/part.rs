//! The pieces of a reply: parts, finish reasons, token counts, and the gate that holds one back.

use serde_json::{Value, json};
use tokio::sync::watch;

/// The thought signature the fake attaches: opaque base64, to be sent back unchanged.
pub const SIGNATURE: &str = "RkFLRS1USE9VR0hULVNJR05BVFVSRQ==";

/// `finishReason`, as listed at <https://ai.google.dev/api/generate-content#FinishReason>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// A natural end.
    Stop,
    /// `maxOutputTokens` was reached.
    MaxTokens,
    /// The reply was flagged.
    Safety,
    /// The reply recited training data.
    Recitation,
    /// The model wrote a call that is not one.
    MalformedFunctionCall,
    /// Any other, by its wire name.
    Other(String),
}

impl Finish {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "STOP",
            Self::MaxTokens => "MAX_TOKENS",
            Self::Safety => "SAFETY",
            Self::Recitation => "RECITATION",
            Self::MalformedFunctionCall => "MALFORMED_FUNCTION_CALL",
            Self::Other(name) => name,
        }
    }
}

/// `usageMetadata`. `candidates` leaves out the thoughts, as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// `promptTokenCount`, the cached ones included.
    pub prompt: u32,
    /// `candidatesTokenCount`.
    pub candidates: u32,
    /// `thoughtsTokenCount`; 0 leaves it out.
    pub thoughts: u32,
    /// `cachedContentTokenCount`; 0 leaves it out.
    pub cached: u32,
}

/// One part of a message of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Part(pub(crate) Value);

impl Part {
    /// Any part, as it goes on the wire.
    pub fn raw(part: Value) -> Self {
        Self(part)
    }

    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self(json!({ "text": text.into() }))
    }

    /// A summary of the model's thought, which is not part of the answer.
    pub fn thought(text: impl Into<String>) -> Self {
        Self(json!({ "text": text.into(), "thought": true }))
    }

    /// A function call, without an id and without a signature.
    pub fn call(name: impl Into<String>, args: Value) -> Self {
        let mut part = json!({ "functionCall": { "name": name.into() } });
        part["functionCall"]["args"] = args;
        Self(part)
    }

    /// Gives a function call its id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.0["functionCall"]["id"] = Value::String(id.into());
        self
    }

    /// Attaches a thought signature.
    #[must_use]
    pub fn signed(mut self, signature: impl Into<String>) -> Self {
        self.0["thoughtSignature"] = Value::String(signature.into());
        self
    }
}

/// A gate that a test opens. A reply that comes to it waits, however long.
#[derive(Clone, Debug, Default)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it for good, for all replies held by it.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn passed(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
