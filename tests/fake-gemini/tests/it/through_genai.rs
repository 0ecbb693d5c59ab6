//! The client of this project reads what the fake writes.

use fake_gemini::{FakeGemini, Fault, Part, Reply, SIGNATURE};
use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, StopReason, Tool};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::json;

fn target(fake: &FakeGemini) -> ServiceTarget {
    ServiceTarget {
        endpoint: Endpoint::from_owned(fake.url()),
        auth: AuthData::from_single("a-key"),
        model: ModelIden::new(AdapterKind::Gemini, "gemini-3-flash-preview"),
    }
}

fn genai() -> Client {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Client::builder().with_reqwest(http).build().unwrap()
}

#[tokio::test]
async fn a_stream_is_understood_also_when_its_bytes_are_torn() {
    let fake = FakeGemini::builder().key("a-key").start().await;
    let reply = Reply::chunks(["naïve ", "– ✓"]).thought("Hm.").then([Part::text("").signed(SIGNATURE)]);
    for size in [usize::MAX, 1, 2, 7] {
        fake.script([reply.clone().split_bytes(size)]);
        let options = ChatOptions::default().with_capture_content(true).with_capture_usage(true);
        let request = ChatRequest::from_user("x");
        let mut stream =
            genai().exec_chat_stream(target(&fake), request, Some(&options)).await.unwrap().stream;
        let (mut text, mut end) = (String::new(), None);
        while let Some(event) = stream.next().await {
            match event.unwrap() {
                ChatStreamEvent::Chunk(chunk) => text += &chunk.content,
                ChatStreamEvent::End(last) => end = Some(last),
                _ => {}
            }
        }
        let end = end.unwrap();
        assert_eq!(text, "naïve – ✓", "in pieces of {size}");
        assert!(matches!(end.captured_stop_reason, Some(StopReason::Completed(_))));
        assert!(end.captured_usage.unwrap().completion_tokens.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_tool_loop_keeps_the_signature() {
    let fake = FakeGemini::start().await;
    let tool = Tool::new("weather").with_description("Tells").with_schema(json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
    }));
    let request = ChatRequest::new(vec![ChatMessage::user("Weather?")]).with_tools(vec![tool]);
    let reply = genai().exec_chat(target(&fake), request.clone(), None).await.unwrap();
    let calls: Vec<_> = reply.tool_calls().into_iter().cloned().collect();
    assert_eq!(calls[0].fn_name, "weather");
    let result = genai::chat::ToolResponse::new(calls[0].call_id.clone(), "{\"sky\":\"clear\"}");
    let request = request.append_message(calls).append_message(result);
    let reply = genai().exec_chat(target(&fake), request, None).await.unwrap();
    assert!(reply.first_text().unwrap().contains("clear"));
    assert!(fake.request(1).body.to_string().contains(SIGNATURE));
}

#[tokio::test]
async fn a_fault_reaches_the_caller() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Fault::unavailable());
    let error = genai().exec_chat(target(&fake), ChatRequest::from_user("x"), None).await.unwrap_err();
    assert!(format!("{error:?}").contains("503"), "{error:?}");
}
