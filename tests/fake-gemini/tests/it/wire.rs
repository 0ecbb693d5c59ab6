//! Each builder's bytes.

use std::time::{Duration, Instant};

use fake_gemini::{FakeGemini, Finish, Gate, Matcher, Part, Reply, SIGNATURE, Usage};
use serde_json::{Value, json};

use crate::{SOON, client, frames, post, prompt, streamed, text, unary};

#[tokio::test]
async fn a_unary_reply_joins_the_chunks_and_counts_tokens() {
    let fake = FakeGemini::start().await;
    let usage = Usage { prompt: 11, candidates: 7, thoughts: 5, cached: 3 };
    fake.script([Reply::chunks(["Once ", "upon"]).thought("Hm.").usage(usage)]);
    let response = post(&fake, "generateContent", &prompt("a fable")).await;
    assert_eq!(response.headers()["content-type"], "application/json; charset=UTF-8");
    let body: Value = response.json().await.unwrap();
    let expected = json!({
        "candidates": [{
            "content": {
                "parts": [{ "text": "Hm.", "thought": true }, { "text": "Once upon" }],
                "role": "model",
            },
            "index": 0,
            "finishReason": "STOP",
        }],
        "usageMetadata": {
            "promptTokenCount": 11,
            "totalTokenCount": 23,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 11 }],
            "candidatesTokenCount": 7,
            "thoughtsTokenCount": 5,
            "cachedContentTokenCount": 3,
        },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "fake-0",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_stream_is_data_frames_ended_by_crlf_with_the_finish_in_the_last() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["Once ", "upon ", "a time"])]);
    let response = streamed(&fake, "a fable").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let body = response.text().await.unwrap();
    assert!(
        body.starts_with("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Once \"}],"),
        "{body}"
    );
    assert!(body.ends_with("}\r\n\r\n"), "{body}");
    let frames = frames(&body);
    assert_eq!(frames.iter().map(text).collect::<Vec<_>>(), ["Once ", "upon ", "a time"]);
    let reasons: Vec<&Value> = frames.iter().map(|frame| &frame["candidates"][0]["finishReason"]).collect();
    assert_eq!(reasons, [&Value::Null, &Value::Null, &json!("STOP")]);
    assert!(frames[2]["usageMetadata"]["candidatesTokenCount"].is_u64());
}

#[tokio::test]
async fn without_alt_sse_a_stream_is_one_json_array() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::chunks(["a", "b"]));
    let whole: Value = post(&fake, "streamGenerateContent", &prompt("x")).await.json().await.unwrap();
    assert_eq!(whole.as_array().unwrap().iter().map(text).collect::<Vec<_>>(), ["a", "b"]);
    fake.script([Reply::chunks(["a", "b"]).end_after(0)]);
    let none: Value = post(&fake, "streamGenerateContent", &prompt("x")).await.json().await.unwrap();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn calls_are_signed_on_the_first_and_may_have_ids() {
    let fake = FakeGemini::start().await;
    fake.script([
        Reply::calls([("weather", json!({ "city": "Oslo" })), ("time", json!({}))]),
        Reply::parts([Part::call("weather", json!({ "city": "Rome" })).id("c1").signed("sig")]),
    ]);
    let two = unary(&fake, "x").await;
    let parts = json!([
        { "functionCall": { "name": "weather", "args": { "city": "Oslo" } }, "thoughtSignature": SIGNATURE },
        { "functionCall": { "name": "time", "args": {} } },
    ]);
    assert_eq!(two["candidates"][0]["content"]["parts"], parts);
    let one = unary(&fake, "x").await;
    let call = json!({ "name": "weather", "args": { "city": "Rome" }, "id": "c1" });
    let part = json!({ "functionCall": call, "thoughtSignature": "sig" });
    assert_eq!(one["candidates"][0]["content"]["parts"], json!([part]));
}

#[tokio::test]
async fn other_finish_reasons_and_blocked_prompts() {
    let fake = FakeGemini::start().await;
    for finish in [Finish::MaxTokens, Finish::Safety, Finish::Recitation, Finish::MalformedFunctionCall] {
        fake.script([Reply::text("half").finish(finish.clone()), Reply::nothing(finish.clone())]);
        let half = unary(&fake, "x").await;
        assert_eq!(half["candidates"][0]["finishReason"], finish.name());
        assert_eq!(text(&half), "half");
        let nothing = unary(&fake, "x").await;
        assert_eq!(nothing["candidates"][0]["finishReason"], finish.name());
        assert!(nothing["candidates"][0].get("content").is_none(), "{nothing}");
    }
    fake.otherwise(Reply::blocked("PROHIBITED_CONTENT"));
    let unary = unary(&fake, "x").await;
    assert_eq!(unary["promptFeedback"], json!({ "blockReason": "PROHIBITED_CONTENT" }));
    assert!(unary.get("candidates").is_none());
    let streamed = frames(&streamed(&fake, "x").await.text().await.unwrap());
    assert_eq!(streamed.len(), 1);
    assert_eq!(streamed[0]["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
}

#[tokio::test]
async fn a_finish_alone_and_json_in_pieces() {
    let fake = FakeGemini::start().await;
    let value = json!({ "title": "Ein schöner Tag", "stars": [1, 2, 3], "note": "long enough for pieces" });
    fake.script([Reply::json(&value).finish_alone()]);
    let frames = frames(&streamed(&fake, "x").await.text().await.unwrap());
    let (last, rest) = frames.split_last().unwrap();
    assert!(rest.len() > 2);
    assert_eq!(serde_json::from_str::<Value>(&rest.iter().map(text).collect::<String>()).unwrap(), value);
    assert_eq!(last["candidates"], json!([{ "index": 0, "finishReason": "STOP" }]));
}

#[tokio::test]
async fn pieces_of_bytes_arrive_torn_and_join_whole() {
    let fake = FakeGemini::start().await;
    fake.script([Reply::chunks(["naïve ", "– ✓"]).split_bytes(3)]);
    let mut response = streamed(&fake, "x").await;
    let (mut whole, mut torn) = (Vec::new(), 0);
    while let Some(piece) = response.chunk().await.unwrap() {
        torn += usize::from(str::from_utf8(&piece).is_err());
        whole.extend_from_slice(&piece);
    }
    assert!(torn > 0, "a character was torn");
    let frames = frames(&String::from_utf8(whole).unwrap());
    assert_eq!(frames.iter().map(text).collect::<String>(), "naïve – ✓");
}

#[tokio::test]
async fn delays_and_gates_hold_a_reply_back() {
    let fake = FakeGemini::start().await;
    let pause = Duration::from_millis(40);
    fake.script([Reply::chunks(["a", "b"]).header_delay(pause).chunk_delay(pause)]);
    let started = Instant::now();
    let response = streamed(&fake, "x").await;
    assert!(started.elapsed() >= pause);
    response.bytes().await.unwrap();
    assert!(started.elapsed() >= pause * 3);

    let (head, tail) = (Gate::new(), Gate::new());
    fake.script([Reply::chunks(["a", "b"]).hold(&head).hold_after(1, &tail)]);
    head.open();
    let mut response = streamed(&fake, "x").await;
    assert_eq!(frames(str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap()).len(), 1);
    assert!(fake.last().unwrap().ended().is_none());
    tail.open();
    assert_eq!(frames(str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap()).len(), 1);
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn replies_come_from_the_queue_then_the_newest_rule_then_the_default() {
    let fake = FakeGemini::start().await;
    fake.otherwise("default");
    fake.on("cat", "meow");
    fake.on(Matcher::prompt("cat").and(Matcher::prompt("loud")), "MEOW");
    fake.once("dog", "woof");
    fake.script([Reply::text("first")]);
    for (asked, answered) in [
        ("a dog", "woof"),
        ("a dog", "first"),
        ("a dog", "default"),
        ("a cat", "meow"),
        ("a loud cat", "MEOW"),
    ] {
        assert_eq!(text(&unary(&fake, asked).await), answered, "{asked}");
    }
    assert_eq!(fake.unused(), 0);
    let image = json!({ "inline_data": { "mime_type": "image/png", "data": "AAAA" } });
    let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "cat" }, image] }] });
    fake.on(Matcher::image(), "a picture");
    fake.on(Matcher::streaming(), "a stream");
    fake.on(Matcher::schema().not().and(Matcher::tools()), "tools");
    let seen: Value = post(&fake, "generateContent", &body).await.json().await.unwrap();
    assert_eq!(text(&seen), "a picture");
    let seen = frames(&post(&fake, "streamGenerateContent?alt=sse", &body).await.text().await.unwrap());
    assert_eq!(text(&seen[0]), "a stream");
}

#[tokio::test]
async fn requests_are_recorded_whole() {
    let fake = FakeGemini::start().await;
    let url = format!("{}/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=k", fake.origin());
    let request = client().post(url).header("x-trace", "t1").json(&prompt("Hello there"));
    request.send().await.unwrap().bytes().await.unwrap();
    let request = fake.wait_request(0, SOON).await;
    assert_eq!(request.method, "POST");
    assert_eq!(&*request.path, "/v1/models/gemini-2.5-pro:streamGenerateContent");
    assert_eq!((request.query_param("alt"), request.query_param("key")), (Some("sse"), Some("k")));
    assert_eq!(request.header("x-trace"), Some("t1"));
    assert_eq!((request.model(), request.streams()), ("gemini-2.5-pro", true));
    assert_eq!(request.prompt(), "Hello there");
    assert_eq!(fake.bodies(), [prompt("Hello there")]);
    assert_eq!(fake.last().unwrap().index, 0);
}

#[tokio::test]
async fn hundreds_at_once_each_get_their_own_reply() {
    let fake = FakeGemini::start().await;
    let gate = Gate::new();
    let client = client();
    for n in 0..300 {
        fake.on(
            Matcher::prompt(format!("<{n}>")),
            Reply::chunks([format!("{n}"), "!".to_owned()]).hold(&gate),
        );
    }
    let asked = (0..300).map(|n| {
        let url = format!("{}models/gemini-2.5-flash:streamGenerateContent?alt=sse", fake.url());
        let request = client.post(url).json(&prompt(&format!("<{n}>")));
        async move { request.send().await.unwrap().text().await.unwrap() }
    });
    let all = futures_util::future::join_all(asked);
    let open = async {
        fake.wait_until(|stats| stats.active == 300, SOON).await.unwrap();
        gate.open();
    };
    let (bodies, ()) = tokio::join!(all, open);
    for (n, body) in bodies.iter().enumerate() {
        assert_eq!(frames(body).iter().map(text).collect::<String>(), format!("{n}!"));
    }
    let stats = fake.wait_until(|stats| stats.active == 0, SOON).await.unwrap();
    assert_eq!((stats.received, stats.finished, stats.peak, stats.dropped), (300, 300, 300, 0));
}
