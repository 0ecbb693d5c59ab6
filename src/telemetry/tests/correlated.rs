//! What the log has for the viewers of platforms.

use flow_edge::edge::observe::UNRECORDED;

use super::*;
use flow_log::Correlation;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The lines of a start, and of two requests: one that is recorded, and one that is not.
fn lines(correlation: Option<Correlation>) -> Vec<Value> {
    let settings = settings(LogFormat::Json, LogFilter::Directives("trace".to_owned()));
    let (dispatch, captured) = dispatch_as(&settings, false, Json::default().with(correlation));
    dispatcher::with_default(&dispatch, || {
        tracing::warn!("started");
        let empty = tracing::field::Empty;
        let span = tracing::error_span!("request", request_id = "r-1", trace_id = empty, span_id = empty);
        span.record("trace_id", TRACE).record("span_id", "00f067aa0ba902b7");
        span.in_scope(|| {
            // A name that looks like one of the two is none.
            let _flow = tracing::info_span!("flow", own_trace_id = "x", user_trace_id = "\"trace_id\":\"y\"");
            tracing::info!("answered");
        });
        let span = tracing::error_span!(
            target: UNRECORDED, "request", request_id = "r-2", trace_id = TRACE, span_id = "00f067aa0ba902b7"
        );
        span.in_scope(|| tracing::trace!("answered"));
        // A request without a trace.
        tracing::error_span!("request", request_id = "r-3").in_scope(|| tracing::error!("failed"));
    });
    captured.objects()
}

/// The members of each line that only this platform has.
fn added(correlation: Option<Correlation>) -> Vec<Value> {
    let plain = lines(None);
    let added = lines(correlation).into_iter().zip(plain).map(|(line, plain)| {
        let (Value::Object(line), Value::Object(plain)) = (line, plain) else { panic!("lines are objects") };
        for name in plain.keys() {
            assert!(line.contains_key(name), "{name} is missing");
        }
        Value::Object(line.into_iter().filter(|(name, _)| !plain.contains_key(name)).collect())
    });
    added.collect()
}

#[test]
fn google_finds_severity_trace_and_span() {
    let trace = format!("projects/p-1/traces/{TRACE}");
    let of = |severity: &str, is_recorded: bool| {
        json!({
            "severity": severity,
            "logging.googleapis.com/trace": trace,
            "logging.googleapis.com/spanId": "00f067aa0ba902b7",
            "logging.googleapis.com/trace_sampled": is_recorded,
        })
    };
    let google = Correlation::Google { project: Some("p-1".to_owned()) };
    assert_eq!(
        added(Some(google)),
        [json!({"severity": "WARNING"}), of("INFO", true), of("DEBUG", false), json!({"severity": "ERROR"})]
    );
}

#[test]
fn without_its_project_a_trace_has_no_name_at_google() {
    let lines = added(Some(Correlation::Google { project: None }));
    assert_eq!(lines[1].get("logging.googleapis.com/trace"), None);
    assert_eq!(lines[1]["logging.googleapis.com/spanId"], "00f067aa0ba902b7");
}

#[test]
fn aws_finds_the_trace_as_x_ray_writes_it() {
    let of_trace = json!({"xray_trace_id": "1-0af76519-16cd43dd8448eb211c80319c"});
    assert_eq!(added(Some(Correlation::Aws)), [json!({}), of_trace.clone(), of_trace, json!({})]);
}
