//! In debug, the way to the documentation pages and what belongs to them; otherwise nothing.

use super::{Case, Profile, bare, get, post};

pub fn cases() -> Vec<Case> {
    if cfg!(not(feature = "docs-ui")) {
        return vec![];
    }
    let debug = [
        get("the-swagger-page", "/docs"),
        bare("head-of-the-swagger-page", "HEAD", "/docs"),
        get("the-reference-page", "/redoc"),
        post("post-home", "/", "{}"),
        post("post-a-page", "/redoc", "{}"),
        bare("head-a-script-of-a-page", "HEAD", "/redoc/start.js"),
    ];
    let outside = [
        post("post-home-outside-debug", "/", "{}"),
        get("no-reference-page-outside-debug", "/redoc"),
        get("no-script-of-a-page-outside-debug", "/docs/start.js"),
    ];
    debug.map(|it| it.on(Profile::Debug)).into_iter().chain(outside).collect()
}
