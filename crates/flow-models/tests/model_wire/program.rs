//! Cases for the whole program, over HTTP.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Process;
use serde_json::Value;

use crate::case::{Case, Outcome, Want};
use crate::fake::{Fake, Player};

/// What an answer over HTTP was.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
    frames: Vec<Value>,
}

pub(crate) async fn play(cases: Vec<Case>) -> Outcome {
    let program = program();
    let fake = Fake::start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut outcome = Outcome::default();
    for (nth, case) in cases.iter().enumerate() {
        let server = start(&program, case, &fake.origin);
        let url = |path: &str| format!("http://{}{path}", server.address);
        let key = format!("key-{nth}-of-a-case");
        fake.play(&key, Player::new(&case.replies, &case.strict));
        let mut faults = Vec::new();
        for _ in 0..case.repeat.unwrap_or(1) {
            let answer = ask(&client, &url(&case.path), &case.input(&key)).await;
            faults = judge(&case.want, &answer, fake.player(&key).asked.len());
        }
        if let Some(then) = &case.then {
            let key = format!("then-{key}");
            let mut next = case.clone();
            next.path = then.path.clone().unwrap_or(next.path);
            next.field = then.field.clone().or(next.field);
            let replies = then.replies.clone().unwrap_or(next.replies.clone());
            fake.play(&key, Player::new(&replies, &next.strict));
            let answer = ask(&client, &url(&next.path), &next.input(&key)).await;
            let more = judge(&then.want, &answer, fake.player(&key).asked.len());
            faults.extend(more.into_iter().map(|it| format!("then: {it}")));
        }
        outcome.add(case, faults);
    }
    outcome
}

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The program of this workspace, as `cargo build` makes it.
fn program() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--message-format", "json-render-diagnostics"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).unwrap();
    let mut built = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    built.next_back().expect("a workspace with a program")
}

fn start(program: &Path, case: &Case, origin: &str) -> Process {
    let breaker = if case.repeat.is_some() { "true" } else { "false" };
    let environment = [
        ("MODEL", case.model.as_str()),
        ("CB_ENABLED", breaker),
        ("RATE_LIMIT_DEFAULT", "1000000/second"),
        ("NO_GRPC", "true"), // eject: grpc
        ("GEMINI_API_KEY", "k"),
        ("OPENAI_API_KEY", "k"),
        ("ANTHROPIC_API_KEY", "k"),
        ("GEMINI_BASE_URL", origin),
        ("OPENAI_BASE_URL", origin),
        ("ANTHROPIC_BASE_URL", origin),
        ("OLLAMA_BASE_URL", origin),
    ];
    Process::start(program, &[], &environment)
}

async fn ask(client: &reqwest::Client, url: &str, input: &Value) -> Answer {
    let response = client.post(url).json(input).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.unwrap();
    let data = body.lines().filter_map(|it| it.strip_prefix("data:"));
    let frames = data.filter_map(|it| serde_json::from_str(it.trim()).ok()).collect();
    Answer { status, headers, body, frames }
}

/// Every way in which an answer is not what is wanted.
fn judge(want: &Want, answer: &Answer, calls: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    let status = want.status.unwrap_or(200);
    check(answer.status == status, format!("status {} and not {status}: {}", answer.status, answer.body));
    let chunks: Vec<_> = answer.frames.iter().filter_map(|it| it["chunk"].as_str()).collect();
    let last = answer.frames.last().cloned().unwrap_or_default();
    if let Some(text) = &want.text {
        check(chunks.concat() == *text, format!("the chunks are {chunks:?}"));
    }
    if let Some(wanted) = &want.last {
        // A frame may say more, such as who asked.
        let has_all = wanted.as_object().unwrap().iter().all(|(name, value)| last[name] == *value);
        check(has_all, format!("the last frame is {last}"));
    }
    if want.last_done {
        check(last["done"] == true, format!("the last frame is {last}"));
    }
    if let Some(status) = want.last_error {
        let found = &last["error"]["status"];
        check(*found == status, format!("the last frame is {last}"));
    }
    if let Some(least) = want.chunks_at_least {
        check(chunks.len() >= least, format!("the chunks are {chunks:?}"));
    }
    if let Some(wanted) = want.calls {
        check(calls == wanted, format!("{calls} calls of the model"));
    }
    if let Some(header) = &want.header {
        check(answer.headers.contains_key(header), format!("no header {header}"));
    }
    for text in &want.has {
        check(answer.body.contains(text.as_str()), format!("no {text:?} in {}", answer.body));
    }
    for text in &want.hasnt {
        check(!answer.body.contains(text.as_str()), format!("{text:?} in {}", answer.body));
    }
    faults
}
