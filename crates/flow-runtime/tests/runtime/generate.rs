//! The loop around a model call, with a model that says what it is told to.

use std::sync::Arc;
use std::time::Duration;

use flow_runtime::message::{Part, Role, ToolRequest};
use flow_runtime::model::{FinishReason, ModelConfig, Usage};
use flow_runtime::{Generate, ModelError, ModelEvent, ModelResponse, OutputSpec, Runtime, Tool, ToolError};
use futures_util::{StreamExt as _, TryStreamExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::scripted::{Scripted, answer, text};

#[derive(Deserialize, JsonSchema)]
struct Numbers {
    #[schemars(range(min = 0))]
    a: i64,
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

async fn add(Numbers { a, b }: Numbers) -> Result<Sum, ToolError> {
    match (a, b) {
        (0, 0) => Err(ToolError::from("nothing to add")),
        (13, _) => panic!("unlucky"),
        (99, _) => std::future::pending().await,
        _ => Ok(Sum { sum: a + b }),
    }
}

fn runtime(answers: impl IntoIterator<Item = ModelResponse>) -> (Runtime, Arc<Scripted>) {
    let model = Scripted::new(answers);
    let builder = Runtime::builder().default_model(model.clone()).tool_timeout(Duration::from_secs(5));
    (builder.tool(Tool::new("add", "Adds two numbers.", add).unwrap()).build().unwrap(), model)
}

fn call(name: &str, reference: &str, input: Value) -> Part {
    let tool_request = ToolRequest { name: name.into(), reference: Some(reference.into()), input };
    Part::ToolRequest { tool_request, metadata: Map::from_iter([("signature".into(), "signed".into())]) }
}

/// What the tools answered in the last turn the model saw.
fn results(model: &Scripted) -> Vec<(String, Value)> {
    let asked = model.asked.lock().unwrap();
    let parts = asked.last().unwrap().messages.last().unwrap().content.clone();
    let result = |part| match part {
        Part::ToolResponse { tool_response: it } => (it.reference.unwrap(), it.output),
        other => panic!("not a tool's answer: {other:?}"),
    };
    parts.into_iter().map(result).collect()
}

fn sums() -> Generate {
    Generate::new().prompt("Add.").tools(["add"])
}

#[tokio::test]
async fn calls_of_one_turn_are_answered_in_order_and_keep_their_signatures() {
    let calls = vec![call("add", "x", json!({"a": 1, "b": 2})), call("add", "y", json!({"a": 3, "b": 4}))];
    let (runtime, model) = runtime([answer(calls.clone()), text("3 and 7")]);
    let response = runtime.generate(sums()).await.unwrap();
    assert_eq!(response.text(), "3 and 7");
    assert_eq!(response.usage, Usage { input_tokens: 2, output_tokens: 4, ..Usage::default() });
    assert_eq!(results(&model), [("x".into(), json!({"sum": 3})), ("y".into(), json!({"sum": 7}))]);
    assert_eq!(model.asked.lock().unwrap()[1].messages[1].content, calls);
}

#[tokio::test(start_paused = true)]
async fn what_a_model_can_mend_is_told_to_it() {
    let calls = vec![
        call("add", "missing", json!({"a": 1})),
        call("add", "negative", json!({"a": -1, "b": 2})),
        call("add", "none", Value::Null),
        call("add", "refused", json!({"a": 0, "b": 0})),
        call("add", "slow", json!({"a": 99, "b": 0})),
        call("subtract", "unknown", json!({})),
    ];
    let (runtime, model) = runtime([answer(calls), text("Sorry.")]);
    runtime.generate(sums()).await.unwrap();
    insta::assert_json_snapshot!(results(&model));
}

#[tokio::test]
async fn a_panicking_tool_is_a_defect_and_not_the_end() {
    let (runtime, _) =
        runtime([answer(vec![call("add", "x", json!({"a": 13, "b": 0}))]), text("Still here.")]);
    assert_eq!(runtime.generate(sums()).await.unwrap_err(), ModelError::internal("the tool add panicked"));
    assert_eq!(runtime.generate(sums()).await.unwrap().text(), "Still here.");
}

#[tokio::test]
async fn a_model_that_never_stops_calling_is_stopped() {
    let again = || answer(vec![call("add", "x", json!({"a": 1, "b": 1}))]);
    let (endless, model) = runtime((0..20).map(|_| again()));
    assert_eq!(endless.generate(sums()).await.unwrap_err(), ModelError::unusable("it kept calling tools"));
    assert_eq!(model.asked.lock().unwrap().len(), 6);
    let (endless, model) = runtime((0..20).map(|_| again()));
    let outcome: Result<Vec<_>, _> = endless.stream(sums().max_turns(1)).try_collect().await;
    assert_eq!(outcome.unwrap_err(), ModelError::unusable("it kept calling tools"));
    assert_eq!(model.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stream_goes_on_after_tools_and_its_last_event_holds_all_its_text() {
    let asks = answer(vec![Part::text("Let me see. "), call("add", "x", json!({"a": 1, "b": 2}))]);
    let (runtime, _) = runtime([asks, text("It is 3.")]);
    let events: Vec<_> = runtime.stream(sums()).try_collect().await.unwrap();
    let [ModelEvent::Text(first), ModelEvent::Text(second), ModelEvent::Done(done)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(format!("{first}{second}"), done.text());
}

#[tokio::test]
async fn an_empty_answer_is_no_answer() {
    let (unary, model) = runtime([text(" \n"), answer(vec![])]);
    assert_eq!(unary.generate(sums()).await.unwrap_err(), ModelError::malformed("empty"));
    assert_eq!(model.asked.lock().unwrap().len(), 2, "the model got one more try");
    let (streamed, model) = runtime([text(""), answer(vec![])]);
    assert_eq!(streamed.stream(sums()).next().await.unwrap().unwrap_err(), ModelError::malformed("empty"));
    assert_eq!(model.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn after_an_empty_answer_the_model_may_do_better() {
    let (unary, _) = runtime([answer(vec![]), text("Three.")]);
    assert_eq!(unary.generate(sums()).await.unwrap().text(), "Three.");
    let (streamed, _) = runtime([answer(vec![]), text("Three.")]);
    let events: Vec<_> = streamed.stream(sums()).try_collect().await.unwrap();
    assert_eq!(events.len(), 2);
    let (structured, _) = runtime([answer(vec![]), text(LUNA)]);
    assert!(structured.generate_as(Generate::new().prompt("A hero."), &spec()).await.is_ok());
    let (structured, _) = runtime([text(r#"{"name": "Luna", "strength": 7.0}"#)]);
    let hero = structured.generate_as(Generate::new().prompt("A hero."), &spec()).await.unwrap();
    assert_eq!(hero.strength, 7, "a whole number may have a point");
}

#[tokio::test]
async fn a_model_s_own_settings_count_where_a_call_says_nothing() {
    let model = Scripted::new([text("Hi."), text("Hi.")]);
    let defaults = ModelConfig {
        temperature: Some(0.1),
        seed: Some(7),
        extra: [("gemini".to_owned(), json!({"a": 1, "b": 2}).as_object().unwrap().clone())].into(),
        ..ModelConfig::default()
    };
    let builder = Runtime::builder().default_model(model.clone()).defaults("scripted", defaults.clone());
    let runtime = builder.build().unwrap();
    let own = ModelConfig {
        temperature: Some(0.9),
        extra: [("gemini".to_owned(), json!({"b": 3}).as_object().unwrap().clone())].into(),
        ..ModelConfig::default()
    };
    runtime.generate(Generate::new().prompt("Hi.")).await.unwrap();
    runtime.generate(Generate::new().prompt("Hi.").config(own)).await.unwrap();
    let asked = model.asked.lock().unwrap();
    assert_eq!(asked[0].config, defaults);
    assert_eq!((asked[1].config.temperature, asked[1].config.seed), (Some(0.9), Some(7)));
    assert_eq!(asked[1].config.extra["gemini"], *json!({"b": 3, "a": 1}).as_object().unwrap());
}

#[tokio::test]
async fn calls_of_one_turn_are_bounded() {
    let calls = (0..65).map(|nth| call("add", &nth.to_string(), json!({"a": 1, "b": 2})));
    let (runtime, _) = runtime([answer(calls.collect())]);
    let error = runtime.generate(sums()).await.unwrap_err();
    assert_eq!(error, ModelError::unusable("too many tool calls"));
}

#[derive(Debug, PartialEq, Deserialize)]
struct Hero {
    name: String,
    strength: u8,
}

fn spec() -> OutputSpec<Hero> {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "strength": {"type": "integer", "maximum": 100}},
        "required": ["name", "strength"]
    });
    let rules =
        |hero: &Hero| if hero.name == "Bob" { vec!["a hero is not called Bob".into()] } else { vec![] };
    OutputSpec::new("Hero", schema).unwrap().with_rules(rules)
}

const LUNA: &str = r#"{"name": "Luna", "strength": 7}"#;

#[tokio::test]
async fn a_good_answer_is_read_with_or_without_a_fence() {
    let fenced = format!("Here you are:\n```json\n{LUNA}\n```\nEnjoy!");
    for reply in [LUNA.to_owned(), format!("```\n{LUNA}\n```"), fenced] {
        let (runtime, model) = runtime([text(&reply)]);
        let hero = runtime.generate_as(Generate::new().prompt("A hero."), &spec()).await.unwrap();
        assert_eq!(hero, Hero { name: "Luna".into(), strength: 7 });
        assert_eq!(model.asked.lock().unwrap()[0].output_schema.as_ref().unwrap().name(), "Hero");
        let (runtime, _) = crate::generate::runtime([text(&reply)]);
        let request = Generate::new().prompt("A hero.").output_schema(spec().schema());
        assert_eq!(runtime.generate(request).await.unwrap().text(), LUNA);
    }
}

#[tokio::test]
async fn a_bad_answer_gets_one_chance_with_its_faults_pointed_out() {
    let bad = [
        "not JSON",
        r#"{"strength": 101}"#,
        r#"{"name": "Bob", "strength": 1}"#,
        r#"{"name": "X", "strength": -1}"#,
    ];
    let mut objections = Vec::new();
    for reply in bad {
        let (runtime, model) = runtime([text(reply), text(LUNA)]);
        let hero = runtime.generate_as(Generate::new().prompt("A hero."), &spec()).await.unwrap();
        assert_eq!(hero.name, "Luna");
        let asked = model.asked.lock().unwrap();
        let [_, said, objection] = &asked[1].messages[..] else { panic!("{:?}", asked[1].messages) };
        assert_eq!((said.role, said.joined_text().as_str()), (Role::Model, reply));
        assert_eq!(objection.role, Role::User);
        objections.push(objection.joined_text());
    }
    insta::assert_snapshot!(objections.join("\n\n"));
}

#[tokio::test]
async fn a_second_bad_answer_is_unusable_and_names_only_the_rule() {
    let (runtime, model) = runtime([text("{}"), text(r#"{"name": "secret", "strength": 101}"#), text(LUNA)]);
    let error = runtime.generate_as(Generate::new().prompt("A hero."), &spec()).await.unwrap_err();
    assert_eq!(
        error,
        ModelError::unusable("against its schema at /properties/strength/maximum, even after a repair")
    );
    assert_eq!(model.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_structured_answer_cut_at_its_limit_is_unusable() {
    let cut = ModelResponse { finish_reason: FinishReason::Length, ..text(LUNA) };
    let (runtime, model) = runtime([cut]);
    let error = runtime.generate_as(Generate::new().prompt("A hero."), &spec()).await.unwrap_err();
    assert_eq!(error, ModelError::unusable("cut off before its end"));
    assert_eq!(model.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_registered_is_refused_before_anything_is_asked() {
    let (runtime, model) = runtime([]);
    let missing_tool = runtime.generate(Generate::new().prompt("Hi.").tools(["fly"])).await.unwrap_err();
    assert_eq!(missing_tool, ModelError::internal("no tool is registered as fly"));
    let missing_model = runtime.stream(Generate::new().model("nobody").prompt("Hi.")).next().await.unwrap();
    assert_eq!(missing_model.unwrap_err(), ModelError::NotConfigured);
    let no_model = Runtime::builder().build().unwrap().generate(Generate::new()).await.unwrap_err();
    assert_eq!(no_model, ModelError::NotConfigured);
    assert!(model.asked.lock().unwrap().is_empty());
}

#[test]
fn a_tool_is_registered_once() {
    let add = || Tool::new("add", "Adds.", add).unwrap();
    let twice = Runtime::builder().tool(add()).tool(add()).build().unwrap_err();
    assert_eq!(twice, ModelError::internal("the tool add is registered twice"));
}

#[tokio::test]
async fn all_of_it_can_run_on_any_thread() {
    let (runtime, _) = runtime([text("Hi."), text(LUNA), text("Hi.")]);
    let work = async move {
        runtime.generate(sums()).await.unwrap();
        runtime.generate_as(sums(), &spec()).await.unwrap();
        runtime.stream(sums()).try_collect::<Vec<_>>().await.unwrap().len()
    };
    assert_eq!(tokio::spawn(work).await.unwrap(), 2);
}

#[test]
fn a_tool_must_be_callable_by_every_provider() {
    let bad_name = Tool::new("add numbers", "Adds.", add).unwrap_err();
    assert_eq!(bad_name, ModelError::internal("\"add numbers\" cannot name a tool"));
    let not_a_struct = Tool::new("add", "Adds.", |it: i64| async move { Ok(it) }).unwrap_err();
    assert_eq!(not_a_struct, ModelError::internal("the input of the tool add is not a struct"));
}
