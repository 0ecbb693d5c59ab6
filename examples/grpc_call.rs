//! Calls a procedure and handles its errors.
//!
//! ```console
//! $ cargo run            # in another terminal
//! $ cargo run --example grpc_call -- Luna
//! ```

use grpc::proto::CharacterRequest;
use grpc::proto::genkit_service_client::GenkitServiceClient;
use tonic::transport::Channel;
use tonic_types::StatusExt;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the character is this program's output")]
async fn main() -> anyhow::Result<()> {
    // An empty name would mean the default one.
    let name = std::env::args().nth(1).unwrap_or_default();
    let channel = Channel::from_static("http://localhost:50051").connect().await?;
    let answer = GenkitServiceClient::new(channel).generate_character(CharacterRequest { name }).await;
    let hero = answer.map_err(|status| {
        // Every fault of the input is in the details (google.rpc.BadRequest).
        let faults = status.get_details_bad_request().map(|it| it.field_violations);
        anyhow::anyhow!("{:?}: {} {faults:?}", status.code(), status.message())
    })?;
    let hero = hero.into_inner();
    println!("{}: {}\n{}", hero.name, hero.abilities.join(", "), hero.back_story);
    let skills = hero.skills.unwrap_or_default();
    println!("strength {}, charisma {}, endurance {}", skills.strength, skills.charisma, skills.endurance);
    Ok(())
}
