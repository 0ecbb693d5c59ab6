//! Spans in Genkit's JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use flow_telemetry::SpanData;
use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, Value as Attribute};
use serde_json::{Map, Value, json};

use super::open::{Shown, text};

/// A span on its way to the tools.
#[derive(Clone, Debug)]
pub(super) struct Exported {
    pub(super) trace: String,
    pub(super) id: String,
    /// Whether the trace is listed under this span.
    is_root: bool,
    span: Value,
}

impl Exported {
    pub(super) fn new(span: &SpanData, shown: &Shown, has_ended: bool) -> Self {
        let (trace, id) = (span.span_context.trace_id().to_string(), span.span_context.span_id().to_string());
        let json = json(span, shown, has_ended, &trace, &id);
        Self { trace, id, is_root: shown.parent.is_none(), span: json }
    }
}

/// What is sent for spans of one trace. Of a span that comes twice the last counts.
pub(super) fn trace<'a>(id: &str, spans: impl IntoIterator<Item = &'a Exported>) -> Value {
    let mut trace = Map::new();
    let mut all = Map::new();
    trace.insert("traceId".to_owned(), id.into());
    for it in spans {
        if it.is_root {
            trace.insert("displayName".to_owned(), it.span["displayName"].clone());
            trace.insert("startTime".to_owned(), it.span["startTime"].clone());
            // A zero would overwrite the end of a trace that has one.
            if it.span["endTime"] != json!(0) {
                trace.insert("endTime".to_owned(), it.span["endTime"].clone());
            }
        }
        all.insert(it.id.clone(), it.span.clone());
    }
    trace.insert("spans".to_owned(), all.into());
    trace.into()
}

/// Nothing in it is null: the tools refuse the whole trace then.
fn json(span: &SpanData, shown: &Shown, has_ended: bool, trace: &str, id: &str) -> Value {
    let mut attributes: Map<String, Value> =
        span.attributes.iter().map(|it| (it.key.as_str().to_owned(), value(&it.value))).collect();
    attributes.insert("genkit:path".to_owned(), shown.path.clone().into());
    for (name, label) in &shown.labels {
        attributes.insert(name.clone(), label.clone().into());
    }
    if shown.parent.is_none() {
        attributes.insert("genkit:isRoot".to_owned(), true.into());
    }
    if shown.is_failure_source {
        attributes.insert("genkit:isFailureSource".to_owned(), true.into());
    }
    let name = text(span, "genkit:name").unwrap_or_else(|| span.name.clone().into_owned());
    if let Some(subtype) = text(span, "genkit:metadata:subtype") {
        attributes.insert("genkit:key".to_owned(), format!("/{subtype}/{name}").into());
    }
    let end = if has_ended { json!(milliseconds(span.end_time)) } else { json!(0) };
    let mut json = json!({
        "spanId": id,
        "traceId": trace,
        "startTime": milliseconds(span.start_time),
        "endTime": end,
        "displayName": name,
        "spanKind": format!("{:?}", span.span_kind).to_uppercase(),
        "attributes": attributes,
        "links": [],
        "sameProcessAsParentSpan": { "value": !span.parent_span_is_remote },
        "status": status(span),
        "timeEvents": { "timeEvent": events(span) },
        "instrumentationLibrary": { "name": "genkit-tracer", "version": "v1" },
    });
    if let Some(parent) = shown.parent {
        json["parentSpanId"] = parent.to_string().into();
    }
    json
}

fn status(span: &SpanData) -> Value {
    let Status::Error { description } = &span.status else { return json!({ "code": 0 }) };
    let message = Some(description.to_string()).filter(|it| !it.is_empty());
    json!({ "code": 2, "message": message.or_else(|| text(span, "error.type")).unwrap_or("failed".to_owned()) })
}

fn events(span: &SpanData) -> Vec<Value> {
    let event = |it: &opentelemetry::trace::Event| {
        let attributes: Map<String, Value> = it
            .attributes
            .iter()
            .map(|KeyValue { key, value: it, .. }| (key.as_str().to_owned(), value(it)))
            .collect();
        json!({
            "time": milliseconds(it.timestamp),
            "annotation": { "description": it.name, "attributes": attributes },
        })
    };
    span.events.iter().map(event).collect()
}

fn value(attribute: &Attribute) -> Value {
    match attribute {
        Attribute::Bool(it) => (*it).into(),
        Attribute::I64(it) => (*it).into(),
        Attribute::F64(it) => (*it).into(),
        Attribute::Array(Array::String(them)) => {
            them.iter().map(opentelemetry::StringValue::as_str).collect()
        }
        other => other.as_str().into_owned().into(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds are exact for 285 years")]
fn milliseconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::samples::span;
    use super::*;

    fn shown(parent: Option<u64>) -> Shown {
        Shown {
            parent: parent.map(Into::into),
            path: "/{f,t:flow}".to_owned(),
            is_failure_source: false,
            labels: vec![("label".to_owned(), "x".to_owned())],
        }
    }

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(members) => members.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn a_span_that_runs_has_the_end_zero_and_its_trace_none() {
        let span = span(2, 1, &[("genkit:name", "f"), ("genkit:type", "action")]);
        let begun = Exported::new(&span, &shown(None), false);
        let sent = trace("t", [&begun]);
        assert!(!has_null(&sent), "{sent}");
        assert_eq!(sent["displayName"], "f");
        assert_eq!(sent.get("endTime"), None);
        let it = &sent["spans"]["0000000000000002"];
        assert_eq!(it["endTime"], 0);
        assert_eq!(it["attributes"]["genkit:isRoot"], true);
        assert_eq!(it["attributes"]["label"], "x");
        assert_eq!(it.get("parentSpanId"), None);
        assert_eq!(it["startTime"], 1_500.25);

        let ended = Exported::new(&span, &shown(None), true);
        let sent = trace("t", [&begun, &ended]);
        assert_eq!(sent["endTime"], 2_000.0);
        assert_eq!(sent["spans"].as_object().unwrap().len(), 1);
        assert_eq!(sent["spans"]["0000000000000002"]["endTime"], 2_000.0);
    }

    #[test]
    fn a_child_names_its_parent_and_says_nothing_of_its_trace() {
        let span = span(2, 1, &[("genkit:type", "util"), ("error.type", "timeout")]);
        let mut span = span;
        span.status = Status::error("");
        let sent = trace("t", [&Exported::new(&span, &shown(Some(7)), true)]);
        assert_eq!(sent.get("displayName"), None);
        let it = &sent["spans"]["0000000000000002"];
        assert_eq!(it["parentSpanId"], "0000000000000007");
        assert_eq!(it["status"], json!({"code": 2, "message": "timeout"}));
        assert_eq!(it["attributes"].get("genkit:isRoot"), None);
        assert_eq!(it["spanKind"], "INTERNAL");
    }
}
