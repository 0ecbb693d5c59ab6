//! Describing an image.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct ImageInput {
    /// An `http(s)` address, or the image itself as a base64 `data:` URI.
    // The authority is RFC 3986's without addresses in brackets: a pattern that only lets good ones pass would be
    // longer than what it is good for. No `\s` in the pattern: the dialects of regular expressions disagree
    // on what is a space.
    #[garde(
        length(chars, max = 2048),
        pattern(
            r"^(https?://[A-Za-z0-9._~%!$&'()*+,;=:@-]+([/?#][^\x00-\x20\x7f]*)?|data:image/[a-zA-Z0-9.+-]+;base64,[A-Za-z0-9+/=]+)$"
        )
    )]
    pub image_url: String,
}

impl Default for ImageInput {
    fn default() -> Self {
        Self {
            image_url:
                "https://upload.wikimedia.org/wikipedia/commons/4/47/PNG_transparency_demonstration_1.png"
                    .into(),
        }
    }
}

/// What an image shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
pub struct ImageResponse {
    /// The description.
    #[garde(skip)]
    pub description: String,
    /// The image it describes, as it was given.
    #[garde(skip)]
    pub image_url: String,
}
