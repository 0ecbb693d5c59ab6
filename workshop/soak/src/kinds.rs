//! The mix: every route, every way to be wrong, every fault, and clients that leave.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::json;

use crate::answer::{Chunks, Ending, Expect, Format};
use crate::flows::{Flow, any, flow_request, prompted, routed, stream_request, streaming, streaming_text};
use crate::request::{Body, Leave, Request, bare, post};
use crate::upstream::{AT_ONCE, GOES_SILENT, MIDWAY, PROMPT, SILENCE, SLOW};

/// Twice what `MAX_BODY_SIZE` allows.
pub const TOO_LARGE: usize = 2 * 1024 * 1024;

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

/// One of these.
pub fn pick_one<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

/// A text of its own, or one of a few that come again and again. It can be told from every other in an answer.
pub fn text(rng: &mut Rng) -> String {
    let number = if rng.u8(..10) < 3 { rng.u32(..20) } else { rng.u32(..) };
    format!("{PROMPT}-{number:08x}")
}

/// A text that makes the model do what the marker says.
pub fn marked(rng: &mut Rng, marker: &str) -> String {
    format!("{} {marker}", text(rng))
}

/// So many milliseconds.
pub fn ms(rng: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}

fn problem(path: &str, status: u16) -> Expect {
    Expect::Error { format: Format::of(path), status }
}

fn call(rng: &mut Rng) -> Request {
    let flow = routed(rng);
    flow_request(flow, false, text(rng), None)
}

fn stream(rng: &mut Rng) -> Request {
    whole_stream(rng, streaming, false)
}

fn flow_call(rng: &mut Rng) -> Request {
    let flow = any(rng);
    flow_request(flow, true, text(rng), None)
}

fn flow_stream(rng: &mut Rng) -> Request {
    whole_stream(rng, any, true)
}

fn whole_stream(rng: &mut Rng, flow: fn(&mut Rng) -> &'static Flow, by_name: bool) -> Request {
    let flow = flow(rng);
    let text = text(rng);
    let echo = flow.echo.map_or_else(String::new, |_| text.clone());
    let chunks = flow.stream.map_or(Chunks::None, |it| it.1);
    let ending = Ending::Done { chunks, echo };
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
    let flow = any(rng);
    flow.route.filter(|_| rng.bool()).map_or_else(|| format!("/flows/{}", flow.name), str::to_owned)
}

fn malformed(rng: &mut Rng) -> Request {
    let path = some_path(rng);
    match rng.u8(..4) {
        0 => post(&*path, "{\"name\": \"", problem(&path, 400)),
        1 => post(&*path, "", problem(&path, 400)),
        2 => post("/tell-joke", &b"{\"name\": \"\xff\"}"[..], problem("/tell-joke", 400)),
        _ => {
            // By name, any content type will do.
            let route = any(rng).route.unwrap_or("/tell-joke");
            Request { content_type: Some("text/plain"), ..post(route, "{}", problem(route, 415)) }
        }
    }
}

/// `docs/contract.md`, "Input": bad UTF-8 is 400. Unknown members are ignored, but they must be JSON.
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
    if rng.bool() {
        let flow = streaming_text(rng);
        let request = stream_request(rng, flow, by_name, text, Ending::Error { status: asked.status });
        // It fails before it begins, and so like a call.
        Request { expect: problem(&request.path, asked.status), ..request }
    } else {
        flow_request(prompted(rng), by_name, text, Some(asked.status))
    }
}

fn fault_midway(rng: &mut Rng) -> Request {
    let asked = pick_one(rng, &MIDWAY);
    let (flow, by_name, text) = (streaming_text(rng), rng.u8(..4) == 0, marked(rng, asked.marker));
    stream_request(rng, flow, by_name, text, Ending::Error { status: asked.status })
}

fn too_slow(rng: &mut Rng) -> Request {
    if rng.bool() {
        let (flow, text) = (streaming_text(rng), marked(rng, GOES_SILENT));
        stream_request(rng, flow, false, text, Ending::Error { status: 504 })
    } else {
        flow_request(prompted(rng), false, marked(rng, SILENCE), Some(504))
    }
}

fn leave_call(rng: &mut Rng) -> Request {
    let leave = Some(Leave::Waiting(ms(rng, 50..300)));
    let (text, by_name) = (marked(rng, SILENCE), rng.u8(..4) == 0);
    let request = if rng.u8(..3) == 0 {
        // A stream that has not begun is left like a call.
        let flow = streaming_text(rng);
        stream_request(rng, flow, by_name, text, Ending::Error { status: 504 })
    } else {
        flow_request(prompted(rng), by_name, text, Some(504))
    };
    Request { leave, ..request }
}

fn leave_stream(rng: &mut Rng) -> Request {
    let leave = Some(Leave::Streaming(ms(rng, 0..200)));
    let marker = pick_one(rng, &[GOES_SILENT, SLOW, SLOW]);
    let (flow, by_name, text) = (streaming_text(rng), rng.u8(..4) == 0, marked(rng, marker));
    Request { leave, ..stream_request(rng, flow, by_name, text, Ending::Error { status: 504 }) }
}

fn leave_sending(rng: &mut Rng) -> Request {
    let path = some_path(rng);
    let body = Body::Unfinished(Bytes::from_static(b"{\"name\": \""));
    let leave = Some(Leave::Sending(ms(rng, 50..200)));
    Request { body, leave, ..post(&*path, "", problem(&path, 400)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn many(seed: u64) -> Vec<(usize, Request)> {
        let mut rng = Rng::with_seed(seed);
        (0..10_000).map(|_| pick(&mut rng)).collect()
    }

    #[test]
    fn every_kind_and_every_route_is_in_the_mix() {
        let requests = many(1);
        let kinds: BTreeSet<_> = requests.iter().map(|it| it.0).collect();
        assert_eq!(kinds.len(), KINDS.len());
        // Those that are answered with a result, and not merely refused.
        let right = requests.iter().filter(|(kind, _)| KINDS[*kind].0 != "invalid").map(|it| &it.1);
        let right = right.filter(|it| !matches!(it.expect, Expect::Error { .. }) && it.leave.is_none());
        let paths: BTreeSet<_> = right.map(|it| it.path.split('?').next().unwrap_or_default()).collect();
        for path in [
            "/tell-joke",
            "/tell-joke/stream",
            "/tell-story/stream",
            "/translate",
            "/describe-image",
            "/generate-character",
            "/chat",
            "/generate-code",
            "/generate-code/stream",
            "/review-code",
            "/flows/tell_joke",
            "/flows/tell_story",
            "/flows/translate_text",
            "/flows/describe_image",
            "/flows/generate_character",
            "/flows/pirate_chat",
            "/flows/generate_code",
            "/flows/review_code",
            "/health",
            "/healthz",
            "/ready",
            "/readyz",
        ] {
            assert!(paths.contains(path), "{path}");
        }
    }

    #[test]
    fn a_seed_makes_the_same_requests_again() {
        let said = |seed| many(seed).into_iter().map(|it| (it.0, it.1.path, it.1.expect)).collect::<Vec<_>>();
        assert_eq!(said(7), said(7));
        assert_ne!(said(7), said(8));
    }

    #[test]
    fn what_is_expected_has_the_form_of_its_path() {
        for (_, request) in many(2) {
            let by_name = request.path.starts_with("/flows/");
            let expected = match &request.expect {
                Expect::Error { format, .. } | Expect::Stream { format, .. } => *format == Format::Genkit,
                Expect::Result { envelope, .. } => *envelope,
                Expect::Probe { .. } | Expect::Empty { .. } => false,
            };
            assert_eq!(expected, by_name, "{}", request.path);
        }
    }
}
