//! `generate_character`: structured output with a nested object and limits on its members.

use std::sync::LazyLock;

use api::{CharacterInput, RpgCharacter};
use flow_edge::{FlowError, RequestContext};
use flow_runtime::{Generate, OutputSpec, Runtime};
use flow_service::{output, to_flow_error};

static OUTPUT: LazyLock<OutputSpec<RpgCharacter>> = LazyLock::new(output);

pub(super) async fn run(
    ai: Runtime,
    _: RequestContext,
    input: CharacterInput,
) -> Result<RpgCharacter, FlowError> {
    let prompt = format!(
        "Make up a role-playing character named {}.\n\nGive the character a back story, three to five \
         abilities, and skills from 0 to 100.",
        input.name
    );
    ai.generate_as(Generate::new().prompt(prompt), &OUTPUT).await.map_err(to_flow_error)
}
