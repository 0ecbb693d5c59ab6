//! In debug, the development page; otherwise nothing.

use super::{Case, Profile, bare, get, post};

pub fn cases() -> Vec<Case> {
    if cfg!(not(feature = "dev-ui")) {
        return vec![];
    }
    let debug = [
        get("home-leads-to-the-development-page", "/"),
        bare("head-home", "HEAD", "/"),
        get("the-development-page", "/dev"),
        bare("head-of-a-script-of-the-development-page", "HEAD", "/dev/main.js"),
        bare("head-of-what-the-development-page-shows", "HEAD", "/dev/flows"),
        bare("what-the-development-page-shows-is-for-no-page-elsewhere", "HEAD", "/dev/flows")
            .header("origin", "https://app.example"),
        post("post-the-development-page", "/dev", "{}"),
    ];
    let with_keys = [
        bare("the-development-page-needs-no-key", "HEAD", "/dev"),
        get("what-the-development-page-shows-needs-one", "/dev/flows"),
        get("traces-need-one", "/dev/traces"),
        bare("with-a-key-it-is-shown", "HEAD", "/dev/flows").header("authorization", "Bearer sesame"),
        get("the-documentation-needs-a-key", "/openapi.json"),
    ];
    let outside = [
        get("no-development-page-outside-debug", "/dev"),
        get("no-script-of-the-development-page-outside-debug", "/dev/main.js"),
        get("no-flows-are-shown-outside-debug", "/dev/flows"),
        get("no-traces-are-shown-outside-debug", "/dev/traces"),
    ];
    let debug = debug.map(|it| it.on(Profile::Debug)).into_iter();
    let with_keys = with_keys.map(|it| it.on(Profile::DebugWithKeys));
    debug.chain(with_keys).chain(outside).collect()
}
