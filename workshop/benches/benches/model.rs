//! A model's chunks, from the bytes of its server.
//!
//! The readers of the wires are private, so this is `Model::stream` over a connection in clear text: with what hyper
//! and reqwest do, and without TLS. All chunks have arrived before they are counted, so that hyper reads many at once.
#![allow(clippy::unwrap_used, reason = "a bench that cannot begin ends")]
#![allow(missing_docs, reason = "the macros write functions without any")]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use benches::{CHUNK, CHUNKS, Output, keep, runtime};
use flow_edge::{EventStream, FlowStream, RequestContext, StreamEvent};
use flow_models::{ProviderSettings, Providers};
use flow_runtime::message::{Message, Role};
use flow_runtime::model::{Model, ModelChunk, ModelRequest, ModelStream};
use flow_runtime::{Generate, ModelEvent};
use flow_service::to_flow_error;
use futures_util::StreamExt as _;
use gungraun::{library_benchmark, library_benchmark_group, main};
use tokio::runtime::Runtime;

/// An event that has text, and those after the last one, as each provider writes them.
fn events(provider: &str) -> (String, &'static str) {
    match provider {
        "googleai" => (
            format!(
                "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{CHUNK}\"}}],\"role\": \"model\"}},\
                 \"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 9,\"candidatesTokenCount\": 12,\
                 \"totalTokenCount\": 21,\"promptTokensDetails\": [{{\"modality\": \"TEXT\",\"tokenCount\": 9}}]}},\
                 \"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"Zb4raYvTLpGkvdIPw8GZ0Q4\"}}\r\n\r\n"
            ),
            "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"\"}]},\"finishReason\": \"STOP\"}]}\r\n\r\n",
        ),
        "openai" => (
            format!(
                "data: {{\"id\":\"chatcmpl-CgVxQ0pVqHnXw1kzq2mB7yTf\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1764440000,\"model\":\"gpt-5-mini\",\"service_tier\":\"default\",\"system_fingerprint\":null,\
                 \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{CHUNK}\"}},\"finish_reason\":null}}],\
                 \"usage\":null}}\n\n"
            ),
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ),
        _ => (
            format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"{CHUNK}\"}}}}\n\n"
            ),
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
    }
}

/// A server that writes the first event, and the others when it is told to. It says when they are written.
struct Server {
    address: String,
    go_on: Sender<()>,
    written: Receiver<()>,
}

fn serve(provider: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let ((go_on, told), (tell, written)) = (channel(), channel());
    let told = Arc::new(Mutex::new(told));
    std::thread::spawn(move || {
        let (event, end) = events(provider);
        let start = if provider == "anthropic" {
            "data: {\"type\":\"message_start\",\"message\":{}}\n\n\
             data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        } else {
            ""
        };
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let first = format!("{head}{}", chunk(&format!("{start}{event}")));
        // One event more than is counted, so that none of them is the last.
        let rest = format!("{}{}0\r\n\r\n", chunk(&event).repeat(CHUNKS + 1), chunk(end));
        // A client that has read its last event may ask again on another connection.
        for connection in listener.incoming() {
            let (first, rest, told, tell) = (first.clone(), rest.clone(), told.clone(), tell.clone());
            std::thread::spawn(move || {
                let mut answers = connection.unwrap();
                let mut requests = BufReader::new(answers.try_clone().unwrap());
                while read_request(&mut requests) {
                    answers.write_all(first.as_bytes()).unwrap();
                    if told.lock().unwrap().recv().is_err() || answers.write_all(rest.as_bytes()).is_err() {
                        return;
                    }
                    let _ = tell.send(());
                }
            });
        }
    });
    Server { address, go_on, written }
}

/// False if the client has closed.
fn read_request(from: &mut BufReader<TcpStream>) -> bool {
    let (mut line, mut length) = (String::new(), 0);
    while from.read_line(&mut line).unwrap_or(0) > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    from.read_exact(&mut vec![0; length]).is_ok() && !line.is_empty()
}

fn model(provider: &'static str) -> (Arc<dyn Model>, Server) {
    let server = serve(provider);
    let address = Some(server.address.clone());
    let settings = ProviderSettings {
        gemini_base_url: address.clone(),
        openai_base_url: address.clone(),
        anthropic_base_url: address,
        ..ProviderSettings::default()
    };
    (Providers::new(settings).unwrap().model(&format!("{provider}/a-model")).unwrap(), server)
}

/// Runs a stream to its end, and then another one to its first item, when the others have arrived.
fn opened<S, I>(
    runtime: &Runtime,
    server: &'static Server,
    mut open: impl AsyncFnMut() -> S,
) -> &'static mut S
where
    S: futures_util::Stream<Item = I> + Unpin + 'static,
{
    let mut first = || {
        let stream = runtime.block_on(async {
            let mut stream = open().await;
            stream.next().await.unwrap();
            stream
        });
        server.go_on.send(()).unwrap();
        server.written.recv().unwrap();
        stream
    };
    for _ in 0..2 {
        assert!(runtime.block_on(first().count()) > CHUNKS);
    }
    Box::leak(Box::new(first()))
}

type Chunks = (&'static Runtime, &'static mut ModelStream);
fn chunks(provider: &'static str) -> Chunks {
    let runtime = runtime();
    let (model, server) = model(provider);
    let messages = Arc::new(vec![Message::text(Role::User, "Tell me of the Northern Lights.")]);
    let request = ModelRequest { messages, ..ModelRequest::default() };
    let stream = opened(runtime, keep(server), async || model.stream(&request).await.unwrap());
    (runtime, stream)
}

// 100 chunks of 71 bytes of text.
#[library_benchmark(setup = chunks)]
#[bench::gemini("googleai")]
#[bench::openai("openai")]
#[bench::anthropic("anthropic")]
fn read_100((runtime, stream): Chunks) -> usize {
    let text = stream.take(CHUNKS).fold(0, async |sum, chunk| match black_box(chunk).unwrap() {
        ModelChunk::Text(text) => sum + text.len(),
        _ => unreachable!("the end comes later"),
    });
    black_box(runtime.block_on(text))
}

fn flow(ai: &flow_runtime::Runtime) -> FlowStream<Output> {
    let events = ai.stream(Generate::new().prompt("Tell me of the Northern Lights."));
    Box::pin(events.map(|event| match event.map_err(to_flow_error)? {
        ModelEvent::Text(text) => Ok(StreamEvent::Chunk(text)),
        ModelEvent::Done(answer) => Ok(StreamEvent::Done(Output { text: answer.text(), username: None })),
    }))
}

type Frames = (&'static Runtime, &'static mut EventStream);
fn frames(provider: &'static str) -> Frames {
    let runtime = runtime();
    let (model, server) = model(provider);
    let ai = flow_runtime::Runtime::builder().resilience(flow_runtime::Resilience::default());
    let ai = ai.default_model(model).build().unwrap();
    let ctx = RequestContext::detached();
    let stream = opened(runtime, keep(server), async || EventStream::start(&ctx, flow(&ai)).await.unwrap());
    (runtime, stream)
}

// The same through a flow, up to the frames for the client.
#[library_benchmark(setup = frames)]
#[bench::gemini("googleai")]
fn sent_on_100((runtime, stream): Frames) -> usize {
    let bytes = stream.take(CHUNKS).fold(0, async |sum, frame| sum + black_box(frame).len());
    black_box(runtime.block_on(bytes))
}

library_benchmark_group!(name = group, benchmarks = [read_100, sent_on_100]);
main!(library_benchmark_groups = group);
