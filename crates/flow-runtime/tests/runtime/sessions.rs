//! Conversations that go on from call to call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::message::{Message, Part, Role, ToolRequest};
use flow_runtime::{
    Generate, ModelError, OutputSpec, Runtime, Session, SessionKey, SessionSettings, SessionStore, Sessions,
    Tool, ToolError,
};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};
use tokio::time::advance;

use crate::scripted::{Scripted, answer, text};

fn runtime(model: &Arc<Scripted>, settings: SessionSettings) -> Runtime {
    Runtime::builder().default_model(model.clone()).sessions(Sessions::new(settings)).build().unwrap()
}

fn asked(session: &Session, question: &str) -> Generate {
    Generate::new().system("Be brief.").prompt(question).session(session.clone())
}

/// What the model was asked last.
fn heard(model: &Scripted) -> Vec<String> {
    model.asked.lock().unwrap().last().unwrap().messages.iter().map(Message::joined_text).collect()
}

fn said(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::joined_text).collect()
}

#[tokio::test]
async fn a_call_hears_what_was_said_before_and_its_instructions_once() {
    let model = Scripted::new(["one", "two", "three", "four"].map(text));
    let runtime = runtime(&model, SessionSettings::default());
    let session = runtime.session("a");
    runtime.generate(asked(&session, "1?")).await.unwrap();
    let events: Vec<_> = runtime.stream(asked(&session, "2?")).collect().await;
    assert!(events.iter().all(Result::is_ok), "{events:?}");
    assert_eq!(heard(&model), ["Be brief.", "1?", "one", "2?"]);
    // Examples are said again, before what was said, and are not kept.
    let example = [Message::text(Role::User, "0?"), Message::text(Role::Model, "zero")];
    let request = Generate::new().messages(example).prompt("3?").session(session.clone());
    // `prompt` adds to the user's last message, and the example ends with the model's.
    runtime.generate(request).await.unwrap();
    assert_eq!(heard(&model), ["0?", "zero", "1?", "one", "2?", "two", "3?"]);
    assert_eq!(said(&session.messages().await), ["1?", "one", "2?", "two", "3?", "three"]);

    let others = runtime.clone().with_tenant(*b"tenant").session("a");
    assert!(others.messages().await.is_empty());
    session.forget().await;
    runtime.generate(asked(&session, "4?")).await.unwrap();
    assert_eq!(heard(&model), ["Be brief.", "4?"]);
}

#[tokio::test]
async fn a_call_that_fails_leaves_the_conversation_as_it_was() {
    let model = Scripted::new([text("one"), text(" "), text("")]);
    let runtime = runtime(&model, SessionSettings::default());
    let session = runtime.session("a");
    runtime.generate(asked(&session, "1?")).await.unwrap();
    assert!(matches!(runtime.generate(asked(&session, "2?")).await, Err(ModelError::Malformed { .. })));
    assert!(runtime.stream(asked(&session, "3?")).any(|it| async move { it.is_err() }).await);
    assert_eq!(said(&session.messages().await), ["1?", "one"]);
}

#[tokio::test]
async fn what_was_objected_to_is_not_kept() {
    let model = Scripted::new([text("no JSON"), text(r#"{"item": "tea"}"#)]);
    let runtime = runtime(&model, SessionSettings::default());
    let session = runtime.session("a");
    let schema = json!({"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]});
    let spec = OutputSpec::<Order>::new("Order", schema).unwrap();
    runtime.generate_as(asked(&session, "What?"), &spec).await.unwrap();
    assert_eq!(said(&session.messages().await), ["What?", r#"{"item": "tea"}"#]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_has_a_lifetime_and_a_size() {
    let model = Scripted::new((0..20).map(|it| text(&it.to_string())));
    let settings =
        SessionSettings { ttl: Duration::from_mins(1), max_turns: 3, ..SessionSettings::default() };
    let runtime = runtime(&model, settings);
    let session = runtime.session("a");
    for nth in 0..5 {
        runtime.generate(asked(&session, &format!("{nth}?"))).await.unwrap();
        advance(Duration::from_secs(50)).await;
    }
    assert_eq!(said(&session.messages().await), ["2?", "2", "3?", "3", "4?", "4"]);
    advance(Duration::from_secs(11)).await;
    assert!(session.messages().await.is_empty());
    runtime.generate(asked(&session, "5?")).await.unwrap();
    assert_eq!(said(&session.messages().await), ["5?", "5"]);

    let small = SessionSettings { max_bytes: 200, ..SessionSettings::default() };
    let runtime = crate::sessions::runtime(&model, small);
    let session = runtime.session("a");
    for question in ["a?", "b?", "c?"] {
        runtime.generate(asked(&session, question)).await.unwrap();
    }
    assert_eq!(said(&session.messages().await), ["b?", "7", "c?", "8"]);
    runtime.generate(asked(&session, &"long?".repeat(100))).await.unwrap();
    assert_eq!(said(&session.messages().await), ["b?", "7", "c?", "8"], "a turn beyond the bound");
}

#[tokio::test]
async fn two_calls_at_once_both_leave_their_turn() {
    let model = Scripted::new((0..8).map(|_| text("yes")));
    let runtime = runtime(&model, SessionSettings::default());
    let session = runtime.session("a");
    let calls = (0..8).map(|nth| runtime.generate(asked(&session, &format!("{nth}?"))));
    futures_util::future::try_join_all(calls).await.unwrap();
    assert_eq!(session.messages().await.len(), 16);
}

#[derive(Deserialize, JsonSchema)]
struct Order {
    #[expect(dead_code, reason = "only its shape counts")]
    item: String,
}

#[tokio::test]
async fn a_tool_that_waits_is_answered_in_the_next_call_or_told_that_nobody_did() {
    let call =
        || ToolRequest { name: "buy".into(), reference: Some("1".into()), input: json!({"item": "tea"}) };
    let turn = || answer(vec![Part::ToolRequest { tool_request: call(), metadata: Map::new() }]);
    let buy =
        Tool::new("buy", "Buys.", |_: Order| async { Err::<(), _>(ToolError::Interrupt(json!("really?"))) });
    let model = Scripted::new([turn(), text("Bought."), turn(), text("Never mind.")]);
    let runtime = Runtime::builder().default_model(model.clone()).tool(buy.unwrap()).build().unwrap();
    let session = runtime.session("a");

    let waiting = runtime.generate(asked(&session, "Tea.").tools(["buy"])).await.unwrap();
    assert_eq!(waiting.interrupts().count(), 1);
    let answered = Generate::new().tools(["buy"]).session(session.clone()).answer(&call(), "yes");
    assert_eq!(runtime.generate(answered).await.unwrap().text(), "Bought.");
    let roles: Vec<_> = session.messages().await.iter().map(|it| it.role).collect();
    assert_eq!(roles, [Role::User, Role::Model, Role::Tool, Role::Model]);

    runtime.generate(asked(&session, "More tea.").tools(["buy"])).await.unwrap();
    runtime.generate(asked(&session, "What is the time?")).await.unwrap();
    let asked = model.asked.lock().unwrap().pop().unwrap();
    let [.., waited, results, _] = &asked.messages[..] else { panic!("{asked:?}") };
    assert_eq!((waited.role, results.role), (Role::Model, Role::Tool));
    assert!(
        matches!(&results.content[0], Part::ToolResponse { tool_response } if tool_response.output["error"] == "nobody answered")
    );
}

/// A store that does not answer, or holds what nobody wrote.
#[derive(Debug)]
struct Broken(Option<&'static str>);

#[async_trait]
impl SessionStore for Broken {
    async fn turns(&self, _: &SessionKey) -> Option<Vec<Arc<str>>> {
        Some(vec![self.0?.into()])
    }

    async fn add(&self, _: &SessionKey, _: &Arc<str>, _: &SessionSettings) {}

    async fn remove(&self, _: &SessionKey) {}
}

#[tokio::test]
async fn a_store_that_is_gone_or_damaged_costs_no_call() {
    for (holds, kept) in [(None, 2), (Some("{"), 0)] {
        let model = Scripted::new([text("one"), text("two")]);
        let sessions = Sessions::default().with_shared(Arc::new(Broken(holds)));
        let runtime = Runtime::builder().default_model(model.clone()).sessions(sessions).build().unwrap();
        let session = runtime.session("a");
        runtime.generate(asked(&session, "1?")).await.unwrap();
        runtime.generate(asked(&session, "2?")).await.unwrap();
        assert_eq!(heard(&model).len(), kept + 2);
    }
}
