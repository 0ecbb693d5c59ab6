//! What the fake answers on its own.

use fake_gemini::FakeGemini;
use serde_json::{Value, json};

use crate::{frames, post_to, prompt, streamed, text};

#[tokio::test]
async fn prose_comes_in_chunks_and_quotes_the_prompt() {
    let fake = FakeGemini::start().await;
    let frames = frames(&streamed(&fake, "Why is the sky blue?").await.text().await.unwrap());
    assert!(frames.len() >= 4);
    let prose: String = frames.iter().map(text).collect();
    assert!(prose.contains("Why is the sky blue?"), "{prose}");
    assert_eq!(frames.last().unwrap()["candidates"][0]["finishReason"], "STOP");
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_told() {
    let fake = FakeGemini::start().await;
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string", "minLength": 3 }, "days": { "type": "integer", "minimum": 2 } },
        "required": ["city"],
    });
    let mut body = prompt("How is the weather?");
    body["tools"] = json!([{ "functionDeclarations": [
        { "name": "weather", "description": "Tells", "parametersJsonSchema": schema },
        { "name": "time", "description": "Tells", "parametersJsonSchema": null },
    ] }]);
    let ask = async |body: &Value| -> Value {
        post_to(&fake, "gemini-3-pro", "generateContent", body).await.json().await.unwrap()
    };
    let called = ask(&body).await;
    let content = &called["candidates"][0]["content"];
    let call = &content["parts"][0]["functionCall"];
    assert_eq!(call["name"], "weather");
    assert!(call["id"].is_string() && content["parts"][0]["thoughtSignature"].is_string());
    assert!(jsonschema::is_valid(&schema, &call["args"]), "{call}");

    let mut unsigned = content.clone();
    unsigned["parts"][0].as_object_mut().unwrap().remove("thoughtSignature");
    let result = json!({ "name": "weather", "id": call["id"], "response": { "sky": "clear" } });
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(unsigned);
    contents.push(json!({ "role": "user", "parts": [{ "functionResponse": result }] }));
    let refused = ask(&body).await;
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("missing a thought_signature"),
        "{refused}"
    );

    body["contents"][1] = content.clone();
    assert!(text(&ask(&body).await).contains("clear"));

    body["contents"][2]["parts"][0]["functionResponse"]["name"] = json!("time");
    let refused = ask(&body).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("number of function response parts"));

    body["contents"] = prompt("Once more")["contents"].clone();
    body["toolConfig"] =
        json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["time"] } });
    let called = ask(&body).await;
    assert_eq!(called["candidates"][0]["content"]["parts"][0]["functionCall"]["name"], "time");
    body["toolConfig"] = json!({ "functionCallingConfig": { "mode": "NONE" } });
    assert!(text(&ask(&body).await).contains("Once more"));
}

#[tokio::test]
async fn a_schema_is_answered_with_an_instance_in_pieces() {
    let fake = FakeGemini::start().await;
    let own = json!({
        "type": "OBJECT",
        "properties": { "title": { "type": "STRING", "maxLength": "10" }, "score": { "type": "INTEGER", "nullable": true } },
        "required": ["title"],
        "propertyOrdering": ["title", "score"],
    });
    let json_schema = json!({
        "type": "object",
        "properties": { "items": { "type": "array", "items": { "$ref": "#/$defs/Item" }, "minItems": 2 } },
        "required": ["items"],
        "additionalProperties": false,
        "$defs": { "Item": { "type": "object", "properties": { "kind": { "enum": ["a", "b"] } }, "required": ["kind"] } },
    });
    for (name, schema) in [("responseSchema", &own), ("responseJsonSchema", &json_schema)] {
        let mut body = prompt("x");
        body["generationConfig"] = json!({ "responseMimeType": "application/json", name: schema });
        let stream = crate::post(&fake, "streamGenerateContent?alt=sse", &body).await.text().await.unwrap();
        let json: String = frames(&stream).iter().map(text).collect();
        let value: Value = serde_json::from_str(&json).unwrap();
        if name == "responseSchema" {
            assert_eq!(value["title"], "A sample t");
            assert!(value["score"].is_i64(), "{value}");
        } else {
            assert!(jsonschema::is_valid(schema, &value), "{value}");
        }
    }
}
