//! Calls a flow and handles its errors.
//!
//! ```console
//! $ cargo run            # in another terminal
//! $ cargo run --example call -- Luna
//! ```

use api::{CharacterInput, RpgCharacter};
use serde_json::Value;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the character is this program's output")]
async fn main() -> anyhow::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "Luna".into());
    let request = reqwest::Client::new().post("http://localhost:8080/generate-character");
    let response = request.json(&CharacterInput { name }).send().await?;
    if !response.status().is_success() {
        // Every error is a problem document (RFC 9457), with every fault of the input.
        let problem: Value = response.json().await?;
        anyhow::bail!("{}: {} {}", problem["title"], problem["detail"], problem["errors"]);
    }
    // The schema types are a crate of their own, so a Rust client can share them.
    let hero: RpgCharacter = response.json().await?;
    println!("{}: {}\n{}", hero.name, hero.abilities.join(", "), hero.back_story);
    println!(
        "strength {}, charisma {}, endurance {}",
        hero.skills.strength, hero.skills.charisma, hero.skills.endurance
    );
    Ok(())
}
