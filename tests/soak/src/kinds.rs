//! The mix: every route, every way to be wrong, every fault, and clients that leave.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::judge::{Dialect, Ending, Expect};
use crate::upstream::{AT_ONCE, GOES_SILENT, MIDWAY, PROMPT, SILENCE, SLOW};

/// One request, what its answer must be, and whether its client waits for it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub content_type: Option<&'static str>,
    pub accept_stream: bool,
    pub body: Body,
    pub expect: Expect,
    pub leave: Option<Leave>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    Whole(Bytes),
    /// The same without a `Content-Length`.
    Pieces(Vec<Bytes>),
    /// A piece after which the client sends nothing more.
    Unfinished(Bytes),
}

/// Twice what `MAX_BODY_SIZE` allows.
const TOO_LARGE: usize = 2 * 1024 * 1024;

/// When a client leaves.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    /// So long after it sent, unless an answer has begun.
    Waiting(Duration),
    /// So long after it began to send what it never sends whole.
    Sending(Duration),
    /// So long after the first chunk of a stream.
    Streaming(Duration),
}

/// A kind of request: its name, its weight in the mix and how to make one.
pub type Kind = (&'static str, u32, fn(&mut Rng) -> Request);

/// The mix. The rare ones hold their client for seconds.
pub const KINDS: [Kind; 17] = [
    ("call", 300, call),
    ("stream", 150, stream),
    ("flow call", 120, flow_call),
    ("flow stream", 80, flow_stream),
    ("probe", 60, probe),
    ("malformed", 25, malformed),
    ("bad UTF-8 in a member nobody reads", 3, malformed_where_ignored),
    ("invalid", 40, invalid),
    ("not found", 30, not_found),
    ("method not allowed", 20, not_allowed),
    ("too large", 4, too_large),
    ("upstream fault", 70, fault),
    ("fault in a stream", 25, fault_midway),
    ("upstream too slow", 2, too_slow),
    ("leaves a call", 15, leave_call),
    ("leaves a stream", 20, leave_stream),
    ("leaves while sending", 6, leave_sending),
];

/// Picks a kind by weight and makes a request of it.
pub fn pick(rng: &mut Rng) -> (usize, Request) {
    let mut at = rng.u32(..KINDS.iter().map(|it| it.1).sum::<u32>());
    for (nth, (_, weight, make)) in KINDS.iter().enumerate() {
        match at.checked_sub(*weight) {
            Some(rest) => at = rest,
            None => return (nth, make(rng)),
        }
    }
    unreachable!("the number is below the sum of the weights")
}

/// A flow, as the soak calls it.
struct Flow {
    name: &'static str,
    /// Its own route, unless it only streams there.
    route: Option<&'static str>,
    /// The route of its stream and the member that its text ends up in.
    stream: Option<(&'static str, &'static str)>,
    /// The member of the input that takes a text, and the further ones.
    input: fn(String) -> Value,
    /// The members of the result.
    members: &'static [&'static str],
    /// The member of the result that repeats the input's text.
    echo: Option<&'static str>,
}

const FLOWS: [Flow; 8] = [
    Flow {
        name: "tell_joke",
        route: Some("/tell-joke"),
        stream: Some(("/tell-joke/stream", "joke")),
        input: |text| json!({"name": text, "username": "Ann"}),
        members: &["joke", "username"],
        echo: Some("joke"),
    },
    Flow {
        name: "tell_story",
        route: None,
        stream: Some(("/tell-story/stream", "story")),
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
        stream: None,
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

/// A flow whose prompt is its text, so that a marker in it reaches the model.
fn prompted(rng: &mut Rng) -> &'static Flow {
    let flows = FLOWS.iter().filter(|it| it.route.is_some() && it.name != "describe_image");
    pick_one(rng, &flows.collect::<Vec<_>>())
}

fn streaming(rng: &mut Rng) -> &'static Flow {
    pick_one(rng, &FLOWS.iter().filter(|it| it.stream.is_some()).collect::<Vec<_>>())
}

fn pick_one<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

/// A text of its own, or one of a few that come again and again. It can be told from every other in an answer.
fn text(rng: &mut Rng) -> String {
    let number = if rng.u8(..10) < 3 { rng.u32(..20) } else { rng.u32(..) };
    format!("{PROMPT}-{number:08x}")
}

fn marked(rng: &mut Rng, marker: &str) -> String {
    format!("{} {marker}", text(rng))
}

fn ms(rng: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}

fn post(path: impl Into<String>, body: impl Into<Bytes>, expect: Expect) -> Request {
    Request {
        method: "POST",
        path: path.into(),
        content_type: Some("application/json"),
        accept_stream: false,
        body: Body::Whole(body.into()),
        expect,
        leave: None,
    }
}

fn bare(method: &'static str, path: impl Into<String>, expect: Expect) -> Request {
    Request { method, content_type: None, body: Body::None, ..post(path, Bytes::new(), expect) }
}

fn problem(path: &str, status: u16) -> Expect {
    Expect::Error { dialect: Dialect::of(path), status }
}

/// Calls a flow by its route, or by its name, with this text.
fn flow_request(flow: &Flow, by_name: bool, text: String, expect: Option<Expect>) -> Request {
    let echo = flow.echo.map(|member| (member, text.clone()));
    let input = (flow.input)(text);
    let right = || Expect::Result { envelope: by_name, members: flow.members, echo };
    let (path, body) = match flow.route.filter(|_| !by_name) {
        Some(route) => (route.to_owned(), input),
        None => (format!("/flows/{}", flow.name), json!({"data": input})),
    };
    post(path, body.to_string(), expect.unwrap_or_else(right))
}

/// Streams a flow by its route, or by its name where it has none.
fn stream_request(rng: &mut Rng, flow: &Flow, by_name: bool, text: String, ending: Ending) -> Request {
    let input = (flow.input)(text);
    let route = flow.stream.map(|it| it.0).filter(|_| !by_name);
    let (dialect, data) = match route {
        Some(_) => (Dialect::Problem, input),
        None => (Dialect::Genkit, json!({"data": input})),
    };
    // A flow by name is asked for a stream in one of two ways.
    let by_header = route.is_none() && rng.bool();
    let query = if by_header { "" } else { "?stream=true" };
    let path = route.map_or_else(|| format!("/flows/{}{query}", flow.name), str::to_owned);
    let expect = Expect::Stream { dialect, ending };
    Request { accept_stream: by_header, ..post(path, data.to_string(), expect) }
}

fn call(rng: &mut Rng) -> Request {
    let flow = pick_one(rng, &FLOWS.iter().filter(|it| it.route.is_some()).collect::<Vec<_>>());
    flow_request(flow, false, text(rng), None)
}

fn stream(rng: &mut Rng) -> Request {
    whole_stream(rng, streaming, false)
}

fn flow_call(rng: &mut Rng) -> Request {
    let flow = &FLOWS[rng.usize(..FLOWS.len())];
    flow_request(flow, true, text(rng), None)
}

fn flow_stream(rng: &mut Rng) -> Request {
    whole_stream(rng, |rng| &FLOWS[rng.usize(..FLOWS.len())], true)
}

fn whole_stream(rng: &mut Rng, flow: fn(&mut Rng) -> &'static Flow, by_name: bool) -> Request {
    let flow = flow(rng);
    let text = text(rng);
    let echo = flow.echo.map_or_else(String::new, |_| text.clone());
    let ending = Ending::Done { member: flow.stream.map(|it| it.1), echo };
    stream_request(rng, flow, by_name, text, ending)
}

fn probe(rng: &mut Rng) -> Request {
    match rng.u8(..5) {
        0 => bare("HEAD", "/health", Expect::Empty { status: 200 }),
        1 => bare("GET", "/ready", Expect::Probe { member: Some("checks") }),
        2 => bare("GET", "/readyz", Expect::Probe { member: Some("checks") }),
        3 => bare("GET", "/health", Expect::Probe { member: None }),
        _ => bare("GET", "/healthz", Expect::Probe { member: None }),
    }
}

fn some_path(rng: &mut Rng) -> String {
    let flow = &FLOWS[rng.usize(..FLOWS.len())];
    flow.route.filter(|_| rng.bool()).map_or_else(|| format!("/flows/{}", flow.name), str::to_owned)
}

fn malformed(rng: &mut Rng) -> Request {
    let path = some_path(rng);
    match rng.u8(..4) {
        0 => post(&*path, "{\"name\": \"", problem(&path, 400)),
        1 => post(&*path, "", problem(&path, 400)),
        2 => post("/tell-joke", &b"{\"name\": \"\xff\"}"[..], problem("/tell-joke", 400)),
        _ => Request { content_type: Some("text/plain"), ..post(&*path, "{}", problem(&path, 415)) },
    }
}

/// CONTRACT §1: bad UTF-8 is 400. Unknown members are ignored, but not what no JSON may hold.
fn malformed_where_ignored(rng: &mut Rng) -> Request {
    let path = some_path(rng);
    post(&*path, &b"{\"unknown\": \"\xff\"}"[..], problem(&path, 400))
}

fn invalid(rng: &mut Rng) -> Request {
    let wrong = [
        ("/tell-joke", "tell_joke", json!({"name": PROMPT.repeat(20)})),
        ("/tell-joke/stream", "tell_joke", json!({"name": null})),
        ("/tell-story/stream", "tell_story", json!({"topic": ""})),
        ("/translate", "translate_text", json!({"text": 1, "target_language": []})),
        ("/describe-image", "describe_image", json!({"image_url": "ftp://example.com/a.png"})),
        ("/generate-character", "generate_character", json!({"name": ""})),
        ("/chat", "pirate_chat", json!({"question": {}})),
        ("/generate-code", "generate_code", json!({"language": "no spaces"})),
        ("/review-code", "review_code", json!({"code": ""})),
    ];
    let (route, flow, input) = &wrong[rng.usize(..wrong.len())];
    if rng.u8(..4) == 0 {
        let path = format!("/flows/{flow}");
        post(&*path, json!({"data": input}).to_string(), problem(&path, 400))
    } else {
        post(*route, input.to_string(), problem(route, 422))
    }
}

fn not_found(rng: &mut Rng) -> Request {
    match rng.u8(..5) {
        0 => post("/nope", "{}", problem("/nope", 404)),
        1 => post("/Chat", "{}", problem("/Chat", 404)),
        2 => post("/flows/nope", "{}", problem("/flows/nope", 404)),
        3 => bare("GET", "/docs", problem("/docs", 404)),
        _ => post("/chat/", "{}", problem("/chat/", 404)),
    }
}

fn not_allowed(rng: &mut Rng) -> Request {
    if rng.bool() {
        let path = some_path(rng);
        bare(pick_one(rng, &["GET", "DELETE", "PUT"]), &*path, problem(&path, 405))
    } else {
        bare("POST", "/health", problem("/health", 405))
    }
}

fn too_large(rng: &mut Rng) -> Request {
    let path = some_path(rng);
    let whole = Bytes::from(vec![b' '; TOO_LARGE]);
    let body = if rng.bool() {
        Body::Whole(whole)
    } else {
        let pieces = (0..TOO_LARGE).step_by(TOO_LARGE / 32);
        Body::Pieces(pieces.map(|at| whole.slice(at..at + TOO_LARGE / 32)).collect())
    };
    Request { body, ..post(&*path, "", problem(&path, 413)) }
}

fn fault(rng: &mut Rng) -> Request {
    let asked = pick_one(rng, &AT_ONCE);
    let by_name = rng.u8(..4) == 0;
    let text = marked(rng, asked.marker);
    let mut request = if rng.bool() {
        let flow = streaming(rng);
        stream_request(rng, flow, by_name, text, Ending::Error { status: 0 })
    } else {
        flow_request(prompted(rng), by_name, text, Some(problem("", asked.status)))
    };
    request.expect = problem(&request.path, asked.status);
    request
}

fn fault_midway(rng: &mut Rng) -> Request {
    let asked = pick_one(rng, &MIDWAY);
    let (flow, by_name, text) = (streaming(rng), rng.u8(..4) == 0, marked(rng, asked.marker));
    stream_request(rng, flow, by_name, text, Ending::Error { status: asked.status })
}

fn too_slow(rng: &mut Rng) -> Request {
    if rng.bool() {
        let (flow, text) = (streaming(rng), marked(rng, GOES_SILENT));
        stream_request(rng, flow, false, text, Ending::Error { status: 504 })
    } else {
        flow_request(prompted(rng), false, marked(rng, SILENCE), Some(problem("", 504)))
    }
}

fn leave_call(rng: &mut Rng) -> Request {
    let leave = Some(Leave::Waiting(ms(rng, 50..300)));
    let (text, by_name) = (marked(rng, SILENCE), rng.u8(..4) == 0);
    let request = if rng.u8(..3) == 0 {
        // A stream that has not begun is left like a call.
        let flow = streaming(rng);
        stream_request(rng, flow, by_name, text, Ending::Error { status: 504 })
    } else {
        flow_request(prompted(rng), by_name, text, Some(problem("", 504)))
    };
    Request { leave, ..request }
}

fn leave_stream(rng: &mut Rng) -> Request {
    let leave = Some(Leave::Streaming(ms(rng, 0..200)));
    let marker = pick_one(rng, &[GOES_SILENT, SLOW, SLOW]);
    let (flow, by_name, text) = (streaming(rng), rng.u8(..4) == 0, marked(rng, marker));
    Request { leave, ..stream_request(rng, flow, by_name, text, Ending::Error { status: 504 }) }
}

fn leave_sending(rng: &mut Rng) -> Request {
    let path = some_path(rng);
    let body = Body::Unfinished(Bytes::from_static(b"{\"name\": \""));
    let leave = Some(Leave::Sending(ms(rng, 50..200)));
    Request { body, leave, ..post(&*path, "", problem(&path, 400)) }
}
