//! `pirate_chat`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers};

const ANSWER: &str = "Arrr, 'tis Rust, matey!";

async fn captain() -> FakeGemini {
    let model = model().await;
    model.on(Matcher::prompt("best programming language"), Reply::text(ANSWER));
    model
}

#[tokio::test]
async fn the_captain_answers() {
    let model = captain().await;
    for server in servers(&model) {
        let answer = json!({"answer": ANSWER, "persona": "pirate captain"});
        assert_eq!(server.post("/chat", json!({})).await, answer);
        let question = json!({"question": "What is the best programming language?"});
        assert_eq!(server.by_name("pirate_chat", question).await, answer);
    }
}

#[tokio::test]
async fn a_question_has_1_to_5000_characters() {
    let model = captain().await;
    for server in servers(&model) {
        for question in [String::new(), "ä".repeat(5001)] {
            assert_eq!(server.faults("/chat", json!({"question": question})).await, ["/question"]);
        }
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_answers_the_same() {
    let model = captain().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let it = client.pirate_chat(grpc::proto::ChatRequest::default()).await.unwrap().into_inner();
        assert_eq!((&*it.answer, &*it.persona), (ANSWER, "pirate captain"));
    }
}
// eject: end
