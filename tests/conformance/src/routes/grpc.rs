//! The test flows on tonic.

use adapter_grpc::extract::{open, optional, or};
use adapter_grpc::reply::{Answer, reply};
use adapter_grpc::stream::Chunks;
use adapter_grpc::{Mounted, Routes, mounted};
use flow_edge::Partial;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::{Request, Response};

use crate::api::*;
use crate::proto::test_flows_server::{SERVICE_NAME, TestFlows as Service, TestFlowsServer};
use crate::proto::{self, DESCRIPTORS};

pub(super) struct TestRoutes(App);

impl Routes for TestRoutes {
    type Flows = dyn TestFlows;

    const SERVICE: &'static str = SERVICE_NAME;
    const DESCRIPTORS: &'static [u8] = DESCRIPTORS;

    fn routes(app: App) -> Mounted {
        let limit = app.edge.max_body_size();
        mounted(
            TestFlowsServer::new(Self(app))
                .max_decoding_message_size(limit)
                .accept_compressed(Gzip)
                .send_compressed(Gzip),
        )
    }
}

#[tonic::async_trait]
impl Service for TestRoutes {
    async fn health(&self, _: Request<proto::HealthRequest>) -> Answer<proto::HealthResponse> {
        Ok(Response::new(proto::HealthResponse { status: "ok".into() }))
    }

    async fn write_note(&self, call: Request<proto::NoteRequest>) -> Answer<proto::NoteResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.write_note(&ctx.request, input).await)
    }

    type WriteNoteStreamStream = Chunks<proto::Chunk>;

    async fn write_note_stream(&self, call: Request<proto::NoteRequest>) -> Answer<Chunks<proto::Chunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.write_note_stream(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }

    type StreamSentencesStream = Chunks<proto::Chunk>;

    async fn stream_sentences(&self, call: Request<proto::TopicRequest>) -> Answer<Chunks<proto::Chunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.stream_sentences(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }

    async fn extract_facts(&self, call: Request<proto::FactsRequest>) -> Answer<proto::FactsResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.extract_facts(&ctx.request, input).await)
    }

    async fn caption_media(&self, call: Request<proto::MediaRequest>) -> Answer<proto::CaptionResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.caption_media(&ctx.request, input).await)
    }

    async fn fill_form(&self, call: Request<proto::FormRequest>) -> Answer<proto::FormResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.fill_form(&ctx.request, input).await)
    }

    type FillFormStreamStream = Chunks<proto::FormChunk>;

    async fn fill_form_stream(&self, call: Request<proto::FormRequest>) -> Answer<Chunks<proto::FormChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.fill_form_stream(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }
}

impl From<String> for proto::Chunk {
    fn from(text: String) -> Self {
        Self { text }
    }
}

impl From<proto::NoteRequest> for NoteInput {
    fn from(it: proto::NoteRequest) -> Self {
        Self { name: or(it.name, || Self::default().name), username: optional(it.username) }
    }
}

impl From<Note> for proto::NoteResponse {
    fn from(it: Note) -> Self {
        Self { note: it.note, username: it.username.unwrap_or_default() }
    }
}

impl From<proto::TopicRequest> for TopicInput {
    fn from(it: proto::TopicRequest) -> Self {
        Self { topic: or(it.topic, || Self::default().topic) }
    }
}

impl From<proto::FactsRequest> for FactsInput {
    fn from(it: proto::FactsRequest) -> Self {
        Self {
            text: or(it.text, || Self::default().text),
            language: or(it.language, || Self::default().language),
        }
    }
}

impl From<Facts> for proto::FactsResponse {
    fn from(it: Facts) -> Self {
        let certainty = match it.certainty {
            Certainty::High => "high",
            Certainty::Low => "low",
        };
        Self {
            source_text: it.source_text,
            facts: it.facts,
            counts: Some(proto::Counts { people: it.counts.people.into(), places: it.counts.places.into() }),
            certainty: certainty.into(),
        }
    }
}

impl From<proto::MediaRequest> for MediaInput {
    fn from(it: proto::MediaRequest) -> Self {
        Self { media_url: or(it.media_url, || Self::default().media_url) }
    }
}

impl From<Caption> for proto::CaptionResponse {
    fn from(it: Caption) -> Self {
        Self { caption: it.caption, media_url: it.media_url }
    }
}

impl From<proto::FormRequest> for FormInput {
    fn from(it: proto::FormRequest) -> Self {
        Self { title: it.title, copies: 1 }
    }
}

impl From<Form> for proto::FormResponse {
    fn from(it: Form) -> Self {
        Self { title: it.title, content: it.content }
    }
}

impl From<Partial> for proto::FormChunk {
    fn from(known: Partial) -> Self {
        Self { partial: known.0.to_string(), done: None }
    }
}

impl From<Form> for proto::FormChunk {
    fn from(form: Form) -> Self {
        Self { partial: String::new(), done: Some(form.into()) }
    }
}
