//! `flow run`: runs a flow from the command line, without a server.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use flow_edge::{Body, Envelope, ErrorKind, FlowError, NamedFlows, RequestContext};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use crate::settings::{FlowRun, Settings};
use crate::start;

/// The input is at fault (`EX_DATAERR` of sysexits.h).
const DATA: u8 = 65;

/// Prints the result of a flow as JSON. With `--stream` its chunks come first, as they come: text as it is, what is known
/// so far of an object one a line.
///
/// Exit code 64: the arguments are wrong. 65: no such flow, an input that is not valid, or content that the model refused
/// before its answer began. 1: every other failure.
#[expect(clippy::print_stderr, reason = "this is a program's output")]
pub fn run(settings: &Settings, arguments: &FlowRun) -> ExitCode {
    match try_run(settings, arguments) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("error: {}", told(&error));
            ExitCode::from(if error.kind.row().http < 500 { DATA } else { 1 })
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The outer error is a failure of this program, the inner one is the flow's.
fn try_run(settings: &Settings, arguments: &FlowRun) -> anyhow::Result<Result<(), FlowError>> {
    let app = start::app(settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut ctx = RequestContext::detached();
        ctx.deadline = Instant::now() + settings.edge.request_timeout;
        let envelope = Envelope::new(arguments.input.clone(), arguments.stream);
        match app.flows.call(&ctx, &arguments.name, envelope).await {
            Ok(reply) => print(reply.0.into_body()).await,
            Err(error) => Ok(Err(error)),
        }
    })
}

/// Prints what came: a result, or chunks and then one of both.
async fn print(body: Body) -> anyhow::Result<Result<(), FlowError>> {
    let mut events = match body {
        Body::Whole(bytes) => return show(&serde_json::from_slice::<Value>(&bytes)?["result"]),
        Body::Events(events) => events,
    };
    let mut text = Vec::new();
    while let Some(bytes) = events.next().await {
        text.extend_from_slice(&bytes);
        // A frame ends with an empty line; a heartbeat may come before it.
        let Some(frame) = text.strip_suffix(b"\n\n") else { continue };
        let frame: Value =
            serde_json::from_slice(frame.trim_ascii_start().strip_prefix(b"data:").unwrap_or(frame))?;
        text.clear();
        match frame.get("message") {
            Some(Value::String(chunk)) => out(chunk)?,
            Some(known) => out(&format!("{known}\n"))?,
            None => {
                out("\n")?;
                if let Some(result) = frame.get("result") {
                    return show(result);
                }
                let detail = frame["error"]["message"].as_str().unwrap_or_default().to_owned();
                return Ok(Err(FlowError::new(ErrorKind::BadGateway, detail)));
            }
        }
    }
    anyhow::bail!("the stream ended without a result")
}

fn show(result: &Value) -> anyhow::Result<Result<(), FlowError>> {
    out(&format!("{result:#}\n"))?;
    Ok(Ok(()))
}

fn out(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // A reader that leaves early, as `head` does, is no failure of ours.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("stdout"),
        _ => Ok(()),
    }
}

/// All that a client would be told.
fn told(error: &FlowError) -> String {
    let faults = error.violations.iter().map(|it| format!("\n  {}: {}", it.pointer, it.detail));
    format!("{}{}", error.detail, faults.collect::<String>())
}
