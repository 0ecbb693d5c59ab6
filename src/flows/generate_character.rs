//! `generate_character`: structured output with a nested object and limits on its members.

use flow_core::FlowError;
use flow_core::schema::{CharacterInput, RpgCharacter};
use flow_runtime::{Generate, OutputSpec, Runtime};

use super::failure::failure;

pub(super) async fn run(
    ai: &Runtime,
    output: &OutputSpec<RpgCharacter>,
    input: &CharacterInput,
) -> Result<RpgCharacter, FlowError> {
    let prompt = format!(
        "Make up a role-playing character named {}.\n\nGive the character a back story, three to five \
         abilities, and skills from 0 to 100.",
        input.name
    );
    ai.generate_as(Generate::new().prompt(prompt), output).await.map_err(failure)
}
