//! What clients are promised: the flows of this server, and what goes in and comes out of each.
//!
//! [`FlowService`] is the one list of flows. Names, routes and descriptions stand on its methods; the table
//! [`FLOWS`], calls by name, OpenAPI and the names of what streams derive from it. `docs/add-a-flow.md` says how
//! to add one.
//!
//! `#[flows]` generates [`FLOWS`], the module [`flow`] with one constant per flow, and
//! `impl NamedFlows for dyn FlowService`, which calls flows by name.
//!
//! A type of the wire is written once: serde is its form, garde its limits, schemars its JSON Schema. Limits on
//! text count Unicode scalar values (`chars`).

mod describe_image; // eject: describe_image
mod generate_character; // eject: generate_character
mod generate_code; // eject: generate_code
mod pirate_chat; // eject: pirate_chat
mod review_code; // eject: review_code
mod tell_joke; // eject: tell_joke
mod tell_story; // eject: tell_story
mod translate_text; // eject: translate_text
// eject: insert mod

// Add a flow: its module above this line.

use async_trait::async_trait;
use flow_edge::*;

pub use describe_image::{ImageInput, ImageResponse}; // eject: describe_image
pub use generate_character::{CharacterInput, RpgCharacter, Skills}; // eject: generate_character
pub use generate_code::{CodeInput, CodeOutput}; // eject: generate_code
pub use pirate_chat::{ChatInput, ChatResponse}; // eject: pirate_chat
pub use review_code::{CodeReview, CodeReviewInput, Issue, Severity}; // eject: review_code
pub use tell_joke::{JokeInput, JokeResponse}; // eject: tell_joke
pub use tell_story::{StoryInput, StoryResponse}; // eject: tell_story
pub use translate_text::{Confidence, TranslateInput, TranslationResult}; // eject: translate_text
// eject: insert use

// Add a flow: its types above this line.

/// The application, as adapters mount it.
pub type App = flow_edge::App<dyn FlowService>;

/// The flows of this server. Inputs are already validated.
///
/// A method's future may be dropped at any await (the client left, time ran out); what it started must stop with
/// it. A method's comment is its summary in OpenAPI.
#[flows]
#[async_trait]
pub trait FlowService: Ready {
    // eject: tell_joke
    /// Tells a joke.
    #[flow(post = "/tell-joke")]
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError>;

    /// Tells a joke, chunk by chunk.
    #[flow(post = "/tell-joke/stream", streams = tell_joke)]
    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse>;

    // eject: tell_story
    /// Tells a story, chunk by chunk.
    #[flow(post = "/tell-story/stream")]
    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse>;

    // eject: translate_text
    /// Translates a text.
    #[flow(post = "/translate", cached)]
    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError>;

    // eject: describe_image
    /// Describes an image.
    #[flow(post = "/describe-image", cached)]
    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError>;

    // eject: generate_character
    /// Makes up a role-playing character.
    #[flow(post = "/generate-character", cached)]
    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError>;

    // eject: pirate_chat
    /// Answers as a pirate captain.
    #[flow(post = "/chat")]
    async fn pirate_chat(&self, ctx: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError>;

    // eject: generate_code
    /// Writes code.
    #[flow(post = "/generate-code", cached)]
    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError>;

    /// Writes code, and shows what there is of it so far.
    #[flow(post = "/generate-code/stream", streams = generate_code)]
    fn generate_code_stream(&self, ctx: &RequestContext, input: CodeInput)
    -> FlowStream<CodeOutput, Partial>;

    // eject: review_code
    /// Reviews code.
    #[flow(post = "/review-code", cached)]
    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError>;
    // eject: end
    // eject: insert methods
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn every_schema_compiles_and_stands_alone() {
        for flow in FLOWS {
            for of in [flow.input, flow.output] {
                assert!(!(of.document)().to_string().contains("$ref"), "{} points outside itself", of.name);
            }
        }
    }
}
