//! `#[flows]` on a trait: its table, and its flows called by name.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;

use async_trait::async_trait;
use bytes::Bytes;
use flow_edge::{
    Envelope, FlowError, FlowStream, NamedFlows, Partial, Readiness, Ready, RequestContext, Schema,
    StreamEvent, StreamForm, flows,
};
use futures_util::{StreamExt, stream};
use garde::Validate;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Text {
    #[garde(length(chars, min = 1))]
    #[streamed]
    pub text: String,
}

/// How many letters there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Count {
    #[garde(skip)]
    pub letters: usize,
}

/// Three flows, one of them in two forms.
#[flows]
#[async_trait]
pub trait Service: Ready {
    /// Repeats a text.
    ///
    /// What follows the first paragraph is no summary.
    #[flow(post = "/repeat", cached)]
    async fn repeat(&self, ctx: &RequestContext, input: Text) -> Result<Text, FlowError>;

    /// Repeats a text, letter by letter.
    #[flow(post = "/repeat/stream", streams = repeat)]
    fn repeat_stream(&self, ctx: &RequestContext, input: Text) -> FlowStream<Text>;

    /// Spells a text.
    #[flow(post = "/spell-it/stream")]
    fn spell(&self, ctx: &RequestContext, input: Text) -> FlowStream<Text>;

    /// Counts the letters of a text.
    #[flow(post = "/count/stream")]
    fn count(&self, ctx: &RequestContext, input: Text) -> FlowStream<Count, Partial>;
}

struct Repeater;

impl Ready for Repeater {
    fn readiness(&self) -> Readiness {
        Readiness::default()
    }
}

#[async_trait]
impl Service for Repeater {
    async fn repeat(&self, _: &RequestContext, input: Text) -> Result<Text, FlowError> {
        Ok(input)
    }

    fn repeat_stream(&self, ctx: &RequestContext, input: Text) -> FlowStream<Text> {
        self.spell(ctx, input)
    }

    fn spell(&self, _: &RequestContext, input: Text) -> FlowStream<Text> {
        let letters: Vec<_> = input.text.chars().map(|it| Ok(StreamEvent::Chunk(it.to_string()))).collect();
        stream::iter(letters).chain(stream::once(async { Ok(StreamEvent::Done(input)) })).boxed()
    }

    fn count(&self, _: &RequestContext, input: Text) -> FlowStream<Count, Partial> {
        let letters = input.text.chars().count();
        let known = (1..=letters).map(|it| Ok(StreamEvent::Chunk(Partial(json!({"letters": it})))));
        let done = StreamEvent::Done(Count { letters });
        stream::iter(known.chain([Ok(done)]).collect::<Vec<_>>()).boxed()
    }
}

/// Calls a flow by name; the body of its answer.
async fn call(name: &str, body: &str, query: &str) -> Result<String, FlowError> {
    let ctx = RequestContext::detached();
    let body = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(body.as_bytes()))]);
    let envelope = Envelope::read(&ctx, None, Some(query), body).await?;
    let service: &dyn Service = &Repeater;
    let reply = NamedFlows::call(service, &ctx, name, envelope).await?;
    let bytes = reply.0.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn the_table_says_what_the_methods_say() {
    assert_eq!(FLOWS.iter().map(|it| it.name).collect::<Vec<_>>(), ["repeat", "spell", "count"]);
    let (unary, streamed) = (flow::REPEAT.unary.unwrap(), flow::REPEAT.streamed.unwrap());
    assert_eq!((unary.route, unary.summary, &*unary.id()), ("/repeat", "Repeats a text.", "repeat"));
    assert_eq!((streamed.route, &*streamed.id()), ("/repeat/stream", "repeat_stream"));
    assert!(flow::REPEAT.cached && !flow::SPELL.cached && flow::SPELL.unary.is_none());
    let forms = [flow::SPELL, flow::COUNT, flow::REPEAT].map(|it| it.form);
    let text = Some(StreamForm::Text { member: "text" });
    assert_eq!(forms, [text, Some(StreamForm::Partial), text]);
    assert_eq!(flow::SPELL.input.name, "Text");
    assert_eq!((flow::SPELL.input.document)()["required"], json!(["text"]));
}

#[tokio::test]
async fn flows_are_called_by_name_in_the_form_that_is_asked_for() {
    let body = r#"{"data":{"text":"ab"}}"#;
    let result = r#"{"result":{"text":"ab"}}"#;
    let frames = "data: {\"message\":\"a\"}\n\ndata: {\"message\":\"b\"}\n\n";
    for name in ["repeat", "spell"] {
        assert_eq!(call(name, body, "").await.unwrap(), result, "{name}");
        let streamed = call(name, body, "stream=true").await.unwrap();
        assert_eq!(streamed, format!("{frames}data: {result}\n\n"), "{name}");
    }
    let known = "data: {\"message\":{\"letters\":1}}\n\ndata: {\"message\":{\"letters\":2}}\n\n";
    let result = r#"{"result":{"letters":2}}"#;
    assert_eq!(call("count", body, "").await.unwrap(), result);
    assert_eq!(call("count", body, "stream=true").await.unwrap(), format!("{known}data: {result}\n\n"));
    let error = call("repeat", r#"{"data":{}}"#, "").await.unwrap_err();
    assert_eq!(error.violations[0].pointer, "/data");
    assert_eq!(call("spell_it", body, "").await.unwrap_err().kind, flow_edge::ErrorKind::NotFound);
}
