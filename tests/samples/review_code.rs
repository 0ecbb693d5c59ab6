//! `review_code`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::{Value, json};

use crate::server::{model, servers};

fn review() -> Value {
    json!({
        "summary": "Fine.", "score": 9, "language": "python",
        "issues": [{"severity": "info", "line": "1", "message": "No types.", "suggestion": "Add them."}],
    })
}

async fn reviewer() -> FakeGemini {
    let model = model().await;
    model.on(Matcher::prompt("Review this code"), Reply::json(&review()));
    model.on(Matcher::prompt("Review this python code"), Reply::json(&review()));
    model
}

#[tokio::test]
async fn code_is_reviewed_whether_its_language_is_named_or_not() {
    let model = reviewer().await;
    for server in servers(&model) {
        assert_eq!(server.post("/review-code", json!({})).await, review());
        let named = json!({"code": "def add(a, b): return a", "language": "python"});
        assert_eq!(server.post("/review-code", named.clone()).await, review());
        assert_eq!(server.by_name("review_code", named).await, review());
    }
}

#[tokio::test]
async fn code_has_1_to_50000_characters() {
    let model = reviewer().await;
    for server in servers(&model) {
        let empty = json!({"code": "", "language": 7});
        assert_eq!(server.faults("/review-code", empty).await, ["/code", "/language"]);
        let long = json!({"code": "ä".repeat(50_001), "language": "ä".repeat(51)});
        assert_eq!(server.faults("/review-code", long).await, ["/code", "/language"]);
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_answers_with_the_review_as_json() {
    let model = reviewer().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let it = client.review_code(grpc::proto::CodeReviewRequest::default()).await.unwrap().into_inner();
        assert_eq!(serde_json::from_str::<Value>(&it.review).unwrap(), review());
    }
}
// eject: end
