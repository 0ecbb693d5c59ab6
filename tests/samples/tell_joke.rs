//! `tell_joke`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers};

const JOKE: &str = "Why did Mittens sit on the keyboard? To log in.";

async fn joker() -> FakeGemini {
    let model = model().await;
    let chunks = Reply::chunks(["Why did Mittens ", "sit on the keyboard? ", "To log in."]);
    model.on(Matcher::prompt("joke about Mittens"), chunks);
    model
}

#[tokio::test]
async fn a_joke_is_told_whole_and_in_chunks_to_whom_it_is_for() {
    let model = joker().await;
    for server in servers(&model) {
        let joke = json!({"joke": JOKE, "username": null});
        assert_eq!(server.post("/tell-joke", json!({})).await, joke);
        assert_eq!(server.by_name("tell_joke", json!({"name": "Mittens"})).await, joke);
        let told = server.post("/tell-joke", json!({"username": "Bob"})).await;
        assert_eq!(told, json!({"joke": JOKE, "username": "Bob"}));

        let (chunks, last) = server.stream("/tell-joke/stream", json!({})).await;
        assert_eq!(chunks, ["Why did Mittens ", "sit on the keyboard? ", "To log in."]);
        assert_eq!(last, json!({"done": true, "joke": JOKE}));
    }
}

#[tokio::test]
async fn names_have_200_characters_at_most() {
    let model = joker().await;
    for server in servers(&model) {
        let long = "ä".repeat(201);
        let faults = server.faults("/tell-joke", json!({"name": long, "username": long})).await;
        assert_eq!(faults, ["/name", "/username"]);
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedures_tell_the_same_joke() {
    use grpc::proto::JokeRequest;

    let model = joker().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let joke = client.tell_joke(JokeRequest { username: "Bob".into(), ..JokeRequest::default() }).await;
        let joke = joke.unwrap().into_inner();
        assert_eq!((&*joke.joke, &*joke.username), (JOKE, "Bob"));
        let stream = client.tell_joke_stream(JokeRequest::default()).await.unwrap().into_inner();
        assert_eq!(crate::server::messages(stream, |it| it.text).await.concat(), JOKE);
    }
}
// eject: end
