//! `pirate_chat`: a persona, set by a system prompt, and conversations that go on.

use api::{ChatInput, ChatResponse};
use flow_edge::{FlowError, RequestContext};
use flow_runtime::{Generate, Runtime};
use flow_service::to_flow_error;

const PERSONA: &str = "You are a pirate captain of the old school. Answer every question truthfully, and in \
                       the broadest pirate speech. Never step out of your role.";

pub(super) async fn run(ai: Runtime, _: RequestContext, input: ChatInput) -> Result<ChatResponse, FlowError> {
    let session = input.session.as_deref().map(|id| ai.session(id));
    let request = Generate::new().system(PERSONA).prompt(input.question).session(session);
    let answer = ai.generate(request).await.map_err(to_flow_error)?;
    Ok(ChatResponse::new(answer.text(), input.session))
}
