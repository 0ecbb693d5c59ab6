//! Writes the documents of settings from `src/settings`: the tables of `docs/configuration.md`, and `.example.env`.
//!
//!     cargo run --example settings_docs

use std::fs;
use std::path::Path;

use genkit_endpoints::settings::{example_env, settings_markdown};

fn main() -> anyhow::Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(project.join(".example.env"), example_env())?;

    let (path, begin, end) =
        (project.join("docs/configuration.md"), "<!-- settings:begin -->\n", "\n<!-- settings:end -->");
    let page = fs::read_to_string(&path)?;
    let parts = page.split_once(begin).zip(page.split_once(end));
    let ((before, _), (_, after)) =
        parts.ok_or_else(|| anyhow::anyhow!("docs/configuration.md has no settings marks"))?;
    fs::write(path, format!("{before}{begin}{}{end}{after}", settings_markdown()))?;
    Ok(())
}
