//! The documentation's pages and their files.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use utoipa_swagger_ui::Config;

use crate::wire::{Answer, answer};

/// Just enough for the pages: their own scripts and styles, and `data:` images.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                   img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
                   base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SWAGGER_START: &str = include_str!("swagger.js");

/// No fonts from elsewhere, no telemetry, no proxy and no agent of the vendor's.
const SCALAR_START: &str = include_str!("scalar.js");

static SCALAR: LazyLock<Bytes> =
    LazyLock::new(|| scalar_api_reference::get_asset("scalar.js").unwrap_or_default().into());

/// A page or one of its files.
pub(super) fn page(path: &str, name: &str) -> Option<Answer> {
    let (content_type, bytes) = match path {
        "/docs" => ("text/html; charset=utf-8", html(include_str!("swagger.html"), name)),
        "/docs/start.js" => ("text/javascript", Bytes::from_static(SWAGGER_START.as_bytes())),
        "/docs/swagger-ui.css" => ("text/css", swagger("swagger-ui.css")?),
        "/docs/swagger-ui-bundle.js" => ("text/javascript", swagger("swagger-ui-bundle.js")?),
        "/redoc" => ("text/html; charset=utf-8", html(include_str!("scalar.html"), name)),
        "/redoc/start.js" => ("text/javascript", Bytes::from_static(SCALAR_START.as_bytes())),
        "/redoc/scalar.js" => ("text/javascript", SCALAR.clone()),
        _ => return None,
    };
    let mut answer = answer::whole(HeaderValue::from_static(content_type), bytes);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    Some(answer)
}

fn html(page: &str, name: &str) -> Bytes {
    page.replace("{name}", name).into()
}

/// A file of Swagger UI's own distribution.
fn swagger(name: &str) -> Option<Bytes> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json"))).ok()??;
    Some(file.bytes.into_owned().into())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::docs::DOCS;

    #[tokio::test]
    async fn every_path_has_its_file_and_every_file_a_page_names_has_its_path() {
        for path in DOCS {
            let answer = page(path, "x").unwrap_or_else(|| panic!("{path} is missing"));
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(!bytes.is_empty(), "{path}");
            if let "/docs" | "/redoc" = *path {
                let html = String::from_utf8(bytes.to_vec()).unwrap();
                let files: Vec<_> =
                    html.split('"').filter(|it| it.starts_with(&format!("{path}/"))).collect();
                assert!(files.len() >= 2 && files.iter().all(|it| DOCS.contains(it)), "{files:?}");
            }
        }
    }
}
