//! An answer as it is put together, from one body or from the events of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flow_runtime::ModelError;
use flow_runtime::message::{Message, Part, Role, ToolRequest};
use flow_runtime::model::{FinishReason, ModelChunk, ModelResponse, Usage};
use serde_json::{Map, Value};

use crate::think::{Parted, Thoughts};

/// The most parts and calls of one answer.
const MAX_PARTS: usize = 256;

/// Begins the references of calls that their model gave no id. No server gets to see them as its own.
const INVENTED: &str = "local-";

/// What has come of an answer.
#[derive(Default)]
pub(crate) struct Answer {
    content: Vec<Part>,
    thoughts: Thoughts,
    /// The text that has come since [`Answer::take_chunk`] was last called.
    fresh: String,
    /// The same of thoughts, where somebody wants them.
    fresh_thoughts: Option<String>,
    /// Whether anything has come that shows that the model is at work.
    moved: bool,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) usage: Usage,
}

impl Answer {
    /// An answer whose thoughts are wanted while they come, or are not.
    pub(crate) fn streamed(thoughts: bool) -> Self {
        Self { fresh_thoughts: thoughts.then(String::new), ..Self::default() }
    }

    /// More text.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), ModelError> {
        self.moved |= !text.is_empty();
        let parted = self.thoughts.part(text);
        self.parted(parted)
    }

    /// A part of the text that must go back with its signature, or text that is empty but for it.
    pub(crate) fn signed_text(&mut self, text: &str, metadata: Map<String, Value>) -> Result<(), ModelError> {
        self.end_text()?;
        self.moved = true;
        self.fresh.push_str(text);
        self.push(Part::Text { text: text.to_owned(), metadata })
    }

    /// More of what the model thinks.
    pub(crate) fn reasoning(&mut self, text: &str) -> Result<(), ModelError> {
        self.moved |= !text.is_empty();
        self.thought(text);
        match self.content.last_mut() {
            Some(Part::Reasoning { reasoning, metadata }) if metadata.is_empty() => reasoning.push_str(text),
            _ if text.is_empty() => {}
            _ => self.push(Part::Reasoning { reasoning: text.to_owned(), metadata: Map::new() })?,
        }
        Ok(())
    }

    /// A thought with what must go back with it.
    pub(crate) fn signed_reasoning(
        &mut self,
        text: &str,
        metadata: Map<String, Value>,
    ) -> Result<(), ModelError> {
        self.end_text()?;
        self.moved = true;
        self.thought(text);
        self.push(Part::Reasoning { reasoning: text.to_owned(), metadata })
    }

    /// A call of a tool. One without an id gets a reference of ours.
    pub(crate) fn call(
        &mut self,
        name: String,
        id: Option<String>,
        input: Value,
        metadata: Map<String, Value>,
    ) -> Result<(), ModelError> {
        static INVENTIONS: AtomicU64 = AtomicU64::new(0);
        self.end_text()?;
        self.moved = true;
        let taken = |id: &String| {
            self.content.iter().any(
                |it| matches!(it, Part::ToolRequest { tool_request, .. } if tool_request.reference.as_ref() == Some(id)),
            )
        };
        let id = id.filter(|it| !it.is_empty() && !taken(it));
        let reference =
            id.unwrap_or_else(|| format!("{INVENTED}{}", INVENTIONS.fetch_add(1, Ordering::Relaxed)));
        let tool_request = ToolRequest { name, reference: Some(reference), input };
        self.push(Part::ToolRequest { tool_request, metadata })
    }

    /// Something that is no part of the answer, but shows that the model is at work.
    pub(crate) fn progress(&mut self) {
        self.moved = true;
    }

    /// What has come since the last time, if anything has. Thoughts come before the text.
    pub(crate) fn take_chunk(&mut self) -> Option<ModelChunk> {
        if let Some(thoughts) = self.fresh_thoughts.as_mut().filter(|it| !it.is_empty()) {
            return Some(ModelChunk::Thought(std::mem::take(thoughts)));
        }
        (!self.fresh.is_empty()).then(|| ModelChunk::Text(std::mem::take(&mut self.fresh)))
    }

    /// Whether anything has come since the last time that shows that the model is at work.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Whether there is anything in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// Ends the text. What was held back of it, as a possible tag, counts.
    pub(crate) fn end_text(&mut self) -> Result<(), ModelError> {
        let parted = self.thoughts.end();
        self.parted(parted)
    }

    /// The whole answer of this model.
    pub(crate) fn finish(mut self, model: &Arc<str>) -> Result<ModelResponse, ModelError> {
        self.end_text()?;
        Ok(ModelResponse {
            message: Message::new(Role::Model, self.content),
            finish_reason: self.finish.unwrap_or(FinishReason::Other),
            usage: self.usage,
            earlier_text: String::new(),
            model: model.clone(),
            history: Arc::default(),
        })
    }

    fn parted(&mut self, parted: Parted) -> Result<(), ModelError> {
        self.reasoning(&parted.thoughts)?;
        let text = parted.answer;
        if text.is_empty() {
            return Ok(());
        }
        self.fresh.push_str(&text);
        match self.content.last_mut() {
            Some(Part::Text { text: last, metadata }) if metadata.is_empty() => last.push_str(&text),
            _ => self.push(Part::text(text))?,
        }
        Ok(())
    }

    fn thought(&mut self, text: &str) {
        if let Some(thoughts) = &mut self.fresh_thoughts {
            thoughts.push_str(text);
        }
    }

    fn push(&mut self, part: Part) -> Result<(), ModelError> {
        if self.content.len() >= MAX_PARTS {
            return Err(ModelError::unusable("too many parts"));
        }
        self.content.push(part);
        Ok(())
    }
}

/// Whether a model gave this reference to its call.
pub(crate) fn is_given(reference: &str) -> bool {
    !reference.is_empty() && !reference.starts_with(INVENTED)
}
