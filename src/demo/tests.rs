use flow_models::demo::Demo;
use flow_runtime::CompiledSchema;
use flow_runtime::Model as _;
use flow_runtime::message::Part; // eject: describe_image
use flow_runtime::message::{Message, Role};
use flow_runtime::model::ModelRequest;
use serde_json::{Value, json};

fn says(text: &str) -> ModelRequest {
    ModelRequest { messages: vec![Message::text(Role::User, text)].into(), ..Default::default() }
}

async fn answer(request: &ModelRequest) -> String {
    let demo = Demo::new().with_answers(super::answer);
    let first = demo.generate(request).await.unwrap();
    assert_eq!(first, demo.generate(request).await.unwrap(), "the same every time");
    first.text()
}

/// Such an object, about Luna.
async fn fill(properties: Value) -> Value {
    let schema = json!({"type": "object", "properties": properties, "required": ["name"]});
    let output_schema = Some(CompiledSchema::compile("any", schema).unwrap());
    let request =
        ModelRequest { output_schema, ..says("Generate a character named Luna who writes TypeScript") };
    serde_json::from_str(&answer(&request).await).unwrap()
}

#[tokio::test]
async fn what_no_flow_asks_for_gets_a_plain_text() {
    assert!(
        answer(&says("Hello there!")).await.starts_with("You asked about Hello there. I am the demo model")
    );
    assert!(answer(&says("")).await.starts_with("You asked about nothing in particular. "));
    let filled = fill(json!({"name": {"type": "string"}})).await;
    assert_eq!(filled, json!({"name": "Luna who writes TypeScript"}));
}

// eject: tell_joke
#[tokio::test]
async fn a_joke_is_about_its_subject() {
    let told = answer(&says("Tell a joke about Mittens.")).await;
    let punch_line = "\"Coming right up,\" says the bartender, \"I'll poll you when it's ready.\"";
    assert_eq!(told, format!("Mittens walks into a bar and orders a future. {punch_line}"));
}
// eject: end

// eject: tell_story+generate_character
#[tokio::test]
async fn a_story_has_its_subject_for_a_hero_wherever_one_is_wanted() {
    let told = answer(&says("Tell a story about a brave cat.")).await;
    let beginning = "Once upon a time, in a town with more cables than streets, there lived";
    assert!(told.starts_with(&format!("{beginning} a brave cat. ")), "{told}");
    assert!(told.ends_with("people said: remember a brave cat."), "{told}");
    let skill = json!({"type": "integer", "minimum": 0, "maximum": 100});
    let filled = fill(json!({
        "name": {"type": "string"},
        "backStory": {"type": "string"},
        "abilities": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
        "skills": {
            "type": "object",
            "properties": {"strength": skill, "charisma": skill},
            "required": ["strength", "charisma"]
        },
    }))
    .await;
    let told = filled["backStory"].as_str().unwrap();
    assert!(told.starts_with(&format!("{beginning} Luna who writes TypeScript. ")), "{told}");
    let abilities =
        ["quick ability of Luna who writes TypeScript", "brave ability of Luna who writes TypeScript"];
    assert_eq!(filled["abilities"], json!(abilities));
    assert_eq!(filled["skills"], json!({"strength": 13, "charisma": 57}));
}
// eject: end

// eject: translate_text
#[tokio::test]
async fn a_translation_is_marked_with_its_language() {
    let request = says("Translate the following text to German: Good morning, \"friends\".");
    assert_eq!(answer(&request).await, "[German] Good morning, \"friends\".");
}
// eject: end

// eject: describe_image
#[tokio::test]
async fn an_image_is_described_by_what_can_be_known_of_it() {
    let mut image = says("Describe this image.");
    std::sync::Arc::make_mut(&mut image.messages)[0]
        .content
        .push(Part::media("data:image/png;base64,iVBORw0KGgo=", None));
    assert!(answer(&image).await.starts_with("I was shown a picture of type image/png, 8 bytes in size. "));
    let mut address = says("Describe this image.");
    std::sync::Arc::make_mut(&mut address.messages)[0]
        .content
        .push(Part::media("https://example.com/images/cat.jpg?x=1", None));
    assert!(
        answer(&address).await.starts_with("I was shown a picture called cat.jpg, which this offline model")
    );
}
// eject: end

// eject: pirate_chat
#[tokio::test]
async fn a_pirate_is_one_whatever_is_asked() {
    let mut pirate = says("What is the best programming language?");
    std::sync::Arc::make_mut(&mut pirate.messages)
        .insert(0, Message::text(Role::System, "You are a pirate captain."));
    let said = answer(&pirate).await;
    let beginning =
        "Arr, matey! Ye be askin' this old captain: What is the best programming language? By me beard";
    assert!(said.starts_with(beginning), "{said}");
}
// eject: end

// eject: generate_code+review_code
#[tokio::test]
async fn code_is_in_the_language_that_was_asked_for() {
    let program = "// Asked for: Write a function in Rust that counts to ten\nfn main() {\n    \
                   println!(\"Hello from the demo model\");\n}\n";
    let said = answer(&says("Write a function in Rust that counts to ten.")).await;
    assert_eq!(said, format!("Here you are, in rust:\n\n{program}"));
    let filled = fill(json!({
        "name": {"type": "string"},
        "code": {"type": "string"},
        "filename": {"type": "string"},
        "language": {"type": "string", "maxLength": 50, "pattern": "^[a-zA-Z#+]+$"},
        "confidence": {"enum": ["high", "medium", "low"]}
    }))
    .await;
    let program = "// Asked for: Luna who writes TypeScript\nexport const greet = (): string => \
                   \"Hello from the demo model\";\n";
    let (name, language) = ("Luna who writes TypeScript", "typescript");
    assert_eq!(
        filled,
        json!({"name": name, "code": program, "filename": "demo.ts", "language": language, "confidence": "high"})
    );
}
// eject: end
