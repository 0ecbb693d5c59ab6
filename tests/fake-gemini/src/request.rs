//! One request as it came in, and the questions that matchers and tests ask of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use hyper::{HeaderMap, Method};
use serde_json::Value;

use crate::life::{Ended, Life};

/// A recorded request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its place among all requests, from 0.
    pub index: usize,
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: Arc<str>,
    /// The query, undecoded, without `?`.
    pub query: Arc<str>,
    /// The headers, as sent. They hold the key.
    pub headers: Arc<HeaderMap>,
    /// The body, as sent.
    pub bytes: Bytes,
    /// The body as JSON; null when it is none.
    pub body: Arc<Value>,
    /// Which model method was called; `None` for any other path.
    pub call: Option<Call>,
    /// When its head arrived.
    pub received_at: Instant,
    pub(crate) life: Life,
}

/// A call of `models/{model}:{method}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The model's name, without `models/`.
    pub model: Arc<str>,
    /// `streamGenerateContent` rather than `generateContent`.
    pub stream: bool,
    /// `alt=sse`. Without it a stream comes as one JSON array, in pieces.
    pub sse: bool,
}

impl Request {
    /// A header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query, undecoded.
    pub fn query_param(&self, name: &str) -> Option<&str> {
        param(&self.query, name)
    }

    /// The model called; empty when no model was.
    pub fn model(&self) -> &str {
        self.call.as_ref().map_or("", |call| &call.model)
    }

    /// Whether a stream was asked for.
    pub fn streams(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.stream)
    }

    /// All text of the request: the system instruction, then every text part of every message, by lines.
    pub fn prompt(&self) -> String {
        let system = field(&self.body, "systemInstruction").into_iter().flat_map(parts);
        let texts = system.chain(self.parts()).filter_map(|part| part["text"].as_str());
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The text of the last message of the user that has any.
    pub fn last_user_text(&self) -> String {
        let text_of = |content: &Value| {
            let texts: Vec<_> = parts(content).filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        };
        let of_user = |content: &&Value| content["role"].as_str().is_none_or(|role| role == "user");
        let mut texts = self.contents().iter().rev().filter(of_user).map(text_of);
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The mime types of the media in it, inline or by address.
    pub fn media(&self) -> Vec<String> {
        let media = self.parts().filter_map(|p| field(p, "inlineData").or_else(|| field(p, "fileData")));
        media.map(|data| field(data, "mimeType").and_then(Value::as_str).unwrap_or("?").to_owned()).collect()
    }

    /// Whether it has an image.
    pub fn has_image(&self) -> bool {
        self.media().iter().any(|mime| mime.starts_with("image/"))
    }

    /// The declared functions: `{"name", "description", "parameters" | "parametersJsonSchema"}`.
    pub fn tools(&self) -> Vec<&Value> {
        let tools = field(&self.body, "tools").and_then(Value::as_array).into_iter().flatten();
        let lists = tools.filter_map(|tool| field(tool, "functionDeclarations")?.as_array());
        lists.flatten().collect()
    }

    /// The results of tools it brings, in order.
    pub fn tool_results(&self) -> Vec<&Value> {
        self.parts().filter_map(|part| field(part, "functionResponse")).collect()
    }

    /// The schema the reply must satisfy, from `responseJsonSchema` or `responseSchema`.
    pub fn schema(&self) -> Option<&Value> {
        let config = self.config()?;
        let names = ["responseJsonSchema", "_responseJsonSchema", "responseSchema"];
        names.iter().find_map(|name| field(config, name))
    }

    /// `generationConfig`.
    pub fn config(&self) -> Option<&Value> {
        field(&self.body, "generationConfig")
    }

    /// The messages.
    pub fn contents(&self) -> &[Value] {
        self.body["contents"].as_array().map_or(&[], Vec::as_slice)
    }

    fn parts(&self) -> impl Iterator<Item = &Value> {
        self.contents().iter().flat_map(parts)
    }

    /// How it ended; `None` while it is being answered.
    pub fn ended(&self) -> Option<Ended> {
        self.life.ended()
    }

    /// How long after its arrival the client left before the reply was whole; `None` if it has not.
    pub fn dropped_after(&self) -> Option<Duration> {
        match self.ended()? {
            Ended::Dropped(after) => Some(after),
            Ended::Finished(_) => None,
        }
    }

    /// Waits for the end, whichever it is; `None` when `timeout` passes first.
    pub async fn wait_ended(&self, timeout: Duration) -> Option<Ended> {
        self.life.wait(timeout).await
    }

    /// Waits for the client to leave; `None` when `timeout` passes first or the reply ends whole.
    pub async fn wait_dropped(&self, timeout: Duration) -> Option<Duration> {
        self.wait_ended(timeout).await?;
        self.dropped_after()
    }
}

/// The parts of a message.
pub(crate) fn parts(content: &Value) -> impl Iterator<Item = &Value> {
    content["parts"].as_array().into_iter().flatten()
}

/// A field by its camel-case name or, as protobuf's JSON allows, its snake-case one. Null is absent.
pub(crate) fn field<'a>(value: &'a Value, camel: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake(camel))).filter(|found| !found.is_null())
}

pub(crate) fn snake(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}

pub(crate) fn param<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, v)| v))
}
