//! The pages and their files.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use utoipa_swagger_ui::Config;

use crate::edge::DOCS_CSP;
use crate::wire::{Answer, answer};

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
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_CSP));
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

    #[tokio::test]
    async fn every_file_a_page_names_is_in_the_binary() {
        for path in ["/docs", "/redoc"] {
            let bytes = page(path, "x").unwrap().into_body().collect().await.unwrap().to_bytes();
            let html = String::from_utf8(bytes.to_vec()).unwrap();
            let files = html.split('"').filter(|it| it.starts_with("/docs/") || it.starts_with("/redoc/"));
            let files: Vec<_> = files.map(str::to_owned).collect();
            assert!(files.len() >= 2);
            for file in files {
                let answer = page(&file, "x").unwrap_or_else(|| panic!("{file} is missing"));
                assert!(!answer.into_body().collect().await.unwrap().to_bytes().is_empty(), "{file}");
            }
        }
    }
}
