//! A case: what a model server sends, and what is to come of it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    #[serde(rename = "case")]
    pub(crate) name: String,
    pub(crate) why: String,
    /// The model to ask; the prefix says which wire the fake speaks.
    pub(crate) model: String,
    /// For the whole program: the route, and the member of its input that the key goes into.
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) field: Option<String>,
    /// For the models alone: how to ask.
    #[serde(default)]
    pub(crate) ask: Ask,
    /// What the server answers to the first call, the second, and so on; the last to all others.
    pub(crate) replies: Vec<Reply>,
    /// What the server refuses with 400.
    #[serde(default)]
    pub(crate) strict: Vec<String>,
    pub(crate) want: Want,
    /// So many times, and then one more request.
    #[serde(default)]
    pub(crate) repeat: Option<usize>,
    #[serde(default)]
    pub(crate) then: Option<Then>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ask {
    #[default]
    Prose,
    Stream,
    /// An answer that fits a schema.
    Object,
    /// A tool is there to be called, in one answer or in a stream.
    Tool,
    ToolStream,
    /// A stream with all that happens on the way, and a tool.
    AllEvents,
    /// A stream of an answer that fits a schema.
    ObjectStream,
    /// An image by its address, or in the request.
    Image,
    ImageData,
    /// With all settings.
    Settings,
    /// With thinking, with none, and with a choice of tools but without any.
    Thinking,
    NoThinking,
    Choice,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    #[serde(rename = "type")]
    pub(crate) content_type: String,
    pub(crate) pieces: Vec<String>,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Want {
    pub(crate) status: Option<u16>,
    /// All chunks, joined.
    pub(crate) text: Option<String>,
    /// The last frame.
    pub(crate) last: Option<Value>,
    pub(crate) last_done: bool,
    /// The status in the last frame's problem.
    pub(crate) last_error: Option<u16>,
    pub(crate) chunks_at_least: Option<usize>,
    /// How many calls the model got.
    pub(crate) calls: Option<usize>,
    pub(crate) header: Option<String>,
    pub(crate) has: Vec<String>,
    pub(crate) hasnt: Vec<String>,
    /// For the models alone: the kind of the error.
    pub(crate) error: Option<String>,
    /// For the models alone: what the last request has at these places (JSON pointers).
    pub(crate) asked: serde_json::Map<String, Value>,
    /// What it has not.
    pub(crate) not_asked: Vec<String>,
    /// Tokens: in, out, of which thinking, of which cached.
    pub(crate) usage: Option<[u64; 4]>,
    pub(crate) finish: Option<String>,
    /// For the models alone: what is streamed beside the text, each with its kind, or what is known so far of JSON.
    pub(crate) events: Option<Vec<Value>>,
}

/// A further request, which has what it does not say from its case.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Then {
    pub(crate) path: Option<String>,
    pub(crate) field: Option<String>,
    pub(crate) replies: Option<Vec<Reply>>,
    pub(crate) want: Want,
}

/// All cases of a folder: one or a list in each JSON file.
pub(crate) fn read(folder: &Path) -> Vec<Case> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "json"));
    files.sort();
    let cases = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let cases = if value.is_array() { value } else { Value::Array(vec![value]) };
        serde_json::from_value::<Vec<Case>>(cases)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    });
    cases.collect()
}

impl Case {
    /// The input of a request whose key is this.
    pub(crate) fn input(&self, key: &str) -> Value {
        match &self.field {
            Some(field) => serde_json::json!({ field: key }),
            None => serde_json::json!({ "image_url": format!("https://example.com/{key}.png") }),
        }
    }
}

/// How the cases went.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) told: Vec<String>,
}

impl Outcome {
    pub(crate) fn add(&mut self, case: &Case, faults: Vec<String>) {
        if faults.is_empty() {
            self.passed += 1;
        } else {
            self.told.push(format!("FAILED {}: {}\n  {}", case.name, case.why, faults.join("\n  ")));
        }
    }
}
