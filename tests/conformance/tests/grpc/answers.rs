//! Every procedure answers what its route in REST answers.

use conformance::proto::{FactsRequest, FormRequest, HealthRequest, MediaRequest, NoteRequest, TopicRequest};
use serde_json::{Value, json};
use tonic::Request;

use crate::server::{Server, about, read};

/// The image that is captioned; the schema's default lies elsewhere.
const IMAGE: &str = "data:image/png;base64,iVBORw0KGgo=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_procedure_answers_what_its_route_answers() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let rest = async |path: &str, body: Value| {
        let (status, body) = server.post(path, &body).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    };

    let health = client.health(HealthRequest {}).await.unwrap().into_inner();
    assert_eq!(health.status, "ok");

    let request = NoteRequest { name: "Banana".into(), username: "Alice".into() };
    let it = client.write_note(request).await.unwrap().into_inner();
    let twin = rest("/write-note", json!({"name": "Banana", "username": "Alice"})).await;
    assert_eq!(json!({"note": it.note, "username": it.username}), twin);

    let request = FactsRequest { text: "Hello".into(), language: "Japanese".into() };
    let it = client.extract_facts(request).await.unwrap().into_inner();
    let twin = rest("/extract", json!({"text": "Hello", "language": "Japanese"})).await;
    let counts = it.counts.unwrap();
    let ours = json!({
        "sourceText": it.source_text, "facts": it.facts,
        "counts": {"people": counts.people, "places": counts.places}, "certainty": it.certainty,
    });
    assert_eq!(ours, twin);

    let it = client.caption_media(MediaRequest { media_url: IMAGE.into() }).await.unwrap().into_inner();
    let twin = rest("/caption-media", json!({"media_url": IMAGE})).await;
    assert_eq!(json!({"caption": it.caption, "media_url": it.media_url}), twin);

    let it = client.fill_form(FormRequest { title: "Visa".into() }).await.unwrap().into_inner();
    let twin = rest("/fill-form", json!({"title": "Visa"})).await;
    assert_eq!(json!({"title": it.title, "content": it.content, "copies": 1}), twin);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chunks_of_a_stream_make_up_the_result_of_its_route() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let sentences = client.stream_sentences(TopicRequest { topic: "a fox".into() }).await;
    let (chunks, status) = read(sentences, |it| it.text).await;
    assert!(status.is_none() && chunks.len() > 1, "{chunks:?} {status:?}");
    let (_, twin) = server.post("/flows/stream_sentences", &json!({"data": {"topic": "a fox"}})).await;
    assert_eq!(chunks.concat(), twin["result"]["text"]);

    let note = client.write_note_stream(about("Fox")).await;
    let (chunks, status) = read(note, |it| it.text).await;
    assert!(status.is_none() && chunks.len() > 2, "{chunks:?} {status:?}");
    let (_, twin) = server.post("/write-note", &json!({"name": "Fox"})).await;
    assert_eq!(chunks.concat(), twin["note"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_partial_objects_ends_with_the_result_of_its_route() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let form = client.fill_form_stream(FormRequest { title: "Visa".into() }).await;
    let (mut messages, status) = read(form, |it| it).await;
    let done = messages.pop().unwrap();
    assert!(status.is_none() && messages.len() > 2, "{messages:?} {status:?}");
    assert_eq!(done.partial, "");
    let done = done.done.unwrap();
    let (_, twin) = server.post("/fill-form", &json!({"title": "Visa"})).await;
    assert_eq!(json!({"title": done.title, "content": done.content, "copies": 1}), twin);
    assert!(messages.iter().all(|it| it.done.is_none()));
    let known: Vec<Value> = messages.iter().map(|it| serde_json::from_str(&it.partial).unwrap()).collect();
    assert_eq!(known.last().unwrap()["content"], twin["content"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_string_means_the_default_of_the_schema() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let twin = async |path: &str| server.post(path, &json!({})).await.1;

    let note = client.write_note(NoteRequest::default()).await.unwrap().into_inner();
    assert_eq!(note.note, twin("/write-note").await["note"]);
    let facts = client.extract_facts(FactsRequest::default()).await.unwrap().into_inner();
    let expected = twin("/extract").await;
    assert_eq!(
        (json!(facts.source_text), json!(facts.facts)),
        (expected["sourceText"].clone(), expected["facts"].clone())
    );
    let image = client.caption_media(MediaRequest::default()).await.unwrap().into_inner();
    assert_eq!(image.media_url, twin("/caption-media").await["media_url"]);
    let (text, status) = read(client.stream_sentences(TopicRequest::default()).await, |it| it.text).await;
    assert!(status.is_none() && text.concat().contains("a brave cat"), "{text:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_acts_as_the_headers_of_rest() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let mut request = Request::new(NoteRequest { username: "Bob".into(), ..NoteRequest::default() });
    request.metadata_mut().insert("authorization", "Alice".parse().unwrap());
    request.metadata_mut().insert("x-request-id", "my-own-id".parse().unwrap());
    let answer = client.write_note(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "my-own-id");
    assert_eq!(answer.metadata().get("x-model").unwrap(), "demo");
    assert_eq!(answer.into_inner().username, "Alice");

    let made_up = client.health(HealthRequest {}).await.unwrap();
    assert_eq!(made_up.metadata().get("x-request-id").unwrap().len(), 36);
}
