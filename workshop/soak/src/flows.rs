//! The flows as the soak calls them: by route and by name, whole and streamed.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::answer::{Chunks, Ending, Expect, Format};
use crate::request::{Request, post};

/// A flow, as the soak calls it.
pub struct Flow {
    pub name: &'static str,
    /// Its own route, unless it only streams there.
    pub route: Option<&'static str>,
    /// The route of its stream, if it streams, and what comes before the result.
    pub stream: Option<(&'static str, Chunks)>,
    /// The member of the input that takes a text, and the further ones.
    pub input: fn(String) -> Value,
    /// The members of the result.
    pub members: &'static [&'static str],
    /// The member of the result that repeats the input's text.
    pub echo: Option<&'static str>,
}

static FLOWS: [Flow; 8] = [
    Flow {
        name: "tell_joke",
        route: Some("/tell-joke"),
        stream: Some(("/tell-joke/stream", Chunks::Text("joke"))),
        input: |text| json!({"name": text, "username": "Ann"}),
        members: &["joke", "username"],
        echo: Some("joke"),
    },
    Flow {
        name: "tell_story",
        route: None,
        stream: Some(("/tell-story/stream", Chunks::Text("story"))),
        input: |text| json!({"topic": text}),
        members: &["story"],
        echo: Some("story"),
    },
    Flow {
        name: "translate_text",
        route: Some("/translate"),
        stream: None,
        input: |text| json!({"text": text, "target_language": "German"}),
        members: &["original_text", "translated_text", "target_language", "confidence"],
        echo: Some("original_text"),
    },
    Flow {
        name: "describe_image",
        route: Some("/describe-image"),
        stream: None,
        input: |text| json!({"image_url": format!("https://example.com/{}.png", text.replace(' ', "-"))}),
        members: &["description", "image_url"],
        echo: Some("image_url"),
    },
    Flow {
        name: "generate_character",
        route: Some("/generate-character"),
        stream: None,
        input: |text| json!({"name": text}),
        members: &["name", "backStory", "abilities", "skills"],
        echo: None,
    },
    Flow {
        name: "pirate_chat",
        route: Some("/chat"),
        stream: None,
        input: |text| json!({"question": text}),
        members: &["answer", "persona"],
        echo: Some("answer"),
    },
    Flow {
        name: "generate_code",
        route: Some("/generate-code"),
        stream: Some(("/generate-code/stream", Chunks::Objects)),
        input: |text| json!({"description": text, "language": "rust"}),
        members: &["code", "language", "explanation", "filename"],
        echo: None,
    },
    Flow {
        name: "review_code",
        route: Some("/review-code"),
        stream: None,
        input: |text| json!({"code": text}),
        members: &["summary", "issues", "score", "language"],
        echo: None,
    },
];

/// Any flow.
pub fn any(rng: &mut Rng) -> &'static Flow {
    one_of(rng, FLOWS.iter())
}

/// A flow with a route that does not stream.
pub fn routed(rng: &mut Rng) -> &'static Flow {
    one_of(rng, FLOWS.iter().filter(|it| it.route.is_some()))
}

/// A flow whose prompt is its text, so that a marker in it reaches the model.
pub fn prompted(rng: &mut Rng) -> &'static Flow {
    let flows = FLOWS.iter().filter(|it| it.route.is_some() && it.name != "describe_image");
    one_of(rng, flows)
}

/// A flow that streams.
pub fn streaming(rng: &mut Rng) -> &'static Flow {
    one_of(rng, FLOWS.iter().filter(|it| it.stream.is_some()))
}

/// A flow that streams text, so that whatever the model says is a chunk.
pub fn streaming_text(rng: &mut Rng) -> &'static Flow {
    one_of(rng, FLOWS.iter().filter(|it| matches!(it.stream, Some((_, Chunks::Text(_))))))
}

fn one_of(rng: &mut Rng, flows: impl Iterator<Item = &'static Flow>) -> &'static Flow {
    let flows: Vec<_> = flows.collect();
    flows[rng.usize(..flows.len())]
}

/// Calls a flow by its route, or by its name, with this text; it succeeds or fails with this status.
pub fn flow_request(flow: &Flow, by_name: bool, text: String, fails: Option<u16>) -> Request {
    let echo = flow.echo.map(|member| (member, text.clone()));
    let input = (flow.input)(text);
    let (path, body) = match flow.route.filter(|_| !by_name) {
        Some(route) => (route.to_owned(), input),
        None => (format!("/flows/{}", flow.name), json!({"data": input})),
    };
    let expect = match fails {
        Some(status) => Expect::Error { format: Format::of(&path), status },
        None => Expect::Result { envelope: by_name, members: flow.members, echo },
    };
    post(path, body.to_string(), expect)
}

/// Streams a flow by its route, or by its name where it has none.
pub fn stream_request(rng: &mut Rng, flow: &Flow, by_name: bool, text: String, ending: Ending) -> Request {
    let input = (flow.input)(text);
    let route = flow.stream.map(|it| it.0).filter(|_| !by_name);
    let (format, data) = match route {
        Some(_) => (Format::Problem, input),
        None => (Format::Genkit, json!({"data": input})),
    };
    // A flow by name is asked for a stream in one of two ways.
    let by_header = route.is_none() && rng.bool();
    let query = if by_header { "" } else { "?stream=true" };
    let path = route.map_or_else(|| format!("/flows/{}{query}", flow.name), str::to_owned);
    let expect = Expect::Stream { format, ending };
    Request { accept_stream: by_header, ..post(path, data.to_string(), expect) }
}
