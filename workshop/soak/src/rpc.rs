//! The gRPC share: clients that call every procedure on a channel of their own, beside those of REST.
//!
//! What they send, see and leave goes into the same records, so that each call is looked up in the log as well.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_grpc::proto::genkit_service_client::GenkitServiceClient;
use adapter_grpc::proto::{
    CharacterRequest, ChatRequest, CodeRequest, CodeReviewRequest, HealthRequest, ImageRequest, JokeRequest,
    StoryRequest, TranslateRequest,
};
use anyhow::Context;
use fastrand::Rng;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::answer::tells_a_secret;
use crate::kinds::{TOO_LARGE, marked, ms, pick_one, text};
use crate::load::{DEADLINE, Load};
use crate::records::{Left, Seen, request_id};
use crate::upstream::{AT_ONCE, GOES_SILENT, MIDWAY, PROMPT, SILENCE, SLOW};

/// One in so many clients is one of these, beside the others.
const SHARE: u64 = 4;

/// A channel is given up and made anew after so many calls.
const CALLS_PER_CHANNEL: usize = 2_000;

type Client = GenkitServiceClient<Channel>;

/// A procedure: its name and how to call it with a text.
type Procedure = (&'static str, fn(Client, String, usize) -> BoxFuture<'static, Result<Answer, Status>>);

/// What a procedure answers with.
enum Answer {
    /// One message, as text.
    Whole(String),
    Stream(Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>),
}

fn ask<M>(message: M, number: usize) -> Request<M> {
    let mut request = Request::new(message);
    if let Ok(id) = MetadataValue::try_from(request_id(number)) {
        request.metadata_mut().insert("x-request-id", id);
    }
    request
}

fn whole<M: std::fmt::Debug>(response: Response<M>) -> Answer {
    Answer::Whole(format!("{:?}", response.into_inner()))
}

fn streamed<M: Send + 'static>(response: Response<Streaming<M>>, text: fn(M) -> String) -> Answer {
    Answer::Stream(Box::pin(response.into_inner().map(move |it| it.map(text))))
}

/// Those that answer with one message and give the text to the model as it is.
const UNARY: [Procedure; 5] = [
    ("TellJoke", |mut to, name, nr| {
        let request = ask(JokeRequest { name, username: "Ann".into() }, nr);
        Box::pin(async move { Ok(whole(to.tell_joke(request).await?)) })
    }),
    ("TranslateText", |mut to, text, nr| {
        let request = ask(TranslateRequest { text, target_language: "German".into() }, nr);
        Box::pin(async move { Ok(whole(to.translate_text(request).await?)) })
    }),
    ("GenerateCharacter", |mut to, name, nr| {
        let request = ask(CharacterRequest { name }, nr);
        Box::pin(async move { Ok(whole(to.generate_character(request).await?)) })
    }),
    ("PirateChat", |mut to, question, nr| {
        let request = ask(ChatRequest { question, ..Default::default() }, nr);
        Box::pin(async move { Ok(whole(to.pirate_chat(request).await?)) })
    }),
    ("ReviewCode", |mut to, code, nr| {
        let request = ask(CodeReviewRequest { code, language: String::new() }, nr);
        Box::pin(async move { Ok(whole(to.review_code(request).await?)) })
    }),
];

/// The others that answer with one message, and a stream of objects.
const FURTHER: [Procedure; 4] = [
    ("DescribeImage", |mut to, text, nr| {
        let image_url = format!("https://example.com/{}.png", text.replace(' ', "-"));
        let request = ask(ImageRequest { image_url }, nr);
        Box::pin(async move { Ok(whole(to.describe_image(request).await?)) })
    }),
    ("GenerateCode", |mut to, description, nr| {
        let request = ask(CodeRequest { description, language: "rust".into() }, nr);
        Box::pin(async move { Ok(whole(to.generate_code(request).await?)) })
    }),
    ("GenerateCodeStream", |mut to, description, nr| {
        let request = ask(CodeRequest { description, language: "rust".into() }, nr);
        Box::pin(async move { Ok(streamed(to.generate_code_stream(request).await?, |it| format!("{it:?}"))) })
    }),
    ("Health", |mut to, _, nr| {
        let request = ask(HealthRequest {}, nr);
        Box::pin(async move { Ok(whole(to.health(request).await?)) })
    }),
];

const STREAMING: [Procedure; 2] = [
    ("TellJokeStream", |mut to, name, nr| {
        let request = ask(JokeRequest { name, username: "Ann".into() }, nr);
        Box::pin(async move { Ok(streamed(to.tell_joke_stream(request).await?, |it| it.text)) })
    }),
    ("TellStory", |mut to, topic, nr| {
        let request = ask(StoryRequest { topic }, nr);
        Box::pin(async move { Ok(streamed(to.tell_story(request).await?, |it| it.text)) })
    }),
];

/// What must come of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A message, or a stream that ends well after at least one chunk.
    Success,
    /// A status instead of an answer.
    Refusal(Code),
    /// At least one chunk, then a status.
    Broken(Code),
}

/// A call: what is called with which text, what must come of it, and when its client leaves.
struct Call {
    kind: &'static str,
    procedure: Procedure,
    text: String,
    expect: Expect,
    leave: Option<Duration>,
}

/// The status of a model's failure that is an HTTP status in REST (`docs/contract.md`, "Errors").
fn code(status: u16) -> Code {
    match status {
        422 => Code::FailedPrecondition,
        504 => Code::DeadlineExceeded,
        _ => Code::Unavailable,
    }
}

fn pick(rng: &mut Rng) -> Call {
    let unary = pick_one(rng, &UNARY);
    let streaming = pick_one(rng, &STREAMING);
    let either = if rng.bool() { unary } else { streaming };
    let call = |kind, procedure, text, expect| Call { kind, procedure, text, expect, leave: None };
    match rng.u32(..1000) {
        0..300 => call("gRPC call", unary, text(rng), Expect::Success),
        300..420 => call("gRPC call", pick_one(rng, &FURTHER), text(rng), Expect::Success),
        420..670 => call("gRPC stream", streaming, text(rng), Expect::Success),
        670..730 => {
            // Longer than any text may be in these two, and far from what a message may hold.
            let procedure = if rng.bool() { UNARY[0] } else { STREAMING[1] };
            call("gRPC invalid", procedure, PROMPT.repeat(200), Expect::Refusal(Code::InvalidArgument))
        }
        730..735 => {
            call("gRPC too large", either, " ".repeat(TOO_LARGE), Expect::Refusal(Code::ResourceExhausted))
        }
        735..865 => {
            let asked = pick_one(rng, &AT_ONCE);
            let text = marked(rng, asked.marker);
            call("gRPC upstream fault", either, text, Expect::Refusal(code(asked.status)))
        }
        865..920 => {
            let asked = pick_one(rng, &MIDWAY);
            let text = marked(rng, asked.marker);
            call("gRPC fault in a stream", streaming, text, Expect::Broken(code(asked.status)))
        }
        920..924 => {
            let text = marked(rng, SILENCE);
            call("gRPC upstream too slow", either, text, Expect::Refusal(code(504)))
        }
        924..960 => Call {
            leave: Some(ms(rng, 50..300)),
            ..call("gRPC leaves a call", either, marked(rng, SILENCE), Expect::Refusal(code(504)))
        },
        _ => {
            let marker = pick_one(rng, &[GOES_SILENT, SLOW, SLOW]);
            let leave = Some(ms(rng, 0..200));
            let text = marked(rng, marker);
            Call { leave, ..call("gRPC leaves a stream", streaming, text, Expect::Broken(code(504))) }
        }
    }
}

/// Lets the gRPC clients join the others.
pub fn join(
    clients: &mut JoinSet<()>,
    load: &Arc<Load>,
    server: SocketAddr,
    of: u64,
    seed: u64,
) -> anyhow::Result<()> {
    let endpoint = Endpoint::from_shared(format!("http://{server}")).context("the log says a bad address")?;
    for nth in 0..of.div_ceil(SHARE) {
        // Not the numbers of the other clients.
        let rng = Rng::with_seed(seed.wrapping_add(u64::MAX / 2 + nth));
        clients.spawn(run(endpoint.clone(), load.clone(), rng));
    }
    Ok(())
}

async fn run(endpoint: Endpoint, load: Arc<Load>, mut rng: Rng) {
    let connect = || Client::new(endpoint.connect_lazy()).max_encoding_message_size(usize::MAX);
    let mut client = connect();
    for nth in 1.. {
        if load.stopped() {
            return;
        }
        if nth % CALLS_PER_CHANNEL == 0 {
            client = connect();
        }
        let call = pick(&mut rng);
        let kind = format!("{} {}", call.kind, call.procedure.0);
        let number = load.records.add();
        let begun = Instant::now();
        let seen = timeout(DEADLINE, exchange(client.clone(), &call, number)).await;
        let seen = seen.unwrap_or_else(|_| Err(format!("not answered within {DEADLINE:?}")));
        load.count(call.kind, &kind, number, begun.elapsed(), &seen);
        load.records.end(number, seen.unwrap_or(Seen::Failed));
    }
}

/// Calls, reads to the end and checks, or leaves as planned.
async fn exchange(client: Client, call: &Call, number: usize) -> Result<Seen, String> {
    let begun = Instant::now();
    let left = |what| {
        let after_ms = u16::try_from(begun.elapsed().as_millis()).unwrap_or(u16::MAX);
        Ok(Seen::Left { what, after_ms, rpc: true })
    };
    let limit = call.leave.unwrap_or(DEADLINE);
    let answer = (call.procedure.1)(client, call.text.clone(), number);
    let leaves_waiting = call.leave.is_some() && matches!(call.expect, Expect::Refusal(_));
    let answer = if leaves_waiting {
        match timeout(limit, answer).await {
            Err(_) => return left(Left::Waiting),
            Ok(answer) => answer,
        }
    } else {
        answer.await
    };
    let (said, code) = match answer {
        Ok(Answer::Whole(said)) => (said, Code::Ok),
        Ok(Answer::Stream(mut chunks)) => {
            let mut said = String::new();
            let mut code = Code::Ok;
            let first = chunks.next().await.ok_or("a stream of nothing")?;
            said +=
                &first.map_err(|it| format!("{:?} and no chunk where a stream was expected", it.code()))?;
            let rest = async {
                while let Some(chunk) = chunks.next().await {
                    match chunk {
                        Ok(chunk) => said += &chunk,
                        Err(status) => code = checked(&status)?,
                    }
                }
                Ok::<_, String>(())
            };
            match timeout(limit, rest).await {
                Err(_) if call.leave.is_some() => return left(Left::Stream),
                Err(_) => return Err(format!("not answered within {limit:?}")),
                Ok(read) => read?,
            }
            (said, code)
        }
        Err(status) => (String::new(), checked(&status)?),
    };
    let expected = match call.expect {
        Expect::Success => Code::Ok,
        Expect::Refusal(code) | Expect::Broken(code) => code,
    };
    if code != expected {
        return Err(format!("{code:?} where {expected:?} was expected"));
    }
    if said.is_empty() == !matches!(call.expect, Expect::Refusal(_)) {
        return Err("an answer where none was expected, or none where one was".into());
    }
    if call.expect == Expect::Success && echoes(call.procedure.0) && !said.contains(&call.text) {
        return Err("the result belongs to another input".into());
    }
    Ok(Seen::Answered { status: u16::try_from(i32::from(code)).unwrap_or(u16::MAX), stream: false })
}

/// Whether the text of the input comes back in the answer of the fake's model.
fn echoes(procedure: &str) -> bool {
    matches!(procedure, "TellJoke" | "TellJokeStream" | "TellStory" | "TranslateText" | "PirateChat")
}

/// The code of a status that says nothing it must not, and is the server's own.
fn checked(status: &Status) -> Result<Code, String> {
    if tells_a_secret(&format!("{status:?}")) {
        return Err("the error tells a secret".into());
    }
    if status.details().is_empty() {
        return Err(format!("{:?} without details", status.code()));
    }
    Ok(status.code())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_procedure_is_called_and_every_kind_comes_up() {
        let mut rng = Rng::with_seed(1);
        let calls: Vec<_> = (0..10_000).map(|_| pick(&mut rng)).collect();
        let right = calls.iter().filter(|it| it.expect == Expect::Success);
        let procedures: BTreeSet<_> = right.map(|it| it.procedure.0).collect();
        assert_eq!(procedures.len(), UNARY.len() + FURTHER.len() + STREAMING.len());
        assert_eq!(calls.iter().map(|it| it.kind).collect::<BTreeSet<_>>().len(), 9);
    }
}
