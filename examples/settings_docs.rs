//! Writes the documents of settings from `src/settings`: the README's tables and `.example.env`.
//!
//!     cargo run --example settings_docs

use std::fs;
use std::path::Path;

use genkit_endpoints::settings::{example_env, settings_markdown};

fn main() -> anyhow::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(project.join(".example.env"), example_env())?;

    let (path, begin, end) =
        (project.join("README.md"), "<!-- settings:begin -->\n", "\n<!-- settings:end -->");
    let readme = fs::read_to_string(&path)?;
    let parts = readme.split_once(begin).zip(readme.split_once(end));
    let ((before, _), (_, after)) =
        parts.ok_or_else(|| anyhow::anyhow!("the README has no settings marks"))?;
    fs::write(path, format!("{before}{begin}{}{end}{after}", settings_markdown()))?;
    Ok(())
}
