//! The spans that a trace of a flow is made of.

use std::io::Write;
use std::sync::{Arc, Mutex};

use flow_runtime::message::{Part, ToolRequest};
use flow_runtime::{Generate, ModelError, Runtime, Tool, ToolError, step};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::scripted::{Scripted, answer, text};

/// Collects everything logged on this thread, by anyone, at every level, but for what goes in and comes out.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens until the guard is dropped.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("trace,flow_content=off")
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// The spans that were closed, outermost last, each with what was recorded in it.
fn closed(log: &Log) -> Vec<String> {
    let text = log.text();
    let lines = text.lines().filter(|line| line.contains("flow_trace: close"));
    let span = |line: &str| {
        let (_, spans) = line.split_once("TRACE ").or_else(|| line.split_once("INFO "))?;
        let (spans, _) = spans.split_once(": flow_trace: close")?;
        Some(spans.trim().to_owned())
    };
    lines.filter_map(span).map(|it| without_time(&it)).collect()
}

/// No two runs take the same time.
fn without_time(span: &str) -> String {
    const TIME: &str = "time_to_first_chunk=";
    let Some((before, after)) = span.split_once(TIME) else { return span.to_owned() };
    let (_, after) = after.split_once(' ').unwrap();
    format!("{before}{TIME}… {after}")
}

#[tokio::test(flavor = "current_thread")]
async fn steps_models_and_tools_have_spans_and_tell_how_they_ended() {
    let tool = Tool::new("look", "Looks.", |_: Nothing| async { Ok::<_, ToolError>("nothing") }).unwrap();
    let call = ToolRequest { name: "look".into(), reference: None, input: json!({}) };
    let turns =
        [answer(vec![Part::ToolRequest { tool_request: call, metadata: Map::new() }]), text("nothing")];
    let model = Scripted::new(turns.clone().into_iter().chain(turns));
    let runtime = Runtime::builder().default_model(model).tool(tool).build().unwrap();
    let (log, _guard) = Log::listen();
    let request = || Generate::new().prompt("Hello.").tools(["look"]);
    step("sanitize-input", async { runtime.generate(request()).await }).await.unwrap();
    runtime.stream(request()).for_each(|event| async { drop(event.unwrap()) }).await;
    step("fail", async { Err::<(), _>(ModelError::Timeout) }).await.unwrap_err();
    insta::assert_snapshot!(closed(&log).join("\n"));
}
