//! `translate_text`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers};

async fn translator() -> FakeGemini {
    let model = model().await;
    let answer = |text: &str, confidence: &str| {
        Reply::json(&json!({
            "original_text": "not for the model to say", "translated_text": text,
            "target_language": "nor this", "confidence": confidence,
        }))
    };
    // Of two rules that match, the newer one answers.
    let japanese = || Matcher::prompt("Translate into Japanese");
    model.on(japanese(), Reply::call("get_current_time", json!({})));
    model.on(japanese().and(Matcher::tool_results()), answer("こんにちは", "high"));
    model.on(Matcher::prompt("Translate into French"), answer("Bonjour", "medium"));
    model
}

#[tokio::test]
async fn a_text_is_translated_by_a_model_that_may_ask_for_the_time() {
    let model = translator().await;
    for server in servers(&model) {
        let translation = json!({
            "original_text": "Hello", "translated_text": "こんにちは", "target_language": "Japanese",
            "confidence": "high",
        });
        let input = json!({"text": "  Hello  ", "target_language": "Japanese"});
        assert_eq!(server.post("/translate", input.clone()).await, translation);
        assert_eq!(server.by_name("translate_text", input).await, translation);

        let by_default = server.post("/translate", json!({})).await;
        assert_eq!(
            (&by_default["translated_text"], &by_default["target_language"]),
            (&json!("Bonjour"), &json!("French"))
        );
    }
}

#[tokio::test]
async fn a_text_has_1_to_10000_characters() {
    let model = translator().await;
    for server in servers(&model) {
        let empty = json!({"text": "", "target_language": "ä".repeat(101)});
        assert_eq!(server.faults("/translate", empty).await, ["/text", "/target_language"]);
        let long = json!({"text": "ä".repeat(10_001)});
        assert_eq!(server.faults("/translate", long).await, ["/text"]);
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_translates_the_same() {
    use grpc::proto::TranslateRequest;

    let model = translator().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let request = TranslateRequest { text: "Hello".into(), target_language: "Japanese".into() };
        let it = client.translate_text(request).await.unwrap().into_inner();
        assert_eq!(
            (&*it.original_text, &*it.translated_text, &*it.target_language, &*it.confidence),
            ("Hello", "こんにちは", "Japanese", "high")
        );
        let it = client.translate_text(TranslateRequest::default()).await.unwrap().into_inner();
        assert_eq!((&*it.translated_text, &*it.target_language), ("Bonjour", "French"));
    }
}
// eject: end
