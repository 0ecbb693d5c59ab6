//! The cases, by what they are about. Each is one request and the settings of the server it goes to.

mod cache;
mod case;
mod decoding;
mod dev; // eject: dev-ui
mod edge;
mod genkit;
mod pages;
mod results;
mod routing;
mod upstream;

use fake_gemini::FakeGemini;

pub use case::{Case, Profile, bare, get, post};

/// What has been sent to a server before its cases.
pub fn before(profile: Profile) -> Vec<Case> {
    match profile {
        Profile::Rate => vec![get("the one request of the day", "/nope")],
        Profile::Order => vec![edge::ordered("the one request of the day")],
        Profile::Proxied => vec![edge::behind_a_proxy("the one request of the day", "203.0.113.1")],
        Profile::Cached => cache::cases(),
        Profile::Circuit => vec![post("the failure", "/write-note", r#"{"name":"fault-500"}"#)],
        _ => vec![],
    }
}

/// Every case.
pub fn all() -> Vec<Case> {
    let cases = [
        results::cases(),
        genkit::cases(),
        routing::cases(),
        decoding::cases(),
        upstream::cases(),
        edge::cases(),
        cache::cases(),
        pages::cases(),
        dev::cases(), // eject: dev-ui
    ]
    .concat();
    let mut names: Vec<_> = cases.iter().map(|it| it.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|it| it[0] != it[1]), "two cases share a name");
    cases
}

/// What the fake Gemini answers to whom.
pub fn script(fake: &FakeGemini) {
    results::script(fake);
    genkit::script(fake);
    upstream::script(fake);
}
