//! Cases for a runtime and the models.

use flow_models::{ProviderSettings, Providers, VertexSettings};
use flow_runtime::message::Part;
use flow_runtime::model::{FinishReason, ModelConfig, Thinking, ToolChoice};
use flow_runtime::{
    Generate, GenerateEvent, ModelError, ModelEvent, ModelResponse, OutputEvent, OutputSpec, Runtime, Tool,
    ToolError,
};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::{Ask, Case, Outcome};
use crate::fake::{Fake, Player};

/// What came of a case.
struct Answer {
    chunks: Vec<String>,
    events: Vec<Value>,
    /// The whole answer, where it is not read into a type.
    outcome: Result<Option<ModelResponse>, ModelError>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { chunks: Vec::new(), events: Vec::new(), outcome: Ok(None) }
    }
}

#[derive(Deserialize, JsonSchema)]
struct NoInput {}

async fn look(_: NoInput) -> Result<&'static str, ToolError> {
    Ok("clear skies")
}

pub(crate) async fn play(cases: Vec<Case>) -> Outcome {
    let fake = Fake::start().await;
    let mut outcome = Outcome::default();
    for (nth, case) in cases.iter().enumerate() {
        let key = format!("key-{nth}-of-a-case");
        fake.play(&key, Player::new(&case.replies, &case.strict));
        let answer = ask(case, &key, &fake.origin).await;
        outcome.add(case, judge(case, &answer, &fake.player(&key)));
    }
    outcome
}

async fn ask(case: &Case, key: &str, origin: &str) -> Answer {
    let url = || Some(origin.to_owned());
    let settings = ProviderSettings {
        gemini_api_key: Some("k".into()),
        gemini_base_url: url(),
        openai_api_key: Some("k".into()),
        openai_base_url: url(),
        anthropic_api_key: Some("k".into()),
        anthropic_base_url: url(),
        ollama_base_url: url(),
        vertex: Some(VertexSettings {
            project: "p".into(),
            location: "l".into(),
            token: Some("t".into()),
            base_url: url(),
        }),
        ..ProviderSettings::default()
    };
    let model = Providers::new(settings).unwrap().model(&case.model).unwrap();
    let tool = Tool::new("look", "Looks out of the window.", look).unwrap();
    let runtime = Runtime::builder().default_model(model).tool(tool).build().unwrap();
    let prompt = Generate::new().prompt(format!("Say something about {key}."));
    let unary = |request| async {
        Answer { outcome: runtime.generate(request).await.map(Some), ..Answer::default() }
    };
    match case.ask {
        Ask::Prose => unary(prompt).await,
        Ask::Tool => unary(prompt.tools(["look"])).await,
        Ask::Image => unary(prompt.media("https://example.com/a.png", None)).await,
        Ask::ImageData => unary(prompt.media("data:image/png;base64,iVBORw0KGgo=", None)).await,
        Ask::Settings => {
            let config = ModelConfig {
                temperature: Some(0.5),
                top_k: Some(3),
                seed: Some(7),
                max_output_tokens: Some(5000),
                stop_sequences: vec!["END".into()],
                thinking: Some(Thinking::Budget(2048)),
                tool_choice: Some(ToolChoice::Required),
                ..ModelConfig::default()
            };
            unary(prompt.tools(["look"]).config(config)).await
        }
        Ask::Thinking | Ask::NoThinking => {
            let budget = if matches!(case.ask, Ask::Thinking) { 2048 } else { 0 };
            let thinking = Some(Thinking::Budget(budget));
            let config = ModelConfig { thinking, temperature: Some(0.5), ..ModelConfig::default() };
            unary(prompt.config(config)).await
        }
        Ask::Choice => {
            let tool_choice = Some(ToolChoice::Required);
            unary(prompt.config(ModelConfig { tool_choice, ..ModelConfig::default() })).await
        }
        Ask::Object => unary(prompt.output_schema(person().schema())).await,
        Ask::ObjectStream => known_so_far(&runtime, prompt).await,
        Ask::AllEvents => all_events(&runtime, prompt.tools(["look"])).await,
        Ask::Stream => streamed(&runtime, prompt).await,
        Ask::ToolStream => streamed(&runtime, prompt.tools(["look"])).await,
    }
}

fn person() -> OutputSpec<Value> {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 9}, "age": {"type": "integer", "minimum": 0}},
        "required": ["name", "age"],
    });
    OutputSpec::new("Person", schema).unwrap()
}

async fn streamed(runtime: &Runtime, request: Generate) -> Answer {
    let (mut answer, mut events) = (Answer::default(), runtime.stream(request));
    loop {
        match events.next().await.expect("an end") {
            Ok(ModelEvent::Text(text)) => answer.chunks.push(text),
            Ok(ModelEvent::Done(done)) => return Answer { outcome: Ok(Some(done)), ..answer },
            Err(error) => return Answer { outcome: Err(error), ..answer },
        }
    }
}

async fn all_events(runtime: &Runtime, request: Generate) -> Answer {
    let (mut answer, mut events) = (Answer::default(), runtime.stream_all(request));
    loop {
        let told = match events.next().await.expect("an end") {
            Ok(GenerateEvent::Text(text)) => {
                answer.chunks.push(text);
                continue;
            }
            Ok(GenerateEvent::Thought(text)) => json!({ "thought": text }),
            Ok(GenerateEvent::ToolCall(call)) => json!({ "call": call.name, "with": call.input }),
            Ok(GenerateEvent::ToolResult(result)) => json!({ "result": result.output }),
            Ok(GenerateEvent::Done(done)) => return Answer { outcome: Ok(Some(done)), ..answer },
            Err(error) => return Answer { outcome: Err(error), ..answer },
        };
        answer.events.push(told);
    }
}

async fn known_so_far(runtime: &Runtime, request: Generate) -> Answer {
    let (mut answer, mut events) = (Answer::default(), runtime.stream_as::<Value, Value>(request, &person()));
    loop {
        match events.next().await.expect("an end") {
            Ok(OutputEvent::Partial(known)) => answer.events.push(known),
            Ok(OutputEvent::Done(whole)) => {
                answer.events.push(json!({ "done": whole }));
                return answer;
            }
            Err(error) => return Answer { outcome: Err(error), ..answer },
        }
    }
}

/// Every way in which an answer is not what is wanted.
fn judge(case: &Case, answer: &Answer, player: &Player) -> Vec<String> {
    let want = &case.want;
    let mut faults = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    let error = answer.outcome.as_ref().err().map(|it| format!("{it:?}"));
    let kind = error.as_deref().map(|it| it.split([' ', '{']).next().unwrap_or_default().to_lowercase());
    check(kind == want.error, format!("the error is {error:?}"));
    let response = answer.outcome.as_ref().ok().and_then(Option::as_ref);
    let text = response.map(ModelResponse::text).unwrap_or_default();
    if let Some(wanted) = &want.events {
        check(answer.events == *wanted, format!("the events are {:?}", answer.events));
    }
    if let Some(wanted) = &want.text {
        check(text == *wanted, format!("the text is {text:?}"));
        if matches!(case.ask, Ask::Stream | Ask::ToolStream) {
            check(answer.chunks.concat() == *wanted, format!("the chunks are {:?}", answer.chunks));
        }
    }
    if let Some(least) = want.chunks_at_least {
        check(answer.chunks.len() >= least, format!("the chunks are {:?}", answer.chunks));
    }
    if let Some(wanted) = want.calls {
        check(player.asked.len() == wanted, format!("{} calls of the model", player.asked.len()));
    }
    for wanted in &want.has {
        check(text.contains(wanted.as_str()), format!("no {wanted:?} in {text:?}"));
    }
    let all = format!("{text}{}{}", answer.chunks.concat(), error.unwrap_or_default());
    for unwanted in &want.hasnt {
        check(!all.contains(unwanted.as_str()), format!("{unwanted:?} in {all:?}"));
    }
    let asked = player.asked.last().cloned().unwrap_or_default();
    for (place, wanted) in &want.asked {
        let found = asked.pointer(place);
        check(found == Some(wanted), format!("the request has {found:?} at {place}: {asked}"));
    }
    for place in &want.not_asked {
        check(asked.pointer(place).is_none(), format!("the request has something at {place}: {asked}"));
    }
    if let Some(header) = &want.header {
        let head = player.heads.last().cloned().unwrap_or_default();
        check(head.lines().any(|it| it == header), format!("no {header:?} in {head:?}"));
    }
    if let Some(response) = response {
        let usage = response.usage;
        let usage = [usage.input_tokens, usage.output_tokens, usage.thinking_tokens, usage.cached_tokens];
        check(want.usage.is_none_or(|it| it == usage), format!("the usage is {usage:?}"));
        let finish = match response.finish_reason {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Interrupted => "interrupted",
            FinishReason::Other => "other",
        };
        check(want.finish.as_ref().is_none_or(|it| it == finish), format!("it ended for {finish}"));
        check(*response.model == case.model, format!("the model is {}", response.model));
        let thought = response.message.content.iter().any(|it| matches!(it, Part::Reasoning { .. }));
        check(!thought || !text.contains("SECRET-THOUGHT"), "a thought in the text".to_owned());
    }
    faults
}
