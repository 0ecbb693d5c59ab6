//! JSON-RPC 2.0, as version 2 of the protocol uses it.

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::action::Event;
use crate::error::ActionError;
use crate::run::{Request, Runner};

/// Codes of JSON-RPC: a failure of the application's, an unknown method, parameters that are wrong.
const FAILED: i32 = -32000;
const UNKNOWN_METHOD: i32 = -32601;
const WRONG_PARAMETERS: i32 = -32602;

/// A message of the tools.
pub(crate) enum Incoming {
    Asked(Asked),
    /// The answer to a request of ours: a result, or the code of an error.
    Answered {
        id: String,
        result: Result<Value, i64>,
    },
}

/// A request, or a notification, which has no id.
pub(crate) struct Asked {
    id: Option<Value>,
    method: String,
    params: Value,
}

#[derive(Deserialize)]
struct Raw {
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Value,
}

/// Messages on their way out.
type Outgoing = mpsc::Sender<String>;

/// Reads a message, if it is one.
pub(crate) fn read(text: &str) -> Option<Incoming> {
    let raw: Raw = serde_json::from_str(text).ok()?;
    if let Some(method) = raw.method {
        let id = Some(raw.id).filter(|it| !it.is_null());
        return Some(Incoming::Asked(Asked { id, method, params: raw.params }));
    }
    let result = match raw.error {
        Value::Null => Ok(raw.result),
        error => Err(error["code"].as_i64().unwrap_or_default()),
    };
    Some(Incoming::Answered { id: raw.id.as_str()?.to_owned(), result })
}

impl Asked {
    /// Whether the answer is there at once.
    pub(crate) fn is_quick(&self) -> bool {
        self.method != "runAction"
    }

    /// Does what is asked, and says what came of it.
    pub(crate) async fn answer(self, runner: &Runner, out: &Outgoing) {
        let Some(id) = self.id else {
            // Input streams are for actions that there are none of.
            if self.method == "configure" {
                runner.adopt(self.params["telemetryServerUrl"].as_str());
            }
            return;
        };
        let answer = match &*self.method {
            "listActions" => Ok(json!({ "actions": runner.registry.list() })),
            "listValues" => values(runner, &self.params),
            "cancelAction" => cancel(runner, &self.params),
            "runAction" => run(runner, self.params, &id, out).await,
            other => Err(error(UNKNOWN_METHOD, &format!("Method not found: {other}"), None)),
        };
        let message = match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        };
        let _ = out.send(message.to_string()).await;
    }
}

fn values(runner: &Runner, params: &Value) -> Result<Value, Value> {
    let kind = params["type"].as_str().unwrap_or_default();
    let values = runner.registry.values(kind).map(|it| json!({ "values": it }));
    values.ok_or_else(|| {
        let why =
            format!("'type' {kind} is not supported. Only 'defaultModel' and 'middleware' are supported");
        error(WRONG_PARAMETERS, &why, Some(ActionError::invalid(&why).into_json(None)))
    })
}

fn cancel(runner: &Runner, params: &Value) -> Result<Value, Value> {
    if runner.cancel(params["traceId"].as_str().unwrap_or_default()) {
        return Ok(json!({ "message": "Action cancelled" }));
    }
    let missing = ActionError::new(5, "Action not found or already completed");
    Err(failed(WRONG_PARAMETERS, missing, None))
}

async fn run(runner: &Runner, params: Value, id: &Value, out: &Outgoing) -> Result<Value, Value> {
    let request: Request = serde_json::from_value(params)
        .map_err(|error| failed(WRONG_PARAMETERS, ActionError::invalid(error.to_string()), None))?;
    let mut run = runner
        .start(request)
        .map_err(|error| failed(if error.code == 5 { WRONG_PARAMETERS } else { FAILED }, error, None))?;
    tell(out, "runActionState", &json!({ "requestId": id, "state": { "traceId": run.trace } })).await;
    while let Some(event) = run.events.recv().await {
        match event {
            Event::Chunk(chunk) => {
                tell(out, "streamChunk", &json!({ "requestId": id, "chunk": chunk })).await;
            }
            Event::End(Ok(result)) => {
                return Ok(json!({ "result": result, "telemetry": { "traceId": run.trace } }));
            }
            Event::End(Err(error)) => return Err(failed(FAILED, error, Some(&run.trace))),
        }
    }
    Err(failed(FAILED, ActionError::cancelled(), Some(&run.trace)))
}

async fn tell(out: &Outgoing, method: &str, params: &Value) {
    let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
    let _ = out.send(message.to_string()).await;
}

fn failed(code: i32, failure: ActionError, trace: Option<&str>) -> Value {
    let message = failure.message.clone();
    error(code, &message, Some(failure.into_json(trace)))
}

fn error(code: i32, message: &str, data: Option<Value>) -> Value {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    error
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::action::{Action, Call, Registry};

    /// What is said to this message.
    async fn said(message: Value) -> Vec<Value> {
        let registry = Registry::default().with(|| {
            let echo = Action::new("tool", "echo", |call: Call| async move {
                if let Some(chunks) = &call.chunks {
                    chunks.send(json!("é")).await?;
                }
                if call.input.is_null() { Err(ActionError::invalid("no input")) } else { Ok(call.input) }
            });
            vec![echo]
        });
        let runner = Runner::new(registry, None, CancellationToken::new());
        let (send, mut out) = mpsc::channel(16);
        let Some(Incoming::Asked(asked)) = read(&message.to_string()) else { panic!("{message}") };
        asked.answer(&runner, &send).await;
        drop(send);
        let mut said = Vec::new();
        while let Some(text) = out.recv().await {
            said.push(serde_json::from_str(&text).unwrap());
        }
        said
    }

    fn asked(method: &str, params: Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": "2", "method": method, "params": params })
    }

    #[tokio::test]
    async fn a_run_tells_its_trace_then_chunks_then_its_result() {
        let params = json!({"key": "/tool/echo", "input": {"a": 1}, "stream": true, "streamInput": false});
        let said = said(asked("runAction", params)).await;
        let trace = said[0]["params"]["state"]["traceId"].clone();
        assert_eq!(said[0]["method"], "runActionState");
        assert_eq!(said[0]["params"]["requestId"], "2");
        assert_eq!(said[1]["params"], json!({"requestId": "2", "chunk": "é"}));
        assert_eq!(said[2]["id"], "2");
        assert_eq!(said[2]["result"], json!({"result": {"a": 1}, "telemetry": {"traceId": trace}}));
        assert_eq!(said.len(), 3);
    }

    #[tokio::test]
    async fn errors_have_json_rpc_s_code_and_the_action_s() {
        let failed = said(asked("runAction", json!({"key": "/tool/echo"}))).await.pop().unwrap();
        assert_eq!(failed["error"]["code"], FAILED);
        assert_eq!(failed["error"]["data"]["code"], 3);
        assert_eq!(failed["error"]["data"]["details"]["traceId"].as_str().unwrap().len(), 32);
        for (method, params, code, inner) in [
            ("runAction", json!({"key": "/tool/no"}), WRONG_PARAMETERS, json!(5)),
            ("runAction", json!({}), WRONG_PARAMETERS, json!(3)),
            ("cancelAction", json!({"traceId": "x"}), WRONG_PARAMETERS, json!(5)),
            ("listValues", json!({"type": "x"}), WRONG_PARAMETERS, json!(3)),
            ("else", Value::Null, UNKNOWN_METHOD, Value::Null),
        ] {
            let said = said(asked(method, params)).await;
            assert_eq!(said[0]["error"]["code"], code, "{method}");
            assert_eq!(said[0]["error"]["data"]["code"], inner, "{method}");
        }
    }

    #[tokio::test]
    async fn actions_are_listed_without_parameters_and_notifications_get_no_answer() {
        let listed = said(json!({"jsonrpc": "2.0", "id": "7", "method": "listActions"})).await;
        assert_eq!(listed[0]["id"], "7");
        assert_eq!(listed[0]["result"]["actions"]["/tool/echo"]["name"], "echo");
        for method in ["configure", "endInputStream", "else"] {
            let notification = json!({"jsonrpc": "2.0", "method": method, "params": {}});
            assert!(said(notification).await.is_empty());
        }
    }
}
