//! What must never be seen outside: the key, prompts, what the upstream said.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fake_gemini::UPSTREAM_BODY_MARKER;

/// The provider's key in every server of the suite.
pub const KEY: &str = "FAKE-SECRET-GEMINI-KEY";

/// Part of every prompt whose text must not come back.
pub const PROMPT: &str = "PROMPT-MARKER";

/// All log lines of the run.
#[derive(Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

/// Sends the log of all servers, from debug up for our own code and info for the rest, into memory.
pub fn capture_logs() -> Logs {
    let logs = Logs::default();
    let writer = logs.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(
            "info,flow_edge=debug,flow_runtime=debug,flow_service=debug,genkit=debug,genkit_endpoints=debug",
        )
        .with_writer(move || writer.clone())
        .init();
    // The panics of the suite are on purpose; the default hook would print them.
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("on purpose") {
            eprintln!("{text}");
        }
    }));
    logs
}

/// The first forbidden thing in a text.
pub fn find(text: &str) -> Option<&'static str> {
    let forbidden =
        [(KEY, "the key"), (UPSTREAM_BODY_MARKER, "the upstream's words"), (PROMPT, "the prompt")];
    forbidden.into_iter().find(|(it, _)| text.contains(it)).map(|it| it.1)
}

fn find_key(text: &str) -> Option<&'static str> {
    text.contains(KEY).then_some("the key")
}

/// Whether the log of the whole run is clean, and was there at all.
pub fn check(logs: &Logs) -> Result<(), String> {
    let logs = logs.0.lock().unwrap();
    let text = String::from_utf8_lossy(&logs);
    if !text.contains("answered") {
        return Err("the log was not captured".into());
    }
    // At debug one line says why the provider refused, in the provider's words. It holds no key.
    let tells_why = |line: &str| line.contains(" DEBUG ") && line.contains("the provider refused a call");
    let leak = |line: &str| if tells_why(line) { find_key(line) } else { find(line) };
    match text.lines().find_map(|line| leak(line).map(|what| format!("a log line holds {what}: {line}"))) {
        Some(leak) => Err(leak),
        None => Ok(()),
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
