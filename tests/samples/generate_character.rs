//! `generate_character`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::{Value, json};

use crate::server::{model, servers};

fn luna() -> Value {
    json!({
        "name": "Luna", "backStory": "Born under the moon.", "abilities": ["Moonwalk", "Howl"],
        "skills": {"strength": 10, "charisma": 100, "endurance": 0},
    })
}

async fn inventor() -> FakeGemini {
    let model = model().await;
    model.on(Matcher::prompt("named Luna"), Reply::json(&luna()));
    let mut too_strong = luna();
    too_strong["skills"]["strength"] = json!(101);
    model.on(Matcher::prompt("named Max"), Reply::json(&too_strong));
    // The second question repeats the first answer, so it can be told apart; the newer rule answers it.
    let mended = Matcher::when(|it| it.body.to_string().contains("101") && it.prompt().contains("named Max"));
    model.on(mended, Reply::json(&luna()));
    model
}

#[tokio::test]
async fn a_character_is_made_up_within_its_limits() {
    let model = inventor().await;
    for server in servers(&model) {
        assert_eq!(server.post("/generate-character", json!({})).await, luna());
        assert_eq!(server.by_name("generate_character", json!({"name": "Luna"})).await, luna());
        assert_eq!(server.post("/generate-character", json!({"name": "Max"})).await, luna(), "mended");
    }
}

#[tokio::test]
async fn a_name_has_1_to_200_characters() {
    let model = inventor().await;
    for server in servers(&model) {
        for name in [String::new(), "ä".repeat(201)] {
            assert_eq!(server.faults("/generate-character", json!({"name": name})).await, ["/name"]);
        }
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_makes_up_the_same() {
    let model = inventor().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let it = client.generate_character(grpc::proto::CharacterRequest::default()).await;
        let it = it.unwrap().into_inner();
        let skills = it.skills.unwrap();
        let ours = json!({
            "name": it.name, "backStory": it.back_story, "abilities": it.abilities,
            "skills": {
                "strength": skills.strength, "charisma": skills.charisma, "endurance": skills.endurance,
            },
        });
        assert_eq!(ours, luna());
    }
}
// eject: end
