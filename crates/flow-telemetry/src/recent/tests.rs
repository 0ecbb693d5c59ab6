use std::time::{Duration, SystemTime};

use flow_edge::docs::dev::RecentTraces as _;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{BYTES, Recent, SPANS, TRACES};
use crate::SpanWatcher as _;

/// A span of 10 ms that begins 1 ms after its parent.
fn span(trace: u128, id: u64, parent: u64, attributes: &[(&'static str, &str)]) -> SpanData {
    let start = SystemTime::UNIX_EPOCH + Duration::from_millis(1000 + id);
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(trace.to_be_bytes()),
            SpanId::from_bytes(id.to_be_bytes()),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::from_bytes(parent.to_be_bytes()),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: format!("span {id}").into(),
        start_time: start,
        end_time: start + Duration::from_millis(10),
        attributes: attributes
            .iter()
            .map(|(name, value)| KeyValue::new(*name, (*value).to_owned()))
            .collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

const FLOW: &[(&str, &str)] =
    &[("genkit:type", "action"), ("genkit:metadata:subtype", "flow"), ("genkit:name", "write_note")];

/// A request with a flow in it, from begin to end.
fn request(recent: &Recent, trace: u128) {
    let request = span(trace, 1, 0, &[("request_id", "of the request")]);
    let flow = span(trace, 2, 1, FLOW);
    recent.started(&request);
    recent.started(&flow);
    recent.ended(&flow);
    recent.ended(&request);
}

fn ids(recent: &Recent) -> Vec<String> {
    let list = recent.list();
    list.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_trace_is_shown_while_it_runs_and_when_it_has_ended() {
    let recent = Recent::default();
    let root = span(
        7,
        1,
        99,
        &[("request_id", "r-1"), ("http.request.method_original", "POST"), ("url.path", "/write-note")],
    );
    let mut flow = span(7, 2, 1, FLOW);
    recent.started(&root);
    assert!(ids(&recent).is_empty(), "nothing is known of it yet");
    recent.started(&flow);
    let shown = &recent.list()[0];
    assert_eq!(shown["status"], "running");
    assert_eq!(shown["flow"], "write_note");
    assert_eq!(shown["request_id"], "r-1");
    assert_eq!(shown["name"], "POST /write-note");
    assert!(shown["duration"].is_null());
    let mut model = span(7, 3, 2, &[("genkit:type", "action")]);
    recent.started(&model);
    model.attributes.push(KeyValue::new("gen_ai.usage.input_tokens", 3));
    model.attributes.push(KeyValue::new("gen_ai.usage.output_tokens", 5));
    recent.ended(&model);
    flow.attributes.push(KeyValue::new("genkit:state", "success"));
    recent.ended(&flow);
    recent.ended(&root);
    let shown = &recent.list()[0];
    assert_eq!(shown["status"], "ok");
    assert_eq!(shown["name"], "span 1");
    assert_eq!(shown["duration"], 10.0);
    assert_eq!((&shown["input_tokens"], &shown["output_tokens"]), (&3.into(), &5.into()));
}

#[test]
fn a_flow_that_failed_or_was_dropped_says_so_of_its_trace() {
    let recent = Recent::default();
    request(&recent, 1);
    assert_eq!(recent.list()[0]["status"], "cancelled", "it has no state");
    let mut flow = span(2, 1, 0, FLOW);
    recent.started(&flow);
    flow.status = Status::error("");
    recent.ended(&flow);
    assert_eq!(recent.list()[0]["status"], "error");
}

#[test]
fn spans_come_after_their_parents_in_the_order_of_their_beginnings() {
    let recent = Recent::default();
    // A span may begin after one that is younger in the list, and a parent may be on another machine.
    let spans = [
        span(7, 1, 99, &[]),
        span(7, 5, 1, FLOW),
        span(7, 2, 1, FLOW),
        span(7, 3, 2, &[]),
        span(7, 6, 5, &[]),
    ];
    for span in &spans {
        recent.started(span);
    }
    let mut failed = spans[3].clone();
    failed.status = Status::error("no answer");
    recent.ended(&failed);
    let shown = recent.trace(&TraceId::from_bytes(7_u128.to_be_bytes()).to_string()).unwrap();
    let spans = shown["spans"].as_array().unwrap();
    let order: Vec<_> =
        spans.iter().map(|it| (it["name"].as_str().unwrap(), it["depth"].as_u64().unwrap())).collect();
    assert_eq!(order, [("span 1", 0), ("span 2", 1), ("span 3", 2), ("span 5", 1), ("span 6", 2)]);
    assert_eq!(spans[2]["start"], 2.0);
    assert_eq!(spans[2]["duration"], 10.0);
    assert_eq!((&spans[2]["status"], &spans[2]["description"]), (&"error".into(), &"no answer".into()));
    assert_eq!(spans[4]["status"], "running");
    assert_eq!(recent.trace("no id"), None);
}

#[test]
fn a_request_without_a_flow_is_forgotten() {
    let recent = Recent::default();
    request(&recent, 1);
    for trace in 2..500 {
        let probe = span(trace, 1, 0, &[]);
        recent.started(&probe);
        recent.ended(&probe);
    }
    // Nor do those push a flow out that have not ended.
    for trace in 500..1000 {
        recent.started(&span(trace, 1, 0, &[]));
    }
    assert_eq!(ids(&recent).len(), 1);
    assert!(recent.traces().len() <= TRACES);
}

#[test]
fn the_oldest_give_way() {
    let recent = Recent::default();
    for trace in 1..=TRACES as u128 + 20 {
        request(&recent, trace);
    }
    let ids = ids(&recent);
    assert_eq!(ids.len(), TRACES);
    assert_eq!(ids[0], format!("{:032x}", TRACES + 20));
    assert_eq!(ids[TRACES - 1], format!("{:032x}", 21));
    // What ends after it has given way is not kept anew.
    recent.ended(&span(1, 1, 0, FLOW));
    assert_eq!(recent.traces().len(), TRACES);
}

#[test]
fn a_trace_has_so_many_spans_and_says_how_many_more_there_were() {
    let recent = Recent::default();
    recent.started(&span(7, 1, 0, FLOW));
    for id in 2..1000 {
        let span = span(7, id, 1, &[]);
        recent.started(&span);
        recent.ended(&span);
    }
    let shown = recent.trace(&format!("{:032x}", 7)).unwrap();
    assert_eq!(shown["spans"].as_array().unwrap().len(), SPANS);
    assert_eq!(shown["dropped"], 999 - SPANS);
}

#[test]
fn what_is_kept_has_a_size() {
    let recent = Recent::default();
    let long = "ä".repeat(200_000);
    for trace in 0..10 {
        for id in 1..100 {
            let mut attributes = FLOW.to_vec();
            attributes.push(("genkit:input", &long));
            let span = span(trace, id, id - 1, &attributes);
            recent.started(&span);
            recent.ended(&span);
        }
    }
    let kept = recent.traces().iter().map(|it| it.size).sum::<usize>();
    assert!(kept <= BYTES && kept > BYTES / 2, "{kept}");
    let shown = recent.trace(&format!("{:032x}", 9)).unwrap().to_string();
    assert!(shown.len() < BYTES && shown.contains("(cut: 400000 bytes in all)"), "{}", shown.len());
}
