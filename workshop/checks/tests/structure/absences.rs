//! What is not there: each rule is a word that does not occur, or a dependency that does not exist, in a part of the
//! project.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use crate::packages::{self, Package, files, shown};

/// The web frameworks and what else serves HTTP, by the names of packages.
const HTTP_SERVERS: [&str; 9] = [
    "axum",
    "actix-web",
    "actix-http",
    "actix-server",
    "poem",
    "poem-openapi",
    "hyper",
    "hyper-util",
    "tonic",
];

/// Words that do not occur in these files.
struct Rule {
    says: &'static str,
    folders: &'static [&'static str],
    extensions: &'static [&'static str],
    /// Paths that begin with one of these may break it.
    except: &'static [&'static str],
    words: &'static [&'static str],
}

const RULES: [Rule; 5] = [
    Rule {
        says: "no web framework outside adapters/",
        folders: &["api", "crates", "src", "tests", "examples"],
        extensions: &["rs"],
        // The first names the adapters, which are crates of ours. The test flows have routes as every project's have.
        except: &["src/adapters.rs", "tests/conformance/src/routes/"],
        words: &["axum::", "actix_web::", "actix_http::", "poem::", "poem_openapi::"],
    },
    Rule {
        says: "no environment outside src/settings",
        folders: &["api", "adapters", "crates", "src"],
        extensions: &["rs"],
        except: &["src/settings/"],
        words: &["env::var(", "env::var_os(", "env::vars(", "env::vars_os("],
    },
    Rule {
        says: "no sample's fact in crates/",
        folders: &["crates"],
        extensions: &["rs", "md", "toml", "lua", "prompt", "yaml"],
        except: &[],
        words: &["joke", "story", "pirate", "translat", "rpg"],
    },
    Rule {
        says: "adapters know neither the runtime nor models",
        folders: &["adapters"],
        extensions: &["rs"],
        except: &[],
        words: &["flow_runtime", "flow_models", "flow_service"],
    },
    Rule {
        says: "the edge knows no model and the runtime no HTTP server",
        folders: &["crates/flow-edge", "crates/flow-runtime", "crates/flow-models", "crates/dotprompt"],
        extensions: &["rs"],
        except: &["crates/flow-models/tests/"],
        words: &["hyper::", "tonic::", "flow_listener"],
    },
];

/// What the packages of a part do not use, directly or through packages of ours.
struct Ban {
    says: &'static str,
    packages: &'static [&'static str],
    uses: &'static [&'static str],
}

const BANS: [Ban; 4] = [
    Ban {
        says: "the runtime knows no HTTP server",
        packages: &["flow-runtime", "dotprompt-format"],
        uses: &HTTP_SERVERS,
    },
    Ban {
        says: "the edge knows no model",
        packages: &["flow-edge", "flow-listener", "api"],
        uses: &["flow-runtime", "flow-models", "dotprompt-format", "reqwest"],
    },
    Ban {
        says: "adapters know neither the runtime nor models",
        packages: &["adapter-axum", "adapter-actix", "adapter-poem", "adapter-grpc"],
        uses: &["flow-runtime", "flow-models", "flow-service", "dotprompt-format"],
    },
    Ban {
        says: "libraries know neither the application nor its flows",
        packages: &[
            "dotprompt-format",
            "flow-edge",
            "flow-listener",
            "flow-models",
            "flow-redis",
            "flow-runtime",
            "flow-service",
            "flow-settings",
            "genkit-reflection",
            "schema-example",
        ],
        uses: &["api", "genkit-endpoints"],
    },
];

#[test]
fn words_stay_where_they_belong() {
    let mut told = Vec::new();
    for rule in &RULES {
        let mut read = 0;
        for file in rule.folders.iter().flat_map(|it| files(it, rule.extensions)) {
            read += 1;
            let path = shown(&file);
            if path.ends_with("build.rs") || rule.except.iter().any(|it| path.starts_with(it)) {
                continue;
            }
            for (line, word) in found(&read_to_string(&file).unwrap(), rule.words) {
                // Tests say where their tools are, and where Redis is, by variables of their own.
                let is_test = path.contains("/tests/");
                if !(is_test && rule.says.starts_with("no environment")) {
                    told.push(format!("{path}:{line}: `{word}`, but {}", rule.says));
                }
            }
        }
        assert!(read > 0, "nothing to read for: {}", rule.says);
    }
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

#[test]
fn packages_use_nothing_that_belongs_elsewhere() {
    let packages = packages::of_the_project();
    let mut told = Vec::new();
    for ban in &BANS {
        for name in ban.packages {
            let package =
                packages.get(*name).unwrap_or_else(|| panic!("{name} is gone; so should be its rule"));
            for (through, used) in used(package, &packages) {
                if ban.uses.contains(&&*used) {
                    let (path, line) = declared(&packages[&through].manifest, &used);
                    told.push(format!("{path}:{line}: {name} uses {used}, but {}", ban.says));
                }
            }
        }
    }
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

#[test]
fn a_word_is_found_where_one_begins_and_nowhere_else() {
    let text = "// history\nlet tell_joke = 1;\nTellStory\nBackstory, axum_extra::x\nuse axum::Router;\n";
    assert_eq!(found(text, &["joke", "story", "axum::"]), [(2, "joke"), (3, "story"), (5, "axum::")]);
}

/// The lines with one of these words, in small letters or with a capital. A word begins after what is no letter, or
/// with a capital.
fn found(text: &str, words: &[&'static str]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (nth, line) in text.lines().enumerate() {
        let small = line.to_ascii_lowercase();
        let begins = |at: usize| {
            let before = line[..at].chars().next_back();
            let is_capital = line[at..].starts_with(|it: char| it.is_ascii_uppercase());
            is_capital || !before.is_some_and(|it| it.is_ascii_alphabetic())
        };
        let has = |word: &str| small.match_indices(word).any(|(at, _)| begins(at));
        found.extend(words.iter().filter(|it| has(it)).map(|it| (nth + 1, *it)));
    }
    found
}

/// What a package uses, and which package of ours says so.
fn used(
    package: &Package,
    packages: &std::collections::BTreeMap<String, Package>,
) -> BTreeSet<(String, String)> {
    let mut used = BTreeSet::new();
    let mut open = vec![package];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if seen.insert(&next.name) {
            used.extend(next.dependencies.iter().map(|it| (next.name.clone(), it.clone())));
            open.extend(next.dependencies.iter().filter_map(|it| packages.get(it)));
        }
    }
    used
}

/// Where a manifest names a dependency.
fn declared(manifest: &Path, dependency: &str) -> (String, usize) {
    let path: PathBuf = manifest.to_owned();
    let text = read_to_string(&path).unwrap();
    let line = text.lines().position(|it| it.contains(dependency)).unwrap_or_default();
    (shown(&path), line + 1)
}
