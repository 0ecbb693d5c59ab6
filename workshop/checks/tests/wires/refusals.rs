//! The strict servers do refuse. For each, a request that is good, and changes that each make it bad: a place, what stands
//! there then, and words of the refusal.

use serde_json::json;

use crate::anthropic::ANTHROPIC;
use crate::openai::OPENAI;
use crate::server::all_refused;

#[test]
fn openai_refuses_what_is_wrong() {
    let call = json!({"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let object = json!({
        "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false,
    });
    let good = json!({
        "model": "gpt-5-mini",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "x"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": object}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": object}},
    });
    let schema = |path: &str| format!("/response_format/json_schema/schema{path}");
    let changes = [
        ("/unknown", json!(1), "Unrecognized request argument"),
        ("/temperature", json!(0.5), "Unsupported value"),
        ("/max_tokens", json!(5), "max_completion_tokens"),
        ("/stream_options", json!({}), "stream_options"),
        ("/stop", json!(["1", "2", "3", "4", "5"]), "too long"),
        ("/tools", json!([]), "empty array"),
        ("/tools/0/function/name", json!("no name"), "function name"),
        ("/tools/0/function/parameters", json!({"type": "object"}), "missing properties"),
        (&schema("/oneOf"), json!([]), "not permitted"),
        (&schema("/additionalProperties"), json!(true), "additionalProperties"),
        (&schema("/required"), json!([]), "Missing 'a'"),
        ("/messages", json!([]), "empty array"),
        ("/messages/0/role", json!("robot"), "role"),
        (
            "/messages/0/content",
            json!([{"type": "image_url", "image_url": {"url": "ftp://x"}}]),
            "part of a message",
        ),
        ("/messages/2/tool_call_id", json!("c2"), "must be a response"),
        ("/messages/2/role", json!("user"), "must be followed by tool messages"),
    ];
    all_refused(&OPENAI, &good, &changes);
    let mut bare = good.clone();
    bare.as_object_mut().unwrap().shift_remove("tools");
    all_refused(&OPENAI, &bare, &[("/parallel_tool_calls", json!(true), "only allowed when 'tools'")]);
}

#[test]
fn anthropic_refuses_what_is_wrong() {
    let good = json!({
        "model": "claude-haiku-4-5", "max_tokens": 2000,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]},
        ],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "output_config": {"format": {"schema": {"type": "object", "additionalProperties": false}}},
    });
    let changes = [
        ("/unknown", json!(1), "Extra inputs"),
        ("/max_tokens", json!(0), "max_tokens"),
        ("/temperature", json!(1.5), "range"),
        ("/thinking", json!({"type": "adaptive"}), "adaptive"),
        ("/thinking", json!({"type": "enabled", "budget_tokens": 2000}), "budget_tokens"),
        ("/tools/0/name", json!("no word"), "should match pattern"),
        ("/tools/0/input_schema/type", json!("array"), "input_schema.type"),
        ("/output_config/format/schema/minimum", json!(1), "'minimum' is not supported"),
        ("/output_config/format/schema/additionalProperties", json!(true), "explicitly set to false"),
        ("/messages/0/role", json!("assistant"), "first message"),
        ("/messages/0/content/0/text", json!(" "), "non-whitespace"),
        ("/messages/0/content/0/type", json!("sound"), "expected tags"),
        ("/messages/1/content/0/id", json!("t2"), "without `tool_result`"),
        ("/messages/2/content/0/type", json!("text"), "without `tool_result`"),
    ];
    all_refused(&ANTHROPIC, &good, &changes);
}
