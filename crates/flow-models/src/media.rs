//! Media, inline or by address. The server must not fetch what a caller names, so an address goes as it is.

use flow_runtime::ModelError;
use flow_runtime::message::Media;

/// A medium as wires send it.
pub(crate) enum Source<'a> {
    /// Its bytes, in base64.
    Data { content_type: &'a str, base64: &'a str },
    /// Where it is.
    Address { content_type: &'a str, url: &'a str },
}

impl<'a> Source<'a> {
    pub(crate) fn of(media: &'a Media) -> Result<Self, ModelError> {
        let url = media.url.as_str();
        let Some(data) = url.strip_prefix("data:") else {
            let content_type = media.content_type.as_deref().unwrap_or_else(|| content_type_of(url));
            return Ok(Self::Address { content_type, url });
        };
        let (head, base64) = data.split_once(',').ok_or(ModelError::rejected("a data URI without data"))?;
        let declared =
            head.strip_suffix(";base64").ok_or(ModelError::rejected("a data URI that is not base64"))?;
        let declared = declared.split(';').next().filter(|it| !it.is_empty());
        let content_type = media.content_type.as_deref().or(declared).unwrap_or("application/octet-stream");
        Ok(Self::Data { content_type, base64 })
    }
}

/// The type by the ending of the path. Gemini demands a type with every address, though it reads the bytes.
fn content_type_of(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("gif") => "image/gif",
        Some("heic") => "image/heic",
        Some("heif") => "image/heif",
        Some("pdf") => "application/pdf",
        Some("mp3") => "audio/mp3",
        Some("wav") => "audio/wav",
        Some("mp4") => "video/mp4",
        _ => "image/jpeg",
    }
}
