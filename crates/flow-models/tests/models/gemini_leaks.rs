//! Keys, prompts and upstream bodies stay where they are: not in errors, not in logs. At debug alone a line says why a
//! provider refused a call, in its own words, which may be those of a prompt.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fake_gemini::{FakeGemini, Fault, Reply, UPSTREAM_BODY_MARKER};
use flow_runtime::{Generate, Runtime};
use futures_util::StreamExt as _;
use serde_json::json;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::{KEY, gemini, settings};

const PROMPT: &str = "a prompt nobody else may read";
const ANSWER: &str = "an answer nobody else may read";

/// Collects everything logged on this thread, by anyone, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

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
    fn listen() -> (Self, DefaultGuard) {
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

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

// On one thread the client's own connection tasks log to the same subscriber.
#[tokio::test(flavor = "current_thread")]
async fn nothing_leaks_into_errors_or_logs() {
    let (log, _guard) = Log::listen();
    let fake = FakeGemini::start().await;
    let settings = settings(&fake);
    let mut seen = vec![format!("{settings:?}")];
    let runtime = Runtime::builder().default_model(gemini(settings)).build().unwrap();
    let ask = || Generate::new().system(PROMPT).prompt(PROMPT);
    let replies = || {
        vec![
            Reply::text(ANSWER),
            Fault::api_key_invalid().into(),
            Fault::invalid_argument(PROMPT).into(),
            Fault::resource_exhausted(std::time::Duration::from_secs(1)).into(),
            Fault::internal().into(),
            Reply::html(),
            Reply::malformed_json(),
            Reply::raw(200, "text/event-stream", format!("data: {UPSTREAM_BODY_MARKER}\n\n")),
            Reply::raw(200, "application/json", json!({ "note": UPSTREAM_BODY_MARKER }).to_string()),
            Reply::blocked(UPSTREAM_BODY_MARKER),
            Reply::chunks([ANSWER, ANSWER]).error_after(1, Fault::unavailable()),
            Reply::chunks([ANSWER, ANSWER]).cut_after(1),
        ]
    };
    fake.script(replies());
    for _ in replies() {
        if let Err(error) = runtime.generate(ask()).await {
            seen.push(format!("{error} {error:?}"));
        }
    }
    fake.script(replies());
    for _ in replies() {
        let mut stream = runtime.stream(ask());
        while let Some(event) = stream.next().await {
            if let Err(error) = event {
                seen.push(format!("{error} {error:?}"));
            }
        }
    }
    assert_eq!(fake.unused(), 0);
    seen.push(format!("{runtime:?}"));
    let seen = seen.join("\n");

    let (refusals, logged): (Vec<_>, Vec<_>) = log
        .text()
        .lines()
        .map(str::to_owned)
        .partition(|it| it.contains(" DEBUG ") && it.contains("the provider refused a call"));
    assert!(
        refusals.iter().any(|it| it.contains(PROMPT)) && !refusals.concat().contains(KEY),
        "{refusals:?}"
    );
    let logged = logged.join("\n");
    // The test would prove nothing if the log were deaf.
    assert!(logged.contains("genkit:state") && logged.contains("hyper_util"), "{logged}");
    for secret in [KEY, PROMPT, ANSWER, UPSTREAM_BODY_MARKER] {
        assert!(!logged.contains(secret), "{secret} was logged:\n{logged}");
        assert!(!seen.contains(secret), "{secret} was told:\n{seen}");
    }
}
