//! `pirate_chat`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers, servers_with};

const ANSWER: &str = "Arrr, 'tis Rust, matey!";

/// The digests of the API keys `ada` and `bob`.
const KEYS: &str = "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029,\
                    81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9";

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

#[tokio::test]
async fn a_conversation_goes_on_where_it_was_for_the_tenant_it_belongs_to() {
    let model = captain().await;
    model.on(Matcher::prompt("Who are you?"), Reply::text("Hook, I be."));
    for server in servers_with(&model, &[("API_KEYS", KEYS)]) {
        let asked = |key, session: &'static str, question| {
            server.post_as(key, "/chat", json!({"question": question, "session": session}))
        };
        let first = json!({"answer": "Hook, I be.", "persona": "pirate captain", "session": "s-1"});
        assert_eq!(asked("ada", "s-1", "Who are you?").await, first);
        // Each asks once more, and the model hears what was said before in that conversation alone.
        let seen = ["Who are you?", "Hook, I be.", "Really?"];
        for (key, session, seen) in
            [("ada", "s-1", &seen[..]), ("bob", "s-1", &seen[2..]), ("ada", "s-2", &seen[2..])]
        {
            model.once(Matcher::prompt("Really?"), Reply::text("Aye."));
            asked(key, session, "Really?").await;
            assert_eq!(texts(&model), seen, "{key} in {session}");
        }
    }
}

#[tokio::test]
async fn a_session_is_named_in_visible_ascii() {
    let model = captain().await;
    for server in servers(&model) {
        for session in ["", "two words", "ä", &"x".repeat(129)] {
            let faults = server.faults("/chat", json!({"session": session})).await;
            assert!(faults.iter().all(|it| it == "/session"), "{session}: {faults:?}");
        }
    }
}

/// What the model was asked last, without its instructions.
fn texts(model: &FakeGemini) -> Vec<String> {
    let body = model.bodies().pop().unwrap();
    let contents = body["contents"].as_array().unwrap().iter();
    contents.map(|it| it["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_answers_the_same() {
    let model = captain().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let it = client.pirate_chat(grpc::proto::ChatRequest::default()).await.unwrap().into_inner();
        assert_eq!((&*it.answer, &*it.persona, &*it.session), (ANSWER, "pirate captain", ""));
        let request = grpc::proto::ChatRequest { session: "s".into(), ..Default::default() };
        let it = client.pirate_chat(request.clone()).await.unwrap().into_inner();
        assert_eq!((&*it.answer, &*it.session), (ANSWER, "s"));
        client.pirate_chat(request).await.unwrap();
        assert_eq!(texts(&model).len(), 3);
    }
}
// eject: end
