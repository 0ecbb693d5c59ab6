//! A trace as it is kept, and as JSON.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry::{Array, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Map, Value, json};

/// How much of one trace is kept with its long values, in bytes.
const TRACE_BYTES: usize = 4 * 1024 * 1024;

/// How much of one value is kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// The same, once a trace has its bytes.
const SHORTENED: usize = 256;

/// What a span weighs without its values, in bytes.
const SPAN: usize = 256;

/// What is said of work of the runtime's: of a flow, a tool, a model.
const WORK: &str = "genkit:type";

/// Which work it is.
const KIND: &str = "genkit:metadata:subtype";

/// What is said of work that has ended by itself.
const STATE: &str = "genkit:state";

/// One trace.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) id: TraceId,
    /// About how many bytes it takes.
    pub(super) size: usize,
    /// In the order in which they began.
    spans: Vec<Span>,
    /// How many more there were.
    dropped: usize,
}

#[derive(Debug)]
struct Span {
    id: SpanId,
    parent: SpanId,
    name: String,
    start: SystemTime,
    /// None while it runs.
    end: Option<SystemTime>,
    status: Status,
    attributes: Map<String, Value>,
    size: usize,
}

impl Trace {
    pub(super) fn new(id: TraceId) -> Self {
        Self { id, size: 0, spans: Vec::new(), dropped: 0 }
    }

    /// Keeps a span that has begun, if there is room for one of so many.
    pub(super) fn start(&mut self, span: &SpanData, room: usize) {
        if self.spans.len() >= room {
            self.dropped += 1;
            return;
        }
        let span = Span::of(span, None, self.longest());
        self.size += span.size;
        self.spans.push(span);
    }

    /// Keeps all that is known of a span at its end.
    pub(super) fn end(&mut self, span: &SpanData) {
        let (id, longest) = (span.span_context.span_id(), self.longest());
        let Some(kept) = self.spans.iter_mut().rev().find(|it| it.id == id) else { return };
        self.size -= kept.size;
        *kept = Span::of(span, Some(span.end_time), longest);
        self.size += kept.size;
    }

    pub(super) fn is_running(&self) -> bool {
        self.spans.iter().any(|it| it.end.is_none())
    }

    /// Whether a flow, a tool or a model had a part in it.
    pub(super) fn has_work(&self) -> bool {
        self.spans.iter().any(|it| it.attributes.contains_key(WORK))
    }

    /// The trace in a few members.
    pub(super) fn summary(&self) -> Value {
        let root = self.spans.first();
        let flow = self.spans.iter().find(|it| it.is(KIND, "flow"));
        let sum = |name: &str| {
            let known = self.spans.iter().filter_map(|it| it.attributes.get(name)?.as_i64());
            known.reduce(i64::saturating_add)
        };
        json!({
            "id": self.id.to_string(),
            "name": root.map(|it| &it.name),
            "flow": flow.and_then(|it| it.attributes.get("genkit:name")),
            "request_id": root.and_then(|it| it.attributes.get("request_id")),
            "code": root.and_then(Span::code),
            "status": self.status(),
            "start": root.map(|it| milliseconds(it.start.duration_since(SystemTime::UNIX_EPOCH).ok())),
            "duration": root.and_then(Span::duration),
            "input_tokens": sum("gen_ai.usage.input_tokens"),
            "output_tokens": sum("gen_ai.usage.output_tokens"),
        })
    }

    /// The trace with its spans, each after its parent. Times are in milliseconds, those of spans since its beginning.
    pub(super) fn shown(&self) -> Value {
        let start = self.spans.iter().map(|it| it.start).min().unwrap_or(SystemTime::UNIX_EPOCH);
        let is_kept = |id: SpanId| self.spans.iter().any(|it| it.id == id);
        let mut waiting: Vec<_> =
            self.spans.iter().filter(|it| !is_kept(it.parent)).map(|it| (0, it)).collect();
        // The next one is the last of those that wait.
        waiting.sort_by_key(|(_, it)| Reverse(it.start));
        let mut spans = Vec::with_capacity(self.spans.len());
        while let Some((depth, span)) = waiting.pop() {
            spans.push(span.shown(start, depth));
            let mut inner: Vec<_> = self.spans.iter().filter(|it| it.parent == span.id).collect();
            inner.sort_by_key(|it| Reverse(it.start));
            waiting.extend(inner.into_iter().map(|it| (depth + 1, it)));
        }
        json!({"trace": self.summary(), "spans": spans, "dropped": self.dropped})
    }

    /// How it stands, or ended. A client's mistake is no error.
    fn status(&self) -> &'static str {
        let flows = || self.spans.iter().filter(|it| it.is(KIND, "flow"));
        if self.is_running() {
            "running"
        } else if self.spans.iter().take(1).chain(flows()).any(|it| it.status() == "error") {
            "error"
        } else if flows().any(|it| it.status() == "cancelled") {
            "cancelled"
        } else {
            "ok"
        }
    }

    /// How much of one value is kept.
    fn longest(&self) -> usize {
        if self.size < TRACE_BYTES { LONGEST } else { SHORTENED }
    }
}

impl Span {
    fn of(span: &SpanData, end: Option<SystemTime>, longest: usize) -> Self {
        let mut size = SPAN + span.name.len();
        let attributes = span.attributes.iter().map(|KeyValue { key, value, .. }| {
            let value = shown(value, longest);
            size += key.as_str().len() + value.as_str().map_or(8, str::len);
            (key.as_str().to_owned(), value)
        });
        let attributes: Map<_, _> = attributes.collect();
        let name = begun(&attributes).filter(|_| end.is_none()).unwrap_or_else(|| span.name.to_string());
        Self {
            id: span.span_context.span_id(),
            parent: span.parent_span_id,
            name,
            start: span.start_time,
            end,
            status: span.status.clone(),
            attributes,
            size,
        }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.attributes.get(name).and_then(Value::as_str) == Some(value)
    }

    fn code(&self) -> Option<&Value> {
        let names = ["http.response.status_code", "rpc.response.status_code"];
        names.iter().find_map(|name| self.attributes.get(*name))
    }

    fn status(&self) -> &'static str {
        match self.status {
            _ if self.end.is_none() => "running",
            Status::Error { .. } => "error",
            _ if self.attributes.contains_key(WORK) && !self.attributes.contains_key(STATE) => "cancelled",
            _ => "ok",
        }
    }

    fn duration(&self) -> Option<f64> {
        self.end.map(|end| milliseconds(end.duration_since(self.start).ok()))
    }

    fn shown(&self, start: SystemTime, depth: usize) -> Value {
        let description = match &self.status {
            Status::Error { description } if !description.is_empty() => Some(&**description),
            _ => None,
        };
        json!({
            "id": self.id.to_string(),
            "depth": depth,
            "name": self.name,
            "start": milliseconds(self.start.duration_since(start).ok()),
            "duration": self.duration(),
            "status": self.status(),
            "description": description,
            "attributes": self.attributes,
        })
    }
}

/// A request's name while its route is not known.
fn begun(attributes: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    match (text("http.request.method_original"), text("url.path")) {
        (Some(method), Some(path)) => Some(format!("{method} {path}")),
        _ => text("rpc.method").map(|it| it.trim_start_matches('/').to_owned()),
    }
}

/// A value as JSON. Long text is cut, and says so.
fn shown(value: &opentelemetry::Value, longest: usize) -> Value {
    use opentelemetry::Value as Kind;

    match value {
        Kind::Bool(it) => (*it).into(),
        Kind::I64(it) => (*it).into(),
        Kind::F64(it) => (*it).into(),
        Kind::String(it) => cut(it.as_str(), longest).into(),
        Kind::Array(Array::Bool(them)) => them.clone().into(),
        Kind::Array(Array::I64(them)) => them.clone().into(),
        Kind::Array(Array::F64(them)) => them.clone().into(),
        Kind::Array(Array::String(them)) => them.iter().map(|it| cut(it.as_str(), longest)).collect(),
        other => cut(&other.as_str(), longest).into(),
    }
}

fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(longest)];
    format!("{kept}… (cut: {} bytes in all)", text.len())
}

/// In milliseconds. A clock that was set back counts as nothing.
fn milliseconds(duration: Option<Duration>) -> f64 {
    (duration.unwrap_or_default().as_secs_f64() * 1_000_000.0).round() / 1000.0
}
