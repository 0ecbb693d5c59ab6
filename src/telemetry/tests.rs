//! What the lines look like.

mod choice;
mod correlated; // eject: telemetry

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, dispatcher};

use crate::settings::{LogFilter, LogFormat, LogSettings, Spans};
use flow_log::Json;

/// Each write, apart.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|line| String::from_utf8(line.clone()).unwrap()).collect()
    }

    fn objects(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

fn settings(format: LogFormat, filter: LogFilter) -> LogSettings {
    LogSettings { format: Some(format), filter, color: true }
}

fn dispatch(settings: &LogSettings, is_terminal: bool) -> (Dispatch, Captured) {
    dispatch_as(settings, is_terminal, Json::default())
}

fn dispatch_as(settings: &LogSettings, is_terminal: bool, json: Json) -> (Dispatch, Captured) {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber =
        crate::telemetry::subscriber(settings, false, is_terminal, Spans::Off, json, move || writer.clone())
            .expect("the filter is good");
    (Dispatch::new(subscriber), captured)
}

fn captured(format: LogFormat, run: impl FnOnce()) -> Captured {
    let settings = settings(format, LogFilter::Directives("trace".to_owned()));
    let (dispatch, captured) = dispatch(&settings, false);
    dispatcher::with_default(&dispatch, run);
    captured
}

fn only(captured: &Captured) -> Value {
    let mut objects = captured.objects();
    assert_eq!(objects.len(), 1, "{objects:?}");
    objects.remove(0)
}

#[test]
fn an_event_is_one_object_written_at_once_with_its_fields_at_the_top() {
    let captured = captured(LogFormat::Json, || {
        tracing::warn!(
            target: "flow_edge::edge", status = 503, share = 0.5, hit = true, nan = f64::NAN,
            path = "/chat", seen = ?Some(1), "over {}", "there"
        );
    });
    let mut line = only(&captured);
    let timestamp = line["timestamp"].take();
    let timestamp = timestamp.as_str().unwrap();
    assert_eq!(timestamp.len(), "2026-11-24T01:02:03.456789Z".len());
    assert!(timestamp.ends_with('Z') && timestamp.as_bytes()[10] == b'T', "{timestamp}");
    assert_eq!(
        line,
        json!({
            "timestamp": null, "level": "WARN", "target": "flow_edge::edge", "message": "over there",
            "status": 503, "share": 0.5, "hit": true, "nan": null, "path": "/chat", "seen": "Some(1)",
        })
    );
    assert_eq!(captured.lines()[0].matches('\n').count(), 1);
}

#[test]
fn whole_numbers_of_every_size_are_numbers() {
    let captured = captured(LogFormat::Json, || {
        tracing::info!(small = 1_u8, negative = -1_i128, duration_ms = 149_u128, "counted");
    });
    let line = only(&captured);
    assert_eq!(
        [&line["small"], &line["negative"], &line["duration_ms"]],
        [&json!(1), &json!(-1), &json!(149)]
    );
}

#[test]
fn every_span_field_is_at_the_top_and_the_nearest_one_wins() {
    let captured = captured(LogFormat::Json, || {
        let root = tracing::info_span!("request", request_id = "r-1", flow = "outer", step = 1, status = 0);
        let _root = root.enter();
        let _leaf = tracing::info_span!("flow", flow = "inner", step = 2).entered();
        tracing::info!(step = 3, "done");
    });
    let line = only(&captured);
    assert_eq!(line["request_id"], "r-1");
    assert_eq!(line["flow"], "inner");
    assert_eq!(line["step"], 3);
    assert_eq!(line["status"], 0);
    assert_eq!(captured.lines()[0].matches("\"step\"").count(), 1);
}

#[test]
fn a_field_recorded_later_appears_and_replaces_the_earlier_value() {
    let captured = captured(LogFormat::Json, || {
        let span = tracing::info_span!("request", status = tracing::field::Empty, tries = 1);
        let _entered = span.enter();
        tracing::info!("before");
        span.record("status", 200).record("tries", 2);
        tracing::info!("after");
    });
    let lines = captured.objects();
    assert_eq!(lines[0].get("status"), None);
    assert_eq!((&lines[1]["status"], &lines[1]["tries"]), (&json!(200), &json!(2)));
}

#[test]
fn a_value_cannot_forge_a_line_in_json() {
    let evil = "a\r\n{\"level\":\"ERROR\"}\u{1b}[2J\u{0}\"\\";
    let captured = captured(LogFormat::Json, || {
        let _span = tracing::info_span!("request", agent = evil, client = %evil).entered();
        tracing::info!(path = evil, shown = %evil, "got {evil}");
    });
    let line = only(&captured);
    assert_eq!((&line["agent"], &line["client"]), (&json!(evil), &json!(evil)));
    assert_eq!(line["path"], evil);
    assert_eq!(line["shown"], evil);
    assert_eq!(line["message"], format!("got {evil}"));
    assert!(!captured.lines()[0].trim_end_matches('\n').contains(char::is_control));
}

#[test]
fn a_value_cannot_forge_a_line_or_move_the_cursor_on_the_console() {
    let evil = "a\r\n12:00 ERROR\u{1b}[2J\u{202e}\u{9b}b";
    let captured = captured(LogFormat::Console, || {
        let _span = tracing::info_span!("request", agent = evil).entered();
        tracing::info!(path = evil, debug = ?evil, "got it");
    });
    let lines = captured.lines();
    assert_eq!(lines.len(), 1);
    let line = lines[0].strip_suffix('\n').unwrap();
    assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line}");
    assert_eq!(line.matches(r"a\r\n12:00 ERROR\u{1b}[2J\u{202e}\u{9b}b").count(), 3, "{line}");
}

#[test]
fn only_a_terminal_gets_colours() {
    for is_terminal in [true, false] {
        let settings = settings(LogFormat::Console, LogFilter::Level(LevelFilter::INFO));
        let (dispatch, captured) = dispatch(&settings, is_terminal);
        dispatcher::with_default(&dispatch, || tracing::info!("hello"));
        assert_eq!(captured.lines()[0].contains('\u{1b}'), is_terminal);
    }
}

#[test]
fn the_format_nobody_chose_depends_on_debug_and_the_terminal() {
    for (debug, is_terminal, json) in [(false, false, true), (true, false, false), (false, true, false)] {
        let captured = Captured::default();
        let writer = captured.clone();
        let settings =
            LogSettings { format: None, filter: LogFilter::Level(LevelFilter::INFO), color: false };
        let subscriber = crate::telemetry::subscriber(
            &settings,
            debug,
            is_terminal,
            Spans::Off,
            Json::default(),
            move || writer.clone(),
        )
        .unwrap();
        dispatcher::with_default(&Dispatch::new(subscriber), || tracing::info!("hello"));
        assert_eq!(captured.lines()[0].starts_with('{'), json);
    }
}

#[test]
fn no_field_takes_the_name_of_a_member_that_every_line_has() {
    let captured = captured(LogFormat::Json, || {
        let _span = tracing::info_span!("s", target = "door", message = "from the span").entered();
        tracing::info!(level = 9, "hello");
    });
    let line = only(&captured);
    assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("hello")));
    assert_ne!(line["target"], "door");
    for member in ["level", "target", "message"] {
        assert_eq!(captured.lines()[0].matches(&format!("\"{member}\":")).count(), 1);
    }
}

#[test]
fn concurrent_requests_keep_their_ids_and_their_lines_apart() {
    let settings = settings(LogFormat::Json, LogFilter::Directives("trace".to_owned()));
    let (dispatch, captured) = dispatch(&settings, false);
    thread::scope(|scope| {
        for worker in 0..4 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                dispatcher::with_default(&dispatch, || {
                    for call in 0..50 {
                        let id = format!("{worker}-{call}");
                        let span = tracing::info_span!("request", request_id = id);
                        let _entered = span.enter();
                        tracing::info!(expected = id, "hello");
                    }
                });
            });
        }
    });
    let lines = captured.objects();
    assert_eq!(lines.len(), 200);
    assert!(lines.iter().all(|line| line["request_id"] == line["expected"]));
}

#[test]
fn a_record_of_the_log_crate_keeps_its_target() {
    let captured = captured(LogFormat::Json, || {
        let record = tracing_log::log::Record::builder()
            .target("actor")
            .level(tracing_log::log::Level::Warn)
            .args(format_args!("slow"))
            .file(Some("a.rs"))
            .build();
        tracing_log::format_trace(&record).unwrap();
    });
    let mut line = only(&captured);
    line["timestamp"].take();
    assert_eq!(line, json!({"timestamp": null, "level": "WARN", "target": "actor", "message": "slow"}));
}
