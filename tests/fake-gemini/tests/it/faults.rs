//! Refusals and broken replies.

use std::time::Duration;

use fake_gemini::{Ended, FakeGemini, Fault, Reply, UPSTREAM_BODY_MARKER};
use serde_json::{Value, json};

use crate::{client, frames, post, prompt, streamed, text, unary};

#[tokio::test]
async fn every_fault_is_a_status_in_googles_words_with_the_marker() {
    let fake = FakeGemini::start().await;
    for (fault, code, status) in [
        (Fault::invalid_argument("No."), 400, "INVALID_ARGUMENT"),
        (Fault::api_key_invalid(), 400, "INVALID_ARGUMENT"),
        (Fault::unauthenticated(), 401, "UNAUTHENTICATED"),
        (Fault::permission_denied(), 403, "PERMISSION_DENIED"),
        (Fault::model_not_found("nope"), 404, "NOT_FOUND"),
        (Fault::resource_exhausted(Duration::from_secs(7)), 429, "RESOURCE_EXHAUSTED"),
        (Fault::internal(), 500, "INTERNAL"),
        (Fault::unavailable(), 503, "UNAVAILABLE"),
        (Fault::deadline_exceeded(), 504, "DEADLINE_EXCEEDED"),
    ] {
        for method in ["generateContent", "streamGenerateContent?alt=sse"] {
            fake.script([fault.clone().into()]);
            let response = post(&fake, method, &prompt("x")).await;
            assert_eq!(response.status(), code);
            assert_eq!(response.headers()["content-type"], "application/json; charset=UTF-8");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["error"]["code"], code);
            assert_eq!(body["error"]["status"], status);
            assert!(body["error"]["message"].as_str().unwrap().contains(UPSTREAM_BODY_MARKER));
        }
    }
}

#[tokio::test]
async fn a_quota_fault_says_when_to_come_back_twice() {
    let fake = FakeGemini::start().await;
    let fault = Fault::resource_exhausted(Duration::from_secs(7));
    fake.script([fault.clone().into(), fault.without_retry_header().into()]);
    let response = post(&fake, "generateContent", &prompt("x")).await;
    assert_eq!(response.headers()["retry-after"], "7");
    let body: Value = response.json().await.unwrap();
    let details = body["error"]["details"].as_array().unwrap();
    assert_eq!(
        details.last().unwrap(),
        &json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s" })
    );
    assert!(!post(&fake, "generateContent", &prompt("x")).await.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn keys_are_checked_as_google_checks_them() {
    let fake = FakeGemini::builder().key("right").start().await;
    let url = format!("{}models/gemini-2.5-flash:generateContent", fake.url());
    let post = |url: &str| client().post(url).json(&prompt("x"));
    let right = [
        post(&url).header("x-goog-api-key", "right"),
        post(&format!("{url}?key=right")),
        post(&url).bearer_auth("right"),
    ];
    for request in right {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let wrong = [
        (post(&url).header("x-goog-api-key", "wrong"), 400, json!("API_KEY_INVALID")),
        (post(&format!("{url}?key=wrong")), 400, json!("API_KEY_INVALID")),
        (post(&url).bearer_auth("wrong"), 401, json!("ACCESS_TOKEN_TYPE_UNSUPPORTED")),
        (post(&url), 403, Value::Null),
    ];
    for (request, status, reason) in wrong {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["details"][0]["reason"], reason);
    }
}

#[tokio::test]
async fn unknown_models_and_paths_are_not_found() {
    let fake = FakeGemini::builder().models(["gemini-3-pro"]).start().await;
    let response = post(&fake, "generateContent", &prompt("x")).await;
    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.unwrap();
    assert!(body["error"]["message"].as_str().unwrap().starts_with("models/gemini-2.5-flash is not found"));
    let list: Value =
        client().get(format!("{}models", fake.url())).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["models"][0]["name"], "models/gemini-3-pro");
    let response = client().post(format!("{}/v1betamodels/x:generateContent", fake.origin())).send().await;
    let response = response.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().contains("<title>")), (404, true));
}

#[tokio::test]
async fn bodies_that_are_not_what_they_claim() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::malformed_json(), Reply::html()]);
    let broken = post(&fake, "generateContent", &prompt("x")).await;
    assert_eq!(broken.status(), 200);
    let body = broken.text().await.unwrap();
    assert!(body.contains(UPSTREAM_BODY_MARKER) && serde_json::from_str::<Value>(&body).is_err());
    let html = post(&fake, "generateContent", &prompt("x")).await;
    assert_eq!(
        (html.status().as_u16(), &html.headers()["content-type"]),
        (502, &"text/html; charset=UTF-8".parse().unwrap())
    );
    assert!(html.text().await.unwrap().contains(UPSTREAM_BODY_MARKER));
}

#[tokio::test]
async fn a_cut_stream_gives_its_chunks_and_then_an_error() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["a", "b", "c"]).cut_after(2)]);
    let mut response = streamed(&fake, "x").await;
    let mut body = String::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(piece)) => body += str::from_utf8(&piece).unwrap(),
            Ok(None) => panic!("the body ended properly: {body}"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(frames(&body).iter().map(text).collect::<String>(), "ab");
    assert!(matches!(fake.request(0).ended(), Some(Ended::Finished(_))));
    fake.script([Reply::text("a unary reply").cut_after(0)]);
    assert!(post(&fake, "generateContent", &prompt("x")).await.bytes().await.is_err());
}

#[tokio::test]
async fn a_stream_may_end_properly_without_a_finish_reason() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["a", "b"]).end_after(2), Reply::chunks(["a", "b"]).end_after(0)]);
    let frames = frames(&streamed(&fake, "x").await.text().await.unwrap());
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|frame| frame["candidates"][0].get("finishReason").is_none()));
    assert_eq!(streamed(&fake, "x").await.text().await.unwrap(), "");
}

#[tokio::test]
async fn an_error_inside_a_stream_is_a_frame_and_on_a_unary_call_the_reply() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::chunks(["a", "b"]).error_after(1, Fault::unavailable()));
    let response = streamed(&fake, "x").await;
    assert_eq!(response.status(), 200);
    let frames = frames(&response.text().await.unwrap());
    assert_eq!((frames.len(), text(&frames[0])), (2, "a".to_owned()));
    assert_eq!(frames[1]["error"]["status"], "UNAVAILABLE");
    assert!(frames[1].to_string().contains(UPSTREAM_BODY_MARKER));
    assert_eq!(post(&fake, "generateContent", &prompt("x")).await.status(), 503);
}

#[tokio::test]
async fn the_fake_refuses_what_gemini_refuses_and_forgives_when_told() {
    let schema =
        json!({ "responseMimeType": "application/json", "responseJsonSchema": { "type": "object" } });
    let mut both = prompt("x");
    both["generationConfig"] = schema;
    both["tools"] = json!([{ "functionDeclarations": [{ "name": "f", "description": "F" }] }]);
    let mut typo = prompt("x");
    typo["generationConfig"] = json!({ "maxTokens": 5 });
    let mut openapi = prompt("x");
    openapi["tools"] = json!([{ "functionDeclarations": [{ "name": "f", "parameters": { "$ref": "#" } }] }]);
    let strict = FakeGemini::start().await;
    let lenient = FakeGemini::builder().lenient().start().await;
    for (body, message) in [
        (json!({}), "contents is not specified"),
        (typo, "Unknown name \"maxTokens\" at 'generation_config': Cannot find field."),
        (openapi, "Unknown name \"$ref\" at 'tools[0].function_declarations[0].parameters'"),
        (both.clone(), "Function calling with a response mime type: 'application/json' is unsupported"),
    ] {
        let response = post(&strict, "generateContent", &body).await;
        assert_eq!(response.status(), 400);
        let answer: Value = response.json().await.unwrap();
        assert!(answer["error"]["message"].as_str().unwrap().contains(message), "{answer}");
        assert_eq!(post(&lenient, "generateContent", &body).await.status(), 200);
    }
    assert_eq!(crate::post_to(&strict, "gemini-3-pro", "generateContent", &both).await.status(), 200);
    assert_eq!(unary(&strict, "still well").await["responseId"], "fake-5");
}
