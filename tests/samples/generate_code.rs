//! `generate_code`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::{Value, json};

use crate::server::{model, servers};

fn code() -> Value {
    json!({
        "code": "xs.reverse()", "language": "rust", "explanation": "In place.", "filename": "reverse.rs",
    })
}

fn wish() -> Value {
    json!({"description": "a function that reverses a list", "language": "rust"})
}

async fn programmer() -> FakeGemini {
    let model = model().await;
    model.on(Matcher::prompt("reverses a list in rust"), Reply::json(&code()));
    model.on(Matcher::prompt("is prime in python"), Reply::json(&code()));
    model
}

#[tokio::test]
async fn code_is_written() {
    let model = programmer().await;
    for server in servers(&model) {
        assert_eq!(server.post("/generate-code", wish()).await, code());
        assert_eq!(server.by_name("generate_code", wish()).await, code());
        assert_eq!(server.post("/generate-code", json!({})).await, code(), "the defaults");
    }
}

#[tokio::test]
async fn code_is_shown_while_it_is_written() {
    let model = model().await;
    let text = code().to_string();
    let pieces: Vec<_> = text.split_inclusive(',').map(str::to_owned).collect();
    model.on(Matcher::prompt("reverses a list in rust"), Reply::chunks(pieces));
    for server in servers(&model) {
        let (events, last) = server.events("/generate-code/stream", wish()).await;
        assert_eq!(events[0], json!({"partial": {"code": "xs.reverse()"}}));
        assert_eq!(events[1], json!({"partial": {"code": "xs.reverse()", "language": "rust"}}));
        assert_eq!(events.last().unwrap()["partial"], code());
        let mut done = code();
        done["done"] = true.into();
        assert_eq!(last, done);
    }
}

#[tokio::test]
async fn a_description_is_limited_and_a_language_cannot_say_more_than_its_name() {
    let model = programmer().await;
    for server in servers(&model) {
        let empty = json!({"description": "", "language": "rust; and then"});
        assert_eq!(server.faults("/generate-code", empty).await, ["/description", "/language"]);
        let long = json!({"description": "ä".repeat(10_001), "language": "x".repeat(51)});
        assert_eq!(server.faults("/generate-code", long).await, ["/description", "/language"]);
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_writes_the_same() {
    use grpc::proto::CodeRequest;

    let model = programmer().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let request = CodeRequest { description: "what reverses a list".into(), language: "rust".into() };
        for request in [request, CodeRequest::default()] {
            let it = client.generate_code(request).await.unwrap().into_inner();
            let ours = json!({
                "code": it.code, "language": it.language, "explanation": it.explanation, "filename": it.filename,
            });
            assert_eq!(ours, code());
        }
        let request = CodeRequest { description: "what reverses a list".into(), language: "rust".into() };
        let stream = client.generate_code_stream(request).await.unwrap().into_inner();
        let mut messages = crate::server::messages(stream, |it| (it.partial, it.done)).await;
        let (partial, done) = messages.pop().unwrap();
        assert_eq!((&*partial, &*done.unwrap().filename), ("", "reverse.rs"));
        assert_eq!(serde_json::from_str::<Value>(&messages.pop().unwrap().0).unwrap(), code());
    }
}
// eject: end
