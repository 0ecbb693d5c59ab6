//! Between wires: streams that are cut, lists of models whose first one fails inside a tool loop, conversations that go on
//! elsewhere. Each server is strict about what it is sent.

use std::sync::Arc;

use flow_models::{ProviderSettings, Providers};
use flow_runtime::message::Message;
use flow_runtime::model::ModelChunk;
use flow_runtime::{Generate, Model, ModelError, Runtime, Tool, ToolError};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::Reply;
use crate::fake::{Fake, Player};

const KEY: &str = "key-of-these";

/// A wire: a model, a call of a tool, an answer, an answer as a stream, and what its server refuses.
struct Wire {
    model: &'static str,
    call: fn(usize) -> Value,
    answer: fn() -> Value,
    stream: fn() -> Vec<String>,
    refuses: fn(&Value) -> Option<String>,
    /// What of a call must come back to the same wire.
    signature: Option<&'static str>,
}

const WIRES: [Wire; 4] = [
    Wire {
        model: "googleai/gemini-3-flash",
        call: gemini_call,
        answer: || gemini(&json!([{ "text": "Clear." }])),
        stream: || {
            let (first, last) = (json!([{ "text": "Cle" }]), json!([{ "text": "ar." }]));
            let mut first = gemini(&first);
            first["candidates"][0].as_object_mut().unwrap().remove("finishReason");
            vec![sse(&first), sse(&gemini(&last))]
        },
        refuses: gemini_refuses,
        signature: Some("c2lnbmF0dXJl"),
    },
    Wire {
        model: "openai/some-model",
        call: |nth| {
            let call = json!({
                "id": format!("call_{nth}"), "type": "function", "function": {"name": "look", "arguments": "{}"}
            });
            json!({"choices": [{"message": {"content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}]})
        },
        answer: || json!({"choices": [{"message": {"content": "Clear."}, "finish_reason": "stop"}]}),
        stream: || {
            let chunk =
                |text: &str| json!({"choices": [{"delta": {"content": text}, "finish_reason": null}]});
            let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
            vec![sse(&chunk("Cle")), sse(&chunk("ar.")), sse(&end)]
        },
        refuses: openai_refuses,
        signature: None,
    },
    Wire {
        model: "anthropic/claude-opus-4-6",
        call: |nth| {
            json!({
                "type": "message",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "Y2xhdWRl"},
                    {"type": "tool_use", "id": format!("toolu_{nth}"), "name": "look", "input": {}},
                ],
                "stop_reason": "tool_use",
            })
        },
        answer: || json!({"type": "message", "content": [{"type": "text", "text": "Clear."}], "stop_reason": "end_turn"}),
        stream: || {
            let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
            vec![
                sse(&json!({"type": "message_start", "message": {}})),
                sse(
                    &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                ),
                sse(&delta("Cle")),
                sse(&delta("ar.")),
                sse(&json!({"type": "content_block_stop", "index": 0})),
                sse(&json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})),
            ]
        },
        refuses: anthropic_refuses,
        signature: Some("Y2xhdWRl"),
    },
    Wire {
        model: "ollama/some-model",
        call: |_| {
            // Without an id.
            let call = json!({"function": {"name": "look", "arguments": {}}});
            json!({"choices": [{"message": {"content": "", "tool_calls": [call]}, "finish_reason": "tool_calls"}]})
        },
        answer: || json!({"choices": [{"message": {"content": "Clear."}, "finish_reason": "stop"}]}),
        stream: || {
            vec![sse(&json!({"choices": [{"delta": {"content": "Clear."}, "finish_reason": "stop"}]}))]
        },
        refuses: openai_refuses,
        signature: None,
    },
];

fn gemini(parts: &Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]})
}

/// The first call with an id that other servers would refuse, the others without any.
fn gemini_call(nth: usize) -> Value {
    let mut call = json!({"name": "look", "args": {}});
    if nth == 1 {
        call["id"] = json!("call#look#0");
    }
    gemini(&json!([{ "functionCall": call, "thoughtSignature": "c2lnbmF0dXJl" }]))
}

fn sse(event: &Value) -> String {
    format!("data: {event}\n\n")
}

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    match value {
        Value::Object(members) => {
            let here = members.get(name).and_then(Value::as_str);
            here.into_iter().chain(members.values().flat_map(|it| texts(it, name))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|it| texts(it, name)).collect(),
        _ => Vec::new(),
    }
}

/// Each call of the turn must be signed, and have its result (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
fn gemini_refuses(asked: &Value) -> Option<String> {
    let contents = asked["contents"].as_array()?;
    let parts = |content: &Value| content["parts"].as_array().cloned().unwrap_or_default();
    for (nth, content) in contents.iter().enumerate() {
        let calls: Vec<_> =
            parts(content).into_iter().filter(|it| it.get("functionCall").is_some()).collect();
        let Some(first) = calls.first() else { continue };
        if first.get("thoughtSignature").is_none() {
            return Some("Function call is missing a thought_signature".into());
        }
        let results = contents.get(nth + 1).map(parts).unwrap_or_default();
        if results.iter().filter(|it| it.get("functionResponse").is_some()).count() != calls.len() {
            return Some("the number of function response parts".into());
        }
    }
    None
}

/// Each result answers a call that is there, and no call stays open (<https://platform.openai.com/docs/api-reference/chat>).
fn openai_refuses(asked: &Value) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    for message in asked["messages"].as_array()? {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str()?;
            let at = open.iter().position(|it| *it == id);
            match at {
                Some(at) => drop(open.remove(at)),
                None => return Some(format!("messages with role 'tool' must answer a call: {id}")),
            }
        } else if !open.is_empty() {
            return Some("an assistant message with 'tool_calls' must be followed by tool messages".into());
        }
        open.extend(
            message["tool_calls"].as_array().into_iter().flatten().filter_map(|it| it["id"].as_str()),
        );
    }
    let known = ["model", "messages", "tools", "stream", "stream_options"];
    let unknown = asked.as_object()?.keys().find(|it| !known.contains(&it.as_str()));
    unknown.map(|it| format!("Unrecognized request argument: {it}"))
}

/// Ids of its own form, turns that alternate, results after their calls (<https://docs.claude.com/en/api/messages>).
fn anthropic_refuses(asked: &Value) -> Option<String> {
    let is_id = |it: &str| {
        !it.is_empty() && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-')
    };
    let messages = asked["messages"].as_array()?;
    for pair in messages.windows(2) {
        if pair[0]["role"] == pair[1]["role"] {
            return Some("roles must alternate".into());
        }
        let ids = |message: &Value, kind: &str, name: &str| -> Vec<String> {
            let blocks = message["content"].as_array().cloned().unwrap_or_default();
            blocks
                .iter()
                .filter(|it| it["type"] == kind)
                .map(|it| it[name].as_str().unwrap().into())
                .collect()
        };
        let (calls, results) = (ids(&pair[0], "tool_use", "id"), ids(&pair[1], "tool_result", "tool_use_id"));
        if calls != results {
            return Some("`tool_use` ids were found without `tool_result` blocks".into());
        }
        if let Some(bad) = calls.iter().find(|it| !is_id(it)) {
            return Some(format!("tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$': {bad}"));
        }
    }
    // Thoughts of others are no thoughts of Claude's.
    texts(asked, "signature")
        .iter()
        .find(|it| **it != "Y2xhdWRl")
        .map(|_| "Invalid `signature` in `thinking`".into())
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, content_type: "application/json".into(), pieces: vec![body.to_string()], headers: vec![] }
}

fn model(name: &str, fake: &Fake) -> Arc<dyn Model> {
    let url = || Some(fake.origin.clone());
    let settings = ProviderSettings {
        gemini_base_url: url(),
        openai_base_url: url(),
        anthropic_base_url: url(),
        ollama_base_url: url(),
        ..ProviderSettings::default()
    };
    Providers::new(settings).unwrap().model(name).unwrap()
}

#[derive(Deserialize, JsonSchema)]
struct NoInput {}

fn look() -> Tool {
    Tool::new("look", "Looks.", |_: NoInput| async { Ok::<_, ToolError>("clear skies") }).unwrap()
}

/// The reason why a strict server would refuse the last request that it got.
fn refused(wire: &Wire, player: &Player) -> Option<String> {
    let asked = player.asked.last().expect("it was asked");
    (wire.refuses)(asked).map(|why| format!("{why}: {asked}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_is_no_answer_wherever_it_is_cut() {
    let fake = Fake::start().await;
    for wire in &WIRES {
        let whole = (wire.stream)().concat();
        // The event that says why it ended is whole from here on.
        let end = whole.trim_end().len();
        let model = model(wire.model, &fake);
        for at in 0..=whole.len() {
            let pieces = vec![whole[..at].to_owned()];
            let reply =
                Reply { status: 200, content_type: "text/event-stream".into(), pieces, headers: vec![] };
            fake.play(KEY, Player::new(&[reply], &[]));
            let request = flow_runtime::model::ModelRequest {
                messages: vec![Message::text(flow_runtime::message::Role::User, KEY)].into(),
                ..Default::default()
            };
            let ended = match model.stream(&request).await {
                Ok(stream) => stream.collect::<Vec<_>>().await.pop().unwrap(),
                Err(error) => Err(error),
            };
            match ended {
                Ok(ModelChunk::Done(answer)) if at >= end => assert_eq!(answer.text(), "Clear."),
                Err(ModelError::Upstream { .. }) if at < end => {}
                other => panic!("{}: cut at {at} of {end}: {other:?}", wire.model),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_with_a_tool_loop_is_sent_what_its_server_takes() {
    for (first, second) in WIRES.iter().flat_map(|a| WIRES.iter().map(move |b| (a, b))) {
        if first.model == second.model {
            continue;
        }
        // The first one fails at once, after one turn with a tool, and after two.
        for turns in 0..3 {
            let (one, other) = (Fake::start().await, Fake::start().await);
            let mut replies: Vec<_> = (1..=turns).map(|nth| reply(200, &(first.call)(nth))).collect();
            replies.push(reply(503, &json!({})));
            one.play(KEY, Player::new(&replies, &[]));
            other.play(KEY, Player::new(&[reply(200, &(second.answer)())], &[]));
            let runtime = Runtime::builder()
                .default_model(model(first.model, &one))
                .fallback(model(second.model, &other))
                .tool(look())
                .build()
                .unwrap();
            let answer = runtime.generate(Generate::new().prompt(KEY).tools(["look"])).await.unwrap();
            let which = format!("{} to {} after {turns}", first.model, second.model);
            assert_eq!((answer.text().as_str(), &*answer.model), ("Clear.", second.model), "{which}");
            assert_eq!(refused(second, &other.player(KEY)), None, "{which}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_was_kept_goes_on_with_any_wire_and_whole_with_its_own() {
    for (first, second) in WIRES.iter().flat_map(|a| WIRES.iter().map(move |b| (a, b))) {
        let (one, other) = (Fake::start().await, Fake::start().await);
        let replies =
            [reply(200, &(first.call)(1)), reply(200, &(first.call)(2)), reply(200, &(first.answer)())];
        one.play(KEY, Player::new(&replies, &[]));
        other.play(KEY, Player::new(&[reply(200, &(second.answer)())], &[]));
        let runtime =
            Runtime::builder().default_model(model(first.model, &one)).tool(look()).build().unwrap();
        let begun = runtime.generate(Generate::new().prompt(KEY).tools(["look"])).await.unwrap();
        let kept = serde_json::to_string(&begun.messages()).unwrap();

        let messages: Vec<Message> = serde_json::from_str(&kept).unwrap();
        let elsewhere = Runtime::builder().default_model(model(second.model, &other)).tool(look()).build();
        let going_on = Generate::new().messages(messages).prompt("And now?").tools(["look"]);
        let answer = elsewhere.unwrap().generate(going_on).await.unwrap();
        let which = format!("{} to {}", first.model, second.model);
        assert_eq!(answer.text(), "Clear.", "{which}");
        let player = other.player(KEY);
        assert_eq!(refused(second, &player), None, "{which}");
        if let (Some(signature), true) = (first.signature, first.model == second.model) {
            let sent = player.asked[0].to_string();
            assert_eq!(sent.matches(signature).count(), 2, "{which}: {sent}");
        }
    }
}
