//! `tell_story`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers};

const STORY: &str = "Once upon a time. There was a cat! It was brave.";

async fn teller() -> FakeGemini {
    let model = model().await;
    let chunks = Reply::chunks(["Once upon", " a time. There was", " a cat! It was brave."]);
    model.on(Matcher::prompt("a brave cat"), chunks);
    model
}

#[tokio::test]
async fn a_story_is_told_sentence_by_sentence() {
    let model = teller().await;
    for server in servers(&model) {
        let (chunks, last) = server.stream("/tell-story/stream", json!({})).await;
        assert_eq!(chunks, ["Once upon a time. ", "There was a cat! ", "It was brave."]);
        assert_eq!(last, json!({"done": true, "story": STORY}));
        let told = server.by_name("tell_story", json!({"topic": "a brave cat"})).await;
        assert_eq!(told, json!({"story": STORY}));
    }
}

#[tokio::test]
async fn a_topic_has_1_to_1000_characters() {
    let model = teller().await;
    for server in servers(&model) {
        for topic in [String::new(), "ä".repeat(1001)] {
            assert_eq!(server.faults("/tell-story/stream", json!({"topic": topic})).await, ["/topic"]);
        }
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_tells_the_same_story() {
    let model = teller().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let stream = client.tell_story(grpc::proto::StoryRequest::default()).await.unwrap().into_inner();
        assert_eq!(crate::server::messages(stream, |it| it.text).await.concat(), STORY);
    }
}
// eject: end
