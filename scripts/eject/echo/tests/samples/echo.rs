//! `echo`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers};

async fn parrot() -> FakeGemini {
    let model = model().await;
    model.on(Matcher::prompt("Hello, how are you?"), Reply::chunks(["Hello, ", "how are you?"]));
    model
}

#[tokio::test]
async fn a_text_comes_back_whole_and_in_chunks() {
    let model = parrot().await;
    let text = json!({"text": "Hello, how are you?"});
    for server in servers(&model) {
        assert_eq!(server.post("/echo", text.clone()).await, text);
        assert_eq!(server.by_name("echo", text.clone()).await, text);
        let (chunks, last) = server.stream("/echo/stream", text.clone()).await;
        assert_eq!(chunks, ["Hello, ", "how are you?"]);
        assert_eq!(last, json!({"done": true, "text": "Hello, how are you?"}));
    }
}

#[tokio::test]
async fn a_text_has_1_to_1000_characters() {
    let model = parrot().await;
    for server in servers(&model) {
        for text in [String::new(), "ä".repeat(1001)] {
            assert_eq!(server.faults("/echo", json!({"text": text})).await, ["/text"]);
        }
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedures_say_the_same() {
    use grpc::proto::EchoRequest;

    let model = parrot().await;
    let request = EchoRequest { text: "Hello, how are you?".into() };
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let answer = client.echo(request.clone()).await.unwrap().into_inner();
        assert_eq!(answer.text, request.text);
        let stream = client.echo_stream(request.clone()).await.unwrap().into_inner();
        assert_eq!(crate::server::messages(stream, |it| it.text).await.concat(), request.text);
    }
}
// eject: end
