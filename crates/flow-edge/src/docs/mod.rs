//! The documentation pages, in debug only: Swagger UI at `/docs` and Scalar at `/redoc`. Without the feature
//! `docs-ui` there are none.
//!
//! The viewers' scripts are in the binary; the pages load nothing from another host. `/redoc` is the
//! address the original has; no well-kept crate bundles `ReDoc` itself, so another viewer answers there.

#[cfg(feature = "docs-ui")]
mod pages;

use crate::wire::Answer;

/// Where a person begins: the page, or the document where no page is compiled in.
pub const HOME: &str = if cfg!(feature = "docs-ui") { "/docs" } else { "/openapi.json" };

/// The paths of the pages and of their files. None where no page is compiled in.
pub const PATHS: &[&str] = if cfg!(feature = "docs-ui") {
    &[
        "/docs",
        "/docs/start.js",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
        "/redoc",
        "/redoc/start.js",
        "/redoc/scalar.js",
    ]
} else {
    &[]
};

/// What is at one of the [`PATHS`]. `name` is the application's.
pub fn page(path: &str, name: &str) -> Option<Answer> {
    #[cfg(feature = "docs-ui")]
    return pages::page(path, name);
    #[cfg(not(feature = "docs-ui"))]
    {
        let _ = (path, name);
        None
    }
}
