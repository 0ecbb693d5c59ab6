//! Streamed answers: whatever a flow says and however slowly, two clients that share no code with the server
//! read back what was said, in order, and exactly one end.

#![no_main]

use std::sync::Once;
use std::time::Duration;

use arbitrary::Arbitrary;
use flow_edge::drain::Drain;
use flow_edge::wire::sse::HEARTBEAT;
use flow_edge::{ErrorKind, EventStream, FlowError, FlowStream, Schema, StreamEvent};
use futures_util::StreamExt;
use garde::Validate;
use libfuzzer_sys::fuzz_target;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

#[derive(Arbitrary, Debug)]
struct Input {
    genkit: bool,
    /// What the flow does, one step after another; then its stream ends.
    steps: Vec<Step>,
    /// How long the client waits before it reads on, in seconds, by the number of the packet.
    reader: [u8; 4],
    /// When the server's grace ends, in seconds; zero is never.
    grace: u16,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Say(Vec<Piece>),
    Wait(u8),
    Done(Vec<Piece>, Option<String>),
    Fail(u8),
    Panic,
}

/// Text, with what could break a frame more often than chance would bring it.
#[derive(Arbitrary, Debug)]
enum Piece {
    Any(String),
    One(char),
    Special(u8),
}

const SPECIAL: [&str; 16] = [
    "\n\n",
    "\r\n",
    "\r",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{feff}",
    "\0",
    "\"",
    "\\",
    "🐱",
    "\u{10ffff}",
    "\ndata: {\"done\":true}\n\n",
    "\\ud83d",
    "{\"result\":1}",
    ": ",
];

fn text(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |mut text, piece| {
        match piece {
            Piece::Any(it) => text.push_str(it),
            Piece::One(it) => text.push(*it),
            Piece::Special(it) => text.push_str(SPECIAL[usize::from(*it) % SPECIAL.len()]),
        }
        text
    })
}

/// What the flow ends with.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
struct Told {
    #[garde(skip)]
    #[streamed]
    text: String,
    #[garde(skip)]
    to: Option<String>,
}

/// What a client must hear.
#[derive(Debug)]
struct Expected {
    chunks: Vec<String>,
    end: End,
}

#[derive(Debug)]
enum End {
    Result(Told),
    Error(ErrorKind),
}

fn expected(steps: &[Step]) -> Expected {
    let mut chunks = Vec::new();
    for step in steps {
        let end = match step {
            Step::Wait(_) => continue,
            Step::Say(pieces) => {
                chunks.push(text(pieces));
                continue;
            }
            Step::Done(pieces, to) => End::Result(Told { text: text(pieces), to: to.clone() }),
            Step::Fail(kind) => End::Error(kind_of(*kind)),
            Step::Panic => End::Error(ErrorKind::Internal),
        };
        return Expected { chunks, end };
    }
    Expected { chunks, end: End::Error(ErrorKind::Internal) }
}

fn kind_of(number: u8) -> ErrorKind {
    ErrorKind::ALL[usize::from(number) % ErrorKind::ALL.len()]
}

fn flow(steps: Vec<Step>) -> FlowStream<Told> {
    let steps = futures_util::stream::iter(steps).filter_map(|step| async move {
        Some(match step {
            Step::Say(pieces) => Ok(StreamEvent::Chunk(text(&pieces))),
            Step::Wait(seconds) => {
                sleep(Duration::from_secs(seconds.into())).await;
                return None;
            }
            Step::Done(pieces, to) => Ok(StreamEvent::Done(Told { text: text(&pieces), to })),
            Step::Fail(kind) => Err(FlowError::new(kind_of(kind), "It failed.")),
            Step::Panic => std::panic::panic_any(OnPurpose),
        })
    });
    Box::pin(steps)
}

/// libFuzzer's hook ends the process at every panic; those of the flow are part of the input.
struct OnPurpose;

fn spare_panics_on_purpose() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<OnPurpose>() {
                abort(info);
            }
        }));
    });
}

fuzz_target!(|input: Input| {
    spare_panics_on_purpose();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(check(input));
});

async fn check(input: Input) {
    let expected = expected(&input.steps);
    let drain = Drain::default();
    let ctx = fuzz::context(if input.genkit { "/flows/tell" } else { "/tell/stream" }, drain.clone());
    if input.grace > 0 {
        let drain = drain.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(input.grace.into())).await;
            drain.start_ending();
        });
    }
    let flow = flow(input.steps);
    let started = if input.genkit {
        EventStream::start_genkit(&ctx, flow).await
    } else {
        EventStream::start(&ctx, flow).await
    };
    let stream = match started {
        Ok(stream) => stream,
        Err(error) => {
            // Nothing is a stream before its first event; the error has a true status then.
            assert!(expected.chunks.is_empty(), "said nothing of {:?}: {error}", expected.chunks);
            let End::Error(kind) = expected.end else { panic!("a result was due: {error}") };
            assert_eq!(error.kind, kind);
            return;
        }
    };
    let packets = read(stream, &input.reader).await;
    drain.start_draining();
    drain.idle().await;

    let is_prompt = input.reader.iter().all(|it| *it == 0);
    if is_prompt {
        for pair in packets.windows(2) {
            let silence = pair[1].0 - pair[0].0;
            assert!(silence <= HEARTBEAT + Duration::from_millis(5), "{silence:?} of silence");
        }
    }
    let bytes: Vec<u8> = packets.into_iter().flat_map(|it| it.1).collect();
    let events = event_source(&bytes);
    assert_eq!(
        events,
        genkit_client(&bytes),
        "two clients disagree on {:?}",
        String::from_utf8_lossy(&bytes)
    );
    if input.genkit {
        assert!(bytes.is_ascii());
    }
    says(&events, &expected, &Client { genkit: input.genkit, is_prompt, may_drain: input.grace > 0 });
}

struct Client {
    genkit: bool,
    /// It reads without a pause, so the flow never waits for it.
    is_prompt: bool,
    may_drain: bool,
}

/// Reads the stream packet by packet, each with its time.
async fn read(mut stream: EventStream, pauses: &[u8; 4]) -> Vec<(Instant, Vec<u8>)> {
    let mut packets = Vec::new();
    for pause in pauses.iter().cycle() {
        let Some(packet) = stream.next().await else { break };
        let is_beat = [&b"data: "[..], b" "].contains(&&*packet);
        if !is_beat {
            let inner = packet.strip_suffix(b"\n\n").expect("a packet is a beat or ends a frame");
            assert!(!inner.iter().any(|it| b"\r\n".contains(it)), "a bare line end in a frame");
        }
        packets.push((Instant::now(), packet.to_vec()));
        // Without a pause not even the timer is asked.
        if *pause > 0 {
            sleep(Duration::from_secs((*pause).into())).await;
        }
    }
    assert!(stream.next().await.is_none(), "the stream goes on after its end");
    packets
}

/// The data of each event, as a browser's EventSource reads it (HTML standard, 9.2.6).
fn event_source(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let mut data: Option<String> = None;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            // What no line end follows is thrown away at the end of the stream.
            assert_eq!((line, &data), ("", &None), "the stream ends within an event");
        } else if line.is_empty() {
            events.extend(data.take().map(|it| serde_json::from_str(&it).expect("an event is JSON")));
        } else {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            assert_eq!(field, "data", "a field of another kind");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut data {
                None => data = Some(value.to_owned()),
                Some(data) => *data = format!("{data}\n{value}"),
            }
        }
    }
    events
}

/// The same as the official Genkit client for JavaScript reads it: cut at empty lines, six characters off, parsed.
fn genkit_client(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks: Vec<_> = text.split("\n\n").collect();
    assert_eq!(blocks.pop(), Some(""), "something follows the last event");
    let six_off = |it: &&str| it.chars().skip(6).collect::<String>();
    blocks.iter().map(|it| serde_json::from_str(&six_off(it)).expect("JSON after six characters")).collect()
}

fn says(events: &[Value], expected: &Expected, client: &Client) {
    let (end, chunks) = events.split_last().expect("no stream is without an end");
    let member = if client.genkit { "message" } else { "chunk" };
    let said: Vec<_> = chunks.iter().map(|it| it[member].as_str().expect("a chunk")).collect();
    for (event, text) in chunks.iter().zip(&said) {
        assert_eq!(event, &json!({member: text}));
    }
    let is_whole = said == expected.chunks;
    let exact = match &expected.end {
        End::Result(told) if client.genkit => *end == json!({"result": told}),
        End::Result(told) => *end == json!({"done": true, "text": told.text}),
        End::Error(kind) => fails_with(end, *kind, client),
    };
    if is_whole && exact {
        return;
    }
    // What was said before a stream is cut short was said as it is, and the cut has a reason.
    assert!(expected.chunks.starts_with(&said.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()));
    let was_slow = !client.is_prompt && fails_with(end, ErrorKind::DeadlineExceeded, client);
    let drained = client.may_drain && fails_with(end, ErrorKind::Unavailable, client);
    assert!(was_slow || drained, "{events:?} instead of {expected:?}");
}

fn fails_with(end: &Value, kind: ErrorKind, client: &Client) -> bool {
    let error = &end["error"];
    let is_alone = end.as_object().is_some_and(|it| it.len() == 1);
    let row = kind.row();
    is_alone
        && match client.genkit {
            true => error["status"] == row.status.name() && error["message"].is_string(),
            false => error["status"] == row.http && error["request_id"].is_string(),
        }
}
