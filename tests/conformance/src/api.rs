//! What the test flows promise. Their shapes are those that the rules of the edge can be broken with: optional and
//! required members, limits on text, numbers and lists, a pattern, nested objects.

use async_trait::async_trait;
use flow_edge::{FlowError, FlowStream, Partial, Ready, RequestContext, Schema, flows};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An application of the test flows, as adapters mount it.
pub type App = flow_edge::App<dyn TestFlows>;

/// The test flows.
#[flows]
#[async_trait]
pub trait TestFlows: Ready {
    /// Writes a note.
    #[flow(post = "/write-note")]
    async fn write_note(&self, ctx: &RequestContext, input: NoteInput) -> Result<Note, FlowError>;

    /// Writes a note, chunk by chunk.
    #[flow(post = "/write-note/stream", streams = write_note)]
    fn write_note_stream(&self, ctx: &RequestContext, input: NoteInput) -> FlowStream<Note>;

    /// Writes about a topic, sentence by sentence.
    #[flow(post = "/stream-sentences")]
    fn stream_sentences(&self, ctx: &RequestContext, input: TopicInput) -> FlowStream<Sentences>;

    /// Extracts facts from a text.
    #[flow(post = "/extract", cached)]
    async fn extract_facts(&self, ctx: &RequestContext, input: FactsInput) -> Result<Facts, FlowError>;

    /// Captions an image.
    #[flow(post = "/caption-media", cached)]
    async fn caption_media(&self, ctx: &RequestContext, input: MediaInput) -> Result<Caption, FlowError>;

    /// Fills a form.
    #[flow(post = "/fill-form")]
    async fn fill_form(&self, ctx: &RequestContext, input: FormInput) -> Result<Form, FlowError>;

    /// Fills a form, member by member.
    #[flow(post = "/fill-form/stream", streams = fill_form)]
    fn fill_form_stream(&self, ctx: &RequestContext, input: FormInput) -> FlowStream<Form, Partial>;
}

/// What a note is about, and whom it is for.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct NoteInput {
    /// What it is about.
    #[garde(length(chars, max = 200))]
    pub name: String,
    /// The reader's display name. An `Authorization` header that is no API key takes its place.
    #[garde(length(chars, max = 200))]
    pub username: Option<String>,
}

impl Default for NoteInput {
    fn default() -> Self {
        Self { name: "Mittens".into(), username: None }
    }
}

/// A note.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Note {
    /// Its text.
    #[garde(skip)]
    #[streamed]
    pub note: String,
    /// Whom it is for, if known.
    #[garde(skip)]
    pub username: Option<String>,
}

/// What to write about.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct TopicInput {
    /// The topic.
    #[garde(length(chars, min = 1, max = 1000))]
    pub topic: String,
}

impl Default for TopicInput {
    fn default() -> Self {
        Self { topic: "a brave cat".into() }
    }
}

/// A text of sentences.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Sentences {
    /// The whole text.
    #[garde(skip)]
    #[streamed]
    pub text: String,
}

/// A text with facts in it.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct FactsInput {
    /// The text.
    #[garde(length(chars, min = 1, max = 10000))]
    pub text: String,
    /// The language to state them in.
    #[garde(length(chars, max = 50), pattern("^[a-zA-Z#+]+$"))]
    pub language: String,
}

impl Default for FactsInput {
    fn default() -> Self {
        Self { text: "Luna was born under the moon.".into(), language: "English".into() }
    }
}

/// The facts of a text.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The text they are from.
    #[garde(skip)]
    pub source_text: String,
    /// The facts, ten at most.
    #[garde(length(max = 10))]
    pub facts: Vec<String>,
    /// How many of each.
    #[garde(dive)]
    pub counts: Counts,
    /// How sure they are.
    #[garde(skip)]
    pub certainty: Certainty,
}

/// How many there are, 100 at most.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[schemars(inline)]
pub struct Counts {
    /// People.
    #[garde(range(min = 0, max = 100))]
    pub people: u8,
    /// Places.
    #[garde(range(min = 0, max = 100))]
    pub places: u8,
}

/// How sure a fact is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Certainty {
    /// Sure.
    High,
    /// Guessed.
    Low,
}

/// Where an image is.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct MediaInput {
    /// Its address, or the image itself as a base64 `data:` URI.
    #[garde(
        length(chars, max = 2048),
        pattern(
            r"^(https?://[A-Za-z0-9._~:-]+(/[^\x00-\x20\x7f]*)?|data:image/[a-z+-]+;base64,[A-Za-z0-9+/=]+)$"
        )
    )]
    pub media_url: String,
}

impl Default for MediaInput {
    fn default() -> Self {
        Self { media_url: "https://example.com/dice.png".into() }
    }
}

/// What an image shows.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Caption {
    /// The caption.
    #[garde(skip)]
    pub caption: String,
    /// The image it captions, as it was given.
    #[garde(skip)]
    pub media_url: String,
}

/// What to fill. Its first member has no default.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct FormInput {
    /// The form's title.
    #[garde(length(chars, min = 1, max = 100))]
    pub title: String,
    /// How many copies of it.
    #[garde(range(min = 1, max = 9))]
    #[serde(default = "one")]
    pub copies: u8,
}

fn one() -> u8 {
    1
}

/// A form that is filled.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct Form {
    /// The form's title.
    #[garde(skip)]
    pub title: String,
    /// What was filled in.
    #[garde(skip)]
    pub content: String,
    /// How many copies of it.
    #[garde(range(min = 1, max = 9))]
    pub copies: u8,
}
