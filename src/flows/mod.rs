//! The implementation of [`FlowService`], one file per flow.
//!
//! `docs/add-a-flow.md` says how to add one.

mod describe_image; // eject: describe_image
mod generate_character; // eject: generate_character
mod generate_code; // eject: generate_code
mod pirate_chat; // eject: pirate_chat
mod review_code; // eject: review_code
mod tell_joke; // eject: tell_joke
mod tell_story; // eject: tell_story
mod tools; // eject: translate_text
mod translate_text; // eject: translate_text
// eject: insert mod

// Add a flow: its module above this line.

use std::path::Path;
use std::sync::Arc;

use api::flow; // A constant for each flow, in capitals; `#[flows]` makes them.
use api::*;
use async_trait::async_trait;
use flow_edge::*;
use flow_runtime::{ModelError, Prompts};
use flow_service::{FlowDeps, FlowRunner};
use include_dir::{Dir, include_dir};

/// The files of `prompts/`, compiled in.
static PROMPT_FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

/// The prompt files: those compiled in, or with `reload` those on disk, which are read again when they change.
pub fn prompts(reload: bool) -> Result<Prompts, ModelError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts");
    if reload && folder.is_dir() {
        return Prompts::in_folder(folder);
    }
    let files = PROMPT_FILES.files();
    Prompts::new(files.filter_map(|it| Some((it.path().file_name()?.to_str()?, it.contents_utf8()?))))
}

/// Makes the flows, with the tools they use.
pub fn flows(deps: FlowDeps) -> Result<Arc<dyn FlowService>, ModelError> {
    let runner = FlowRunner::new(FLOWS, deps, |runtime| {
        // The tools that flows and prompt files name.
        let runtime = runtime.tool(tools::get_current_time()?); // eject: translate_text
        Ok(runtime)
    });
    Ok(Arc::new(Flows(runner?)))
}

/// The flows, made once at the start.
struct Flows(FlowRunner);

impl Ready for Flows {
    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}

#[async_trait]
impl FlowService for Flows {
    // eject: tell_joke
    async fn tell_joke(&self, ctx: &RequestContext, input: JokeInput) -> Result<JokeResponse, FlowError> {
        self.0.call(flow::TELL_JOKE, ctx, input, tell_joke::run).await
    }

    fn tell_joke_stream(&self, ctx: &RequestContext, input: JokeInput) -> FlowStream<JokeResponse> {
        self.0.stream(flow::TELL_JOKE, ctx, input, tell_joke::stream)
    }

    // eject: tell_story
    fn tell_story(&self, ctx: &RequestContext, input: StoryInput) -> FlowStream<StoryResponse> {
        self.0.stream(flow::TELL_STORY, ctx, input, tell_story::stream)
    }

    // eject: translate_text
    async fn translate_text(
        &self,
        ctx: &RequestContext,
        input: TranslateInput,
    ) -> Result<TranslationResult, FlowError> {
        self.0.call(flow::TRANSLATE_TEXT, ctx, input, translate_text::run).await
    }

    // eject: describe_image
    async fn describe_image(
        &self,
        ctx: &RequestContext,
        input: ImageInput,
    ) -> Result<ImageResponse, FlowError> {
        self.0.call(flow::DESCRIBE_IMAGE, ctx, input, describe_image::run).await
    }

    // eject: generate_character
    async fn generate_character(
        &self,
        ctx: &RequestContext,
        input: CharacterInput,
    ) -> Result<RpgCharacter, FlowError> {
        self.0.call(flow::GENERATE_CHARACTER, ctx, input, generate_character::run).await
    }

    // eject: pirate_chat
    async fn pirate_chat(&self, ctx: &RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
        self.0.call(flow::PIRATE_CHAT, ctx, input, pirate_chat::run).await
    }

    // eject: generate_code
    async fn generate_code(&self, ctx: &RequestContext, input: CodeInput) -> Result<CodeOutput, FlowError> {
        self.0.call(flow::GENERATE_CODE, ctx, input, generate_code::run).await
    }

    fn generate_code_stream(
        &self,
        ctx: &RequestContext,
        input: CodeInput,
    ) -> FlowStream<CodeOutput, Partial> {
        self.0.stream(flow::GENERATE_CODE, ctx, input, generate_code::stream)
    }

    // eject: review_code
    async fn review_code(
        &self,
        ctx: &RequestContext,
        input: CodeReviewInput,
    ) -> Result<CodeReview, FlowError> {
        self.0.call(flow::REVIEW_CODE, ctx, input, review_code::run).await
    }
    // eject: end
    // eject: insert methods
}
