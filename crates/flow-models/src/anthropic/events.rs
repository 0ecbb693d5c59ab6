//! The events of Claude's streams (<https://docs.claude.com/en/docs/build-with-claude/streaming>).

use flow_runtime::ModelError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::response::{Block, UsageIn, add, error_of, finish};
use crate::answer::Answer;
use crate::json;
use crate::stream;

/// The event says in its data, too, what it is.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        content_block: Value,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    ContentBlockStop {},
    MessageDelta {
        delta: MessageDelta,
        #[serde(default)]
        usage: Option<UsageIn>,
    },
    MessageStop {},
    Error {
        error: Value,
    },
    /// A ping, or what is new.
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Start {
    usage: Option<UsageIn>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageDelta {
    stop_reason: Option<String>,
}

/// Reads the events of a stream.
#[derive(Default)]
pub(crate) struct Events {
    /// The piece that is being written, unless it is text, which goes on at once.
    open: Option<Open>,
}

struct Open {
    block: Value,
    text: String,
}

impl stream::Events for Events {
    fn event(&mut self, data: &[u8], answer: &mut Answer) -> Result<bool, ModelError> {
        let event = json::read(data).map_err(|_| ModelError::upstream("the answer is not JSON"))?;
        match event {
            Event::MessageStart { message } => {
                if let Some(usage) = message.usage {
                    usage.add_to(&mut answer.usage);
                }
            }
            Event::ContentBlockStart { content_block } => {
                self.close(answer)?;
                if content_block["type"] == "text" {
                    answer.text(content_block["text"].as_str().unwrap_or_default())?;
                } else {
                    answer.progress();
                    self.open = Some(Open { block: content_block, text: String::new() });
                }
            }
            Event::ContentBlockDelta { delta } => self.add(delta, answer)?,
            Event::ContentBlockStop {} => self.close(answer)?,
            Event::MessageDelta { delta, usage } => {
                if let Some(usage) = usage {
                    usage.add_to(&mut answer.usage);
                }
                let reason = delta.stop_reason.as_deref().map(finish).transpose()?;
                answer.finish = reason.or(answer.finish);
            }
            Event::MessageStop {} => return Ok(true),
            Event::Error { error } => return Err(error_of(&error)),
            Event::Other => {}
        }
        Ok(false)
    }

    fn end(&mut self, answer: &mut Answer) -> Result<(), ModelError> {
        if answer.finish.is_none() {
            return Err(ModelError::upstream("the stream was cut"));
        }
        self.close(answer)
    }
}

impl Events {
    fn add(&mut self, delta: Delta, answer: &mut Answer) -> Result<(), ModelError> {
        let piece = match delta {
            Delta::Text { text } => return answer.text(&text),
            Delta::Thinking { thinking } => thinking,
            Delta::InputJson { partial_json } => partial_json,
            Delta::Signature { signature } => {
                let block = self.open.as_mut().and_then(|it| it.block.as_object_mut());
                if let Some(members) = block {
                    members.insert("signature".into(), json!(signature));
                }
                return Ok(());
            }
            Delta::Other => return Ok(()),
        };
        answer.progress();
        if let Some(open) = &mut self.open {
            open.text.push_str(&piece);
        }
        Ok(())
    }

    /// Ends the piece that is being written.
    fn close(&mut self, answer: &mut Answer) -> Result<(), ModelError> {
        let Some(Open { block, text }) = self.open.take() else { return Ok(()) };
        let malformed = |_| ModelError::malformed("a malformed call of a tool");
        let mut block: Block = serde_json::from_value(block).map_err(malformed)?;
        if block.r#type == "thinking" {
            block.think(&text);
        } else if !text.trim().is_empty() {
            block.input = json::read(text.as_bytes()).map_err(malformed)?;
        }
        add(block, answer)
    }
}
