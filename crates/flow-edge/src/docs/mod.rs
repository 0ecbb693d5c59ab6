//! The pages, in debug only. Those of the documentation, with the feature `docs-ui`, are Swagger UI at `/docs` and Scalar
//! at `/redoc`.
//!
//! All scripts are in the binary; the pages load nothing from another host. `/redoc` is the address the original has; no
//! well-kept crate bundles `ReDoc` itself, so another viewer answers there.

// eject: dev-ui
pub mod dev;
// eject: end
#[cfg(feature = "docs-ui")]
mod pages;

use crate::flow::FlowInfo;
use crate::wire::Answer;

/// The paths of the documentation and of its files. None where it is not compiled in.
const DOCS: &[&str] = if cfg!(feature = "docs-ui") {
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

/// The paths of all that is compiled in.
const PATHS: &[&[&str]] = &[
    DOCS,
    dev::PATHS, // eject: dev-ui
];

/// The pages of one server.
#[derive(Debug, Default)]
pub struct Pages {
    /// The application's name.
    pub name: String,
    // eject: dev-ui
    /// What the development page shows.
    pub dev: dev::Dev,
    // eject: end
}

/// Where a person begins: a page, or the document where no page is compiled in.
pub fn home() -> &'static str {
    // eject: dev-ui
    if cfg!(feature = "dev-ui") {
        return dev::HOME;
    }
    // eject: end
    if cfg!(feature = "docs-ui") { "/docs" } else { "/openapi.json" }
}

/// The paths of the pages and of their files.
pub fn paths() -> impl Iterator<Item = &'static str> {
    PATHS.iter().copied().flatten().copied()
}

impl Pages {
    /// What is at one of the [`paths`], in a server of these flows.
    pub fn answer(&self, path: &str, query: Option<&str>, flows: &[FlowInfo]) -> Option<Answer> {
        // eject: dev-ui
        #[cfg(feature = "dev-ui")]
        if let Some(answer) = dev::page::answer(&self.dev, &self.name, (path, query), flows) {
            return Some(answer);
        }
        // eject: end
        let _ = (query, flows);
        #[cfg(feature = "docs-ui")]
        return pages::page(path, &self.name);
        #[cfg(not(feature = "docs-ui"))]
        {
            let _ = path;
            None
        }
    }
}
