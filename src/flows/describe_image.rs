//! `describe_image`: text and an image in one prompt. The model's provider fetches the image, not we.

use api::{ImageInput, ImageResponse};
use flow_edge::{FlowError, RequestContext};
use flow_runtime::{Generate, Runtime};
use flow_service::to_flow_error;

pub(super) async fn run(
    ai: Runtime,
    _: RequestContext,
    input: ImageInput,
) -> Result<ImageResponse, FlowError> {
    let request = Generate::new()
        .prompt("Describe this image in two or three sentences, for someone who cannot see it.")
        .media(input.image_url.clone(), None);
    let answer = ai.generate(request).await.map_err(to_flow_error)?;
    Ok(ImageResponse { description: answer.text(), image_url: input.image_url })
}
