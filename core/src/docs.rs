//! The documentation pages, in debug only: Swagger UI at `/docs` and Scalar at `/redoc`.
//!
//! The viewers' scripts are in the binary; the pages load nothing from another host. `/redoc` is the
//! address the original has; no well-kept crate bundles `ReDoc` itself, so another viewer answers there.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use utoipa_swagger_ui::Config;

use crate::edge::DOCS_CSP;
use crate::wire::Reply;

const SWAGGER_PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>genkit-endpoints: Swagger UI</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"#;

const SWAGGER_START: &str = r##"SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
});
"##;

const SCALAR_PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>genkit-endpoints: API reference</title>
  <link rel="icon" href="data:,">
</head>
<body>
  <div id="reference"></div>
  <script src="/redoc/scalar.js"></script>
  <script src="/redoc/start.js"></script>
</body>
</html>
"#;

/// No fonts from elsewhere, no telemetry, no proxy and no agent of the vendor's.
const SCALAR_START: &str = r##"Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
});
"##;

static SCALAR: LazyLock<Bytes> =
    LazyLock::new(|| scalar_api_reference::get_asset("scalar.js").unwrap_or_default().into());

/// A page or one of its files, by the request's path.
pub fn page(path: &str) -> Option<Reply> {
    let (content_type, body) = match path {
        "/docs" => ("text/html; charset=utf-8", Bytes::from_static(SWAGGER_PAGE.as_bytes())),
        "/docs/start.js" => ("text/javascript", Bytes::from_static(SWAGGER_START.as_bytes())),
        "/docs/swagger-ui.css" => ("text/css", swagger("swagger-ui.css")?),
        "/docs/swagger-ui-bundle.js" => ("text/javascript", swagger("swagger-ui-bundle.js")?),
        "/redoc" => ("text/html; charset=utf-8", Bytes::from_static(SCALAR_PAGE.as_bytes())),
        "/redoc/start.js" => ("text/javascript", Bytes::from_static(SCALAR_START.as_bytes())),
        "/redoc/scalar.js" => ("text/javascript", SCALAR.clone()),
        _ => return None,
    };
    let headers = vec![("content-security-policy", DOCS_CSP.into())];
    Some(Reply { status: 200, content_type: Some(content_type), headers, body })
}

/// A file of Swagger UI's own distribution.
fn swagger(name: &str) -> Option<Bytes> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json"))).ok()??;
    Some(file.bytes.into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_a_page_names_is_in_the_binary() {
        for page_path in ["/docs", "/redoc"] {
            let html = String::from_utf8(page(page_path).unwrap().body.to_vec()).unwrap();
            let files: Vec<_> = html
                .split('"')
                .filter(|it| it.starts_with("/docs/") || it.starts_with("/redoc/"))
                .map(str::to_owned)
                .collect();
            assert!(files.len() >= 2);
            for file in files {
                assert!(
                    !page(&file).unwrap_or_else(|| panic!("{file} is missing")).body.is_empty(),
                    "{file}"
                );
            }
        }
    }
}
