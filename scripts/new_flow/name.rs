//! Which names a flow can have.

use crate::files::Files;
use crate::words::pascal;

const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern \
                        false final fn for gen if impl in let loop macro match mod move mut override priv pub ref \
                        return self static struct super trait true try type typeof union unsafe unsized use virtual \
                        where while yield";
/// Modules, methods and routes of the code around a flow, and methods that every value has.
const RESERVED: &str = "alloc api api_docs as_ref borrow call clone cmp connect core default deref dev docs drop eq flow \
                        flows fmt from hash health healthz into lib main mod new post readiness ready readyz redoc \
                        routes std table test tests to_owned to_string try_from try_into type_id";
/// Where what a module could be taken for is named.
const MANIFESTS: [&str; 2] = ["api/Cargo.toml", "Cargo.toml"];
const LONGEST: usize = 60;

/// All that speaks against a name.
pub fn faults(name: &str, files: &mut Files) -> Vec<String> {
    if let Some(why) = malformed(name) {
        return vec![format!("{name}: {why}")];
    }
    let mut faults = Vec::new();
    if RESERVED.split_whitespace().any(|it| it == name) {
        faults.push("the code around a flow needs this name itself.".into());
    }
    for manifest in MANIFESTS {
        if files.text(manifest).is_some_and(|it| depends_on(it, name)) {
            faults.push(format!("{manifest} has a dependency of this name."));
        }
    }
    for path in [format!("api/src/{name}.rs"), format!("src/flows/{name}.rs")] {
        if files.text(&path).is_some() {
            faults.push(format!("{path} is there already."));
        }
    }
    let (types, route) = (pascal(name), name.replace('_', "-"));
    let mut taken = |path: &str, words: &[String]| {
        let Some(text) = files.text(path) else { return };
        for word in words.iter().filter(|it| has(text, it)) {
            faults.push(format!("{path} has `{word}` already."));
        }
    };
    taken("api/src/lib.rs", &[format!("fn {name}")]);
    taken("api/src/lib.rs", &[format!("\"/{route}\""), format!("\"/{route}/stream\"")]);
    taken("api/src/lib.rs", &[format!("{types}Input"), format!("{types}Output")]);
    // eject: grpc
    let items = ["rpc {}", "message {}Request", "message {}Response"].map(|it| it.replace("{}", &types));
    taken("proto/genkit_sample.proto", &items);
    // eject: end
    faults.into_iter().map(|why| format!("{name}: {why}")).collect()
}

fn malformed(name: &str) -> Option<String> {
    let is_word = |it: &str| {
        it.starts_with(|it: char| it.is_ascii_lowercase())
            && it.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    let words: Vec<&str> = name.split('_').collect();
    if !words.iter().all(|it| is_word(it)) {
        return Some(
            "a name is words of small letters and digits with single _ between, each with a letter first."
                .into(),
        );
    }
    if name.len() > LONGEST {
        return Some(format!("a name has at most {LONGEST} characters."));
    }
    if KEYWORDS.split_whitespace().any(|it| it == name) {
        return Some("this is a word of Rust.".into());
    }
    // `AB` is read back as one word where names of types become names of methods.
    let is_run = words.windows(2).any(|it| it[0].len() == 1 && it[1].len() == 1);
    is_run.then(|| "it has two words of one letter side by side.".into())
}

/// Whether one of the tables of dependencies has this name.
fn depends_on(manifest: &str, name: &str) -> bool {
    let mut in_table = false;
    manifest.lines().any(|line| {
        if line.starts_with('[') {
            in_table = line.trim_end().ends_with("dependencies]");
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        in_table && key.replace('-', "_") == name
    })
}

/// Whether a text has this as a whole word.
fn has(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    text.match_indices(word).any(|(at, _)| {
        let ends = word.ends_with('"') || !text[at + word.len()..].starts_with(is_part);
        ends && !text[..at].ends_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(path: &str, text: &str, name: &str) -> Vec<String> {
        let mut files = Files::default();
        for empty in ["api/Cargo.toml", "Cargo.toml", "api/src/lib.rs", "proto/genkit_sample.proto"] {
            files.set(empty, String::new());
        }
        files.set(path, text.into());
        faults(name, &mut files)
    }

    #[test]
    fn a_name_is_words_in_small_letters() {
        for name in ["a", "plan_trip", "plan_a_trip", "plan_b", "top10_of"] {
            assert_eq!(malformed(name), None, "{name}");
        }
        let long = "a".repeat(61);
        for name in
            ["", "Plan", "plan-trip", "_plan", "plan_", "plan__trip", "plan_2", "2plan", "plän", "a_b", &long]
        {
            assert!(malformed(name).is_some(), "{name}");
        }
        assert_eq!(malformed("match").unwrap(), "this is a word of Rust.");
        assert_eq!(with("Cargo.toml", "", "health").len(), 1);
    }

    #[test]
    fn everything_that_has_the_name_is_said_at_once() {
        let api = "pub use x::PlanInput;\n#[flow(post = \"/plan\")]\nasync fn plan(&self)";
        assert_eq!(with("api/src/lib.rs", api, "plan").len(), 3);
        assert_eq!(with("src/flows/plan.rs", "", "plan"), ["plan: src/flows/plan.rs is there already."]);
        assert_eq!(with("proto/genkit_sample.proto", "message PlanRequest {", "plan").len(), 1); // eject: grpc
    }

    #[test]
    fn a_longer_name_is_another_one() {
        let api = "use x::{PlanInputs, MyPlanInput}; post = \"/plan/all\" fn plan_all(";
        assert_eq!(with("api/src/lib.rs", api, "plan"), [""; 0]);
    }

    #[test]
    fn the_name_of_a_dependency_is_taken() {
        let manifest = "[package]\nname = \"plan\"\n[dependencies]\nmy-plan.workspace = true\nserde = \"1\"\n[features]\nred = []\n";
        assert_eq!(with("api/Cargo.toml", manifest, "my_plan").len(), 1);
        assert_eq!(with("api/Cargo.toml", manifest, "plan"), [""; 0]);
        assert_eq!(with("api/Cargo.toml", manifest, "red"), [""; 0]);
    }
}
