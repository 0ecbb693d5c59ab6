//! Actions: what the tools list and run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::error::ActionError;

/// How long a reader of chunks may take none.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What came of an action.
pub type Outcome = Result<Value, ActionError>;

/// What can be run by its key; cloning it is cheap.
#[derive(Clone)]
pub struct Action {
    /// What the tools are told of it.
    pub descriptor: Descriptor,
    run: Arc<Run>,
}

type Run = dyn Fn(Call) -> BoxFuture<'static, Outcome> + Send + Sync;

/// What the tools are told of an action. Nothing in it is null: version 2 of the protocol refuses the whole list then.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// `/TYPE/NAME`.
    pub key: String,
    /// Its name, which may have slashes.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The JSON Schema of its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What else is known of an action of its type.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// One run of an action.
#[derive(Debug)]
pub struct Call {
    /// Its input; null where there is none.
    pub input: Value,
    /// Where its chunks go, if somebody wants them.
    pub chunks: Option<Chunks>,
}

/// Where the chunks of a run go.
#[derive(Clone, Debug)]
pub struct Chunks(pub(crate) mpsc::Sender<Event>);

/// What a run tells, in this order: chunks, and one end.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Chunk(Value),
    End(Outcome),
}

/// Actions from several sources. They are asked each time, because prompt files may change.
#[derive(Default)]
pub struct Registry {
    sources: Vec<Source>,
    default_model: Option<String>,
}

type Source = Box<dyn Fn() -> Vec<Action> + Send + Sync>;

impl Action {
    /// An action of this type and name.
    pub fn new<W>(kind: &str, name: &str, run: impl Fn(Call) -> W + Send + Sync + 'static) -> Self
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let descriptor =
            Descriptor { key: format!("/{kind}/{name}"), name: name.to_owned(), ..Descriptor::default() };
        Self { descriptor, run: Arc::new(move |call| Box::pin(run(call))) }
    }

    /// The same with a description; an empty one is none.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.descriptor.description = Some(text.to_owned()).filter(|it| !it.is_empty());
        self
    }

    /// The same with the JSON Schema of its input.
    #[must_use]
    pub fn input(mut self, schema: Value) -> Self {
        self.descriptor.input_schema = Some(schema).filter(|it| !it.is_null());
        self
    }

    /// The same with the JSON Schema of its result.
    #[must_use]
    pub fn output(mut self, schema: Value) -> Self {
        self.descriptor.output_schema = Some(schema).filter(|it| !it.is_null());
        self
    }

    /// The same with what else is known of it. Members that are null are left out.
    #[must_use]
    pub fn metadata(mut self, metadata: Value) -> Self {
        if let Value::Object(mut members) = metadata {
            members.retain(|_, value| !value.is_null());
            self.descriptor.metadata = members;
        }
        self
    }

    pub(crate) fn run(&self, call: Call) -> BoxFuture<'static, Outcome> {
        (self.run)(call)
    }
}

impl Chunks {
    /// Passes a chunk on. It fails when nobody reads any more.
    pub async fn send(&self, chunk: Value) -> Result<(), ActionError> {
        let sent = self.0.send_timeout(Event::Chunk(chunk), READ_TIMEOUT).await;
        sent.map_err(|_| ActionError::cancelled())
    }
}

impl Registry {
    /// Adds what `source` lists.
    #[must_use]
    pub fn with(mut self, source: impl Fn() -> Vec<Action> + Send + Sync + 'static) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// Says which model answers where none is named.
    #[must_use]
    pub fn default_model(mut self, name: Option<&str>) -> Self {
        self.default_model = name.map(str::to_owned);
        self
    }

    /// What there is now, by key.
    pub(crate) fn list(&self) -> Map<String, Value> {
        let all = self
            .all()
            .filter_map(|it| Some((it.descriptor.key.clone(), serde_json::to_value(&it.descriptor).ok()?)));
        all.collect()
    }

    pub(crate) fn find(&self, key: &str) -> Option<Action> {
        self.all().find(|it| it.descriptor.key == key)
    }

    /// The values of this type, or none if there is no such type.
    pub(crate) fn values(&self, kind: &str) -> Option<Map<String, Value>> {
        match kind {
            "defaultModel" => {
                let value = self
                    .default_model
                    .iter()
                    .map(|name| ("defaultModel".to_owned(), serde_json::json!({ "name": name })));
                Some(value.collect())
            }
            "middleware" => Some(Map::new()),
            _ => None,
        }
    }

    fn all(&self) -> impl Iterator<Item = Action> {
        self.sources.iter().flat_map(|source| source())
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Action").field(&self.descriptor.key).finish()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sources of actions", self.sources.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(key: &str) -> Action {
        Action::new("tool", key, |call| async move { Ok(call.input) })
    }

    #[test]
    fn what_is_not_known_is_absent_and_never_null() {
        let bare =
            action("a").description("").input(Value::Null).metadata(json!({"type": "tool", "b": null}));
        assert_eq!(
            serde_json::to_value(&bare.descriptor).unwrap(),
            json!({"key": "/tool/a", "name": "a", "metadata": {"type": "tool"}})
        );
    }

    #[test]
    fn a_key_finds_what_the_sources_list_at_that_moment() {
        let more = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let is_there = more.clone();
        let registry = Registry::default().with(|| vec![action("a/b")]).with(move || {
            is_there.load(std::sync::atomic::Ordering::Relaxed).then(|| action("c")).into_iter().collect()
        });
        assert!(registry.find("/tool/a/b").is_some() && registry.find("/tool/c").is_none());
        more.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(registry.find("/tool/c").is_some());
        assert_eq!(registry.list().keys().collect::<Vec<_>>(), ["/tool/a/b", "/tool/c"]);
    }

    #[test]
    fn only_two_types_of_values_are_known() {
        let registry = Registry::default().default_model(Some("demo"));
        assert_eq!(
            Value::from(registry.values("defaultModel").unwrap()),
            json!({"defaultModel": {"name": "demo"}})
        );
        assert_eq!(registry.values("middleware"), Some(Map::new()));
        assert_eq!(registry.values("other"), None);
    }
}
