//! Messages that pass through a prompt file as history come back whole.

use flow_runtime::message::{Media, Message, Part, Role, ToolRequest, ToolResponse};
use serde_json::{Map, Value, json};

fn annotated() -> Map<String, Value> {
    Map::from_iter([("purpose".to_owned(), json!("history"))])
}

fn history(signatures: Vec<String>) -> Vec<Message> {
    let (name, reference) = ("look".to_owned(), Some("call-1".to_owned()));
    let tool_request =
        ToolRequest { name: name.clone(), reference: reference.clone(), input: json!({}), signatures };
    let tool_response = ToolResponse { name, reference, output: json!({ "found": 1 }) };
    let media = Media { url: "https://example.com/a.png".into(), content_type: Some("image/png".into()) };
    let text = Part::Text { text: "Look.".into(), metadata: annotated() };
    vec![
        Message::text(Role::System, "Be brief."),
        Message { metadata: annotated(), ..Message::new(Role::User, vec![text, Part::Media { media }]) },
        Message::new(Role::Model, vec![Part::ToolRequest { tool_request }]),
        Message::new(Role::Tool, vec![Part::ToolResponse { tool_response }]),
        Message::new(Role::User, vec![Part::Pending { metadata: annotated() }]),
    ]
}

#[test]
fn nothing_is_lost_on_the_way_there_and_back() {
    for message in history(vec!["signed".into()]) {
        let there = dotprompt::Message::from(message.clone());
        assert_eq!(Message::from(there), message);
    }
}

#[test]
fn both_have_the_same_json() {
    for message in history(Vec::new()) {
        let there = dotprompt::Message::from(message.clone());
        assert_eq!(serde_json::to_value(&there).unwrap(), serde_json::to_value(&message).unwrap());
    }
}
