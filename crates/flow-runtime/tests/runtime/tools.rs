//! Tools that know the request, belong to it, or wait for somebody; and conversations that are kept.

use flow_runtime::message::{Message, Part, Role, ToolRequest};
use flow_runtime::model::FinishReason;
use flow_runtime::{Generate, ModelError, Runtime, Tool, ToolContext, ToolError};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::scripted::{Scripted, answer, text};

#[derive(Deserialize, JsonSchema)]
struct Order {
    item: String,
}

/// Who asks, as an application tells its tools.
#[derive(Clone)]
struct Caller(&'static str);

fn call(name: &str, reference: &str, item: &str) -> Part {
    let tool_request =
        ToolRequest { name: name.into(), reference: Some(reference.into()), input: json!({ "item": item }) };
    Part::ToolRequest { tool_request, metadata: Map::new() }
}

fn outputs(message: &Message) -> Vec<Value> {
    let output = |part: &Part| match part {
        Part::ToolResponse { tool_response } => tool_response.output.clone(),
        other => panic!("{other:?}"),
    };
    message.content.iter().map(output).collect()
}

fn who() -> Tool {
    Tool::with_context("who", "Says who asks.", |ctx: ToolContext, order: Order| async move {
        let caller = ctx.get::<Caller>().map_or("nobody", |it| it.0);
        Ok::<_, ToolError>(format!("{caller} wants {}, {}", order.item, ctx.deadline.is_some()))
    })
    .unwrap()
}

/// Asks a person for everything that is dear.
fn buy() -> Tool {
    Tool::new("buy", "Buys.", |order: Order| async move {
        if order.item == "a house" {
            return Err(ToolError::Interrupt(json!({ "really": order.item })));
        }
        Ok(format!("bought {}", order.item))
    })
    .unwrap()
}

#[tokio::test]
async fn a_tool_knows_who_asks_and_when_the_answer_is_due() {
    let model = Scripted::new([answer(vec![call("who", "1", "tea")]), text("Done.")]);
    let runtime = Runtime::builder().default_model(model.clone()).tool(who()).build().unwrap();
    let of_the_request = runtime
        .clone()
        .with_state(Caller("Ada"))
        .with_deadline(tokio::time::Instant::now() + crate::actor::SECOND);
    of_the_request.generate(Generate::new().prompt("Tea?").tools(["who"])).await.unwrap();
    let asked = model.asked.lock().unwrap().pop().unwrap();
    assert_eq!(outputs(asked.messages.last().unwrap()), [json!("Ada wants tea, true")]);

    let model = Scripted::new([answer(vec![call("who", "1", "tea")]), text("Done.")]);
    let runtime = Runtime::builder().default_model(model.clone()).build().unwrap();
    // A tool of this request alone, with a value of this request alone.
    let request = Generate::new().prompt("Tea?").tool(who()).state(Caller("Bob"));
    runtime.clone().with_state(Caller("Ada")).generate(request).await.unwrap();
    let asked = model.asked.lock().unwrap().pop().unwrap();
    assert_eq!(outputs(asked.messages.last().unwrap()), [json!("Bob wants tea, false")]);
}

#[tokio::test]
async fn a_tool_that_waits_for_a_person_ends_the_call_and_its_answer_goes_on_with_it() {
    let turn = answer(vec![call("buy", "1", "tea"), call("buy", "2", "a house")]);
    let model = Scripted::new([turn.clone(), text("You have both.")]);
    let runtime = Runtime::builder().default_model(model.clone()).tool(buy()).build().unwrap();
    let asked = Generate::new().prompt("Tea and a house.").tools(["buy"]);
    let waiting = runtime.generate(asked.clone()).await.unwrap();
    assert_eq!(waiting.finish_reason, FinishReason::Interrupted);
    let interrupts: Vec<_> = waiting.interrupts().collect();
    let [(house, question)] = interrupts[..] else { panic!("{interrupts:?}") };
    assert_eq!((house.reference.as_deref(), question), (Some("2"), &json!({"really": "a house"})));

    // It can be kept, as JSON, until the person has answered.
    let kept = serde_json::to_string(&waiting.messages()).unwrap();
    let messages: Vec<Message> = serde_json::from_str(&kept).unwrap();
    let going_on = Generate::new().messages(messages.clone()).tools(["buy"]).answer(house, "yes, buy it");
    assert_eq!(runtime.generate(going_on).await.unwrap().text(), "You have both.");
    let asked_then = model.asked.lock().unwrap().pop().unwrap();
    assert_eq!(outputs(asked_then.messages.last().unwrap()), [json!("bought tea"), json!("yes, buy it")]);

    let unknown = ToolRequest { reference: Some("9".into()), ..house.clone() };
    let wrong = Generate::new().messages(messages).answer(&unknown, "yes");
    let error = runtime.generate(wrong).await.unwrap_err();
    assert_eq!(error, ModelError::internal("the tool buy still waits for an answer"));
    let nobody_waits = Generate::new().prompt("Hi.").answer(house, "yes");
    assert!(runtime.generate(nobody_waits).await.is_err());

    let model = Scripted::new([turn]);
    let runtime = Runtime::builder().default_model(model).tool(buy()).build().unwrap();
    let events: Vec<_> = runtime.stream(asked).collect().await;
    let Some(Ok(flow_runtime::ModelEvent::Done(done))) = events.last() else { panic!("{events:?}") };
    assert_eq!(done.interrupts().count(), 1);
}

#[tokio::test]
async fn an_answer_gives_its_conversation_back_and_it_goes_on_elsewhere() {
    let turn = answer(vec![call("buy", "1", "tea")]);
    let model = Scripted::new([turn.clone(), text("Here is tea.")]);
    let runtime = Runtime::builder().default_model(model).tool(buy()).build().unwrap();
    let first = runtime.generate(Generate::new().system("Be kind.").prompt("Tea.").tools(["buy"])).await;
    let first = first.unwrap();
    let roles: Vec<_> = first.messages().iter().map(|it| it.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Model, Role::Tool, Role::Model]);

    let kept = serde_json::to_string(&first.messages()).unwrap();
    let model = Scripted::new([text("You had tea.")]);
    let elsewhere = Runtime::builder().default_model(model.clone()).build().unwrap();
    let messages: Vec<Message> = serde_json::from_str(&kept).unwrap();
    elsewhere.generate(Generate::new().messages(messages).prompt("What did I have?")).await.unwrap();
    let asked = model.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked.messages[..5], first.messages());
    assert_eq!(asked.messages[5].joined_text(), "What did I have?");
}
