use flow_models::demo::Demo;
use flow_runtime::Model as _;
use flow_runtime::message::{Message, Part, Role};
use flow_runtime::model::ModelRequest;
use serde_json::{Value, json};

fn demo() -> Demo {
    Demo::new().with_answers(super::answer)
}

fn says(text: &str) -> ModelRequest {
    ModelRequest { messages: vec![Message::text(Role::User, text)], ..Default::default() }
}

#[tokio::test]
async fn prose_fits_the_request() {
    let mut pirate = says("What is the best programming language?");
    pirate.messages.insert(0, Message::text(Role::System, "You are a pirate captain."));
    let mut image = says("Describe this image.");
    image.messages[0].content.push(Part::media("data:image/png;base64,iVBORw0KGgo=", None));
    let mut address = says("Describe this image.");
    address.messages[0].content.push(Part::media("https://example.com/images/cat.jpg?x=1", None));
    let requests = [
        says("Tell a joke about Mittens."),
        says("Tell a story about a brave cat."),
        pirate,
        image,
        address,
        says("Translate the following text to German: Good morning, \"friends\"."),
        says("Write a function in Rust that counts to ten."),
        says("Hello there!"),
        says(""),
    ];
    let mut said = Vec::new();
    for request in requests {
        let first = demo().generate(&request).await.unwrap();
        assert_eq!(first, demo().generate(&request).await.unwrap(), "the same every time");
        said.push(first.text());
    }
    insta::assert_snapshot!(said.join("\n\n"));
}

#[tokio::test]
async fn the_flows_own_shapes_are_filled_with_sense() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "backStory": {"type": "string"},
            "abilities": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
            "skills": {
                "type": "object",
                "properties": {
                    "strength": {"type": "integer", "minimum": 0, "maximum": 100},
                    "charisma": {"type": "integer", "minimum": 0, "maximum": 100}
                },
                "required": ["strength", "charisma"]
            },
            "code": {"type": "string"},
            "filename": {"type": "string"},
            "language": {"type": "string", "maxLength": 50, "pattern": "^[a-zA-Z#+]+$"},
            "confidence": {"enum": ["high", "medium", "low"]}
        },
        "required": ["name"]
    });
    let output_schema = Some(flow_runtime::Schema::compile("any", schema).unwrap());
    let request =
        ModelRequest { output_schema, ..says("Generate a character named Luna who writes TypeScript") };
    let text = demo().generate(&request).await.unwrap().text();
    let filled: Value = serde_json::from_str(&text).unwrap();
    insta::assert_json_snapshot!(filled);
}
