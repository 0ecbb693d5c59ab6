//! Every procedure answers what its route in REST answers.

use grpc::proto::{
    CharacterRequest, ChatRequest, CodeRequest, CodeReviewRequest, HealthRequest, ImageRequest, JokeRequest,
    StoryRequest, TranslateRequest,
};
use serde_json::{Value, json};
use tonic::Request;

use crate::server::{Server, read};

/// The image that is described; the schema's default lies elsewhere.
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

    let request = JokeRequest { name: "Banana".into(), username: "Alice".into() };
    let joke = client.tell_joke(request).await.unwrap().into_inner();
    let twin = rest("/tell-joke", json!({"name": "Banana", "username": "Alice"})).await;
    assert_eq!(json!({"joke": joke.joke, "username": joke.username}), twin);

    let request = TranslateRequest { text: "Hello".into(), target_language: "Japanese".into() };
    let it = client.translate_text(request).await.unwrap().into_inner();
    let twin = rest("/translate", json!({"text": "Hello", "target_language": "Japanese"})).await;
    let ours = json!({
        "original_text": it.original_text, "translated_text": it.translated_text,
        "target_language": it.target_language, "confidence": it.confidence,
    });
    assert_eq!(ours, twin);

    let it = client.describe_image(ImageRequest { image_url: IMAGE.into() }).await.unwrap().into_inner();
    let twin = rest("/describe-image", json!({"image_url": IMAGE})).await;
    assert_eq!(json!({"description": it.description, "image_url": it.image_url}), twin);

    let it = client.generate_character(CharacterRequest { name: "Rex".into() }).await.unwrap().into_inner();
    let twin = rest("/generate-character", json!({"name": "Rex"})).await;
    let skills = it.skills.unwrap();
    let ours = json!({
        "name": it.name, "backStory": it.back_story, "abilities": it.abilities,
        "skills": {
            "strength": skills.strength, "charisma": skills.charisma, "endurance": skills.endurance,
        },
    });
    assert_eq!(ours, twin);

    let it = client.pirate_chat(ChatRequest { question: "Ahoy?".into() }).await.unwrap().into_inner();
    let twin = rest("/chat", json!({"question": "Ahoy?"})).await;
    assert_eq!(json!({"answer": it.answer, "persona": it.persona}), twin);

    let request = CodeRequest { description: "a queue".into(), language: "rust".into() };
    let it = client.generate_code(request).await.unwrap().into_inner();
    let twin = rest("/generate-code", json!({"description": "a queue", "language": "rust"})).await;
    let ours = json!({
        "code": it.code, "language": it.language, "explanation": it.explanation, "filename": it.filename,
    });
    assert_eq!(ours, twin);

    let request = CodeReviewRequest { code: "x = 1".into(), language: "python".into() };
    let it = client.review_code(request).await.unwrap().into_inner();
    let twin = rest("/review-code", json!({"code": "x = 1", "language": "python"})).await;
    assert_eq!(serde_json::from_str::<Value>(&it.review).unwrap(), twin);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chunks_of_a_stream_make_up_the_result_of_its_route() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let story = client.tell_story(StoryRequest { topic: "a fox".into() }).await;
    let (chunks, status) = read(story, |it| it.text).await;
    assert!(status.is_none() && chunks.len() > 2, "{chunks:?} {status:?}");
    let (_, twin) = server.post("/flows/tell_story", &json!({"data": {"topic": "a fox"}})).await;
    assert_eq!(chunks.concat(), twin["result"]["story"]);

    let joke = client.tell_joke_stream(JokeRequest { name: "Fox".into(), username: String::new() }).await;
    let (chunks, status) = read(joke, |it| it.text).await;
    assert!(status.is_none() && chunks.len() > 2, "{chunks:?} {status:?}");
    let (_, twin) = server.post("/tell-joke", &json!({"name": "Fox"})).await;
    assert_eq!(chunks.concat(), twin["joke"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_string_means_the_default_of_the_schema() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let twin = async |path: &str| server.post(path, &json!({})).await.1;

    assert_eq!(
        client.tell_joke(JokeRequest::default()).await.unwrap().into_inner().joke,
        twin("/tell-joke").await["joke"]
    );
    let translation = client.translate_text(TranslateRequest::default()).await.unwrap().into_inner();
    let expected = twin("/translate").await;
    assert_eq!(translation.original_text, expected["original_text"]);
    assert_eq!(translation.target_language, expected["target_language"]);
    let image = client.describe_image(ImageRequest::default()).await.unwrap().into_inner();
    assert_eq!(image.image_url, twin("/describe-image").await["image_url"]);
    let hero = client.generate_character(CharacterRequest::default()).await.unwrap().into_inner();
    assert_eq!(hero.name, twin("/generate-character").await["name"]);
    let chat = client.pirate_chat(ChatRequest::default()).await.unwrap().into_inner();
    assert_eq!(chat.answer, twin("/chat").await["answer"]);
    let code = client.generate_code(CodeRequest::default()).await.unwrap().into_inner();
    assert_eq!(code.language, twin("/generate-code").await["language"]);
    let review = client.review_code(CodeReviewRequest::default()).await.unwrap().into_inner();
    assert_eq!(serde_json::from_str::<Value>(&review.review).unwrap(), twin("/review-code").await);
    let (story, status) = read(client.tell_story(StoryRequest::default()).await, |it| it.text).await;
    assert!(status.is_none() && story.concat().contains("a brave cat"), "{story:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_acts_as_the_headers_of_rest() {
    let server = Server::demo(&[]);
    let mut client = server.client().await;
    let mut request = Request::new(JokeRequest { username: "Bob".into(), ..JokeRequest::default() });
    request.metadata_mut().insert("authorization", "Alice".parse().unwrap());
    request.metadata_mut().insert("x-request-id", "my-own-id".parse().unwrap());
    let answer = client.tell_joke(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "my-own-id");
    assert_eq!(answer.metadata().get("x-model").unwrap(), "demo");
    assert_eq!(answer.into_inner().username, "Alice");

    let made_up = client.health(HealthRequest {}).await.unwrap();
    assert_eq!(made_up.metadata().get("x-request-id").unwrap().len(), 36);
}
