//! What is soaked, and how.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// What can be soaked.
pub const FRAMEWORKS: &[&str] = &["axum", "actix", "poem"];

/// Soaks a running server and checks each answer, its log and its memory.
#[derive(Debug, Parser)]
pub struct Options {
    /// The server, with every framework compiled in that is to be soaked.
    #[arg(long, value_name = "PATH", default_value = "../target/release/genkit-endpoints")]
    pub program: PathBuf,
    /// What to soak; may be repeated. All, one after the other, unless told.
    #[arg(long = "framework", value_parser = clap::builder::PossibleValuesParser::new(FRAMEWORKS))]
    pub frameworks: Vec<String>,
    /// The listener: the framework's own, or ours.
    #[arg(long, value_enum, default_value = "native")]
    pub server: Listener,
    /// How long each framework is under load.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..=86400))]
    pub seconds: u64,
    /// How many clients send at once; a quarter as many send by gRPC beside them.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub clients: u64,
    /// Draws memory, descriptors and requests over time into this file.
    #[arg(long, value_name = "FILE.svg")]
    pub chart: Option<PathBuf>,
    /// Repeats the choices of a run that printed this seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listener {
    Native,
    Hyper,
}

impl Listener {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Hyper => "hyper",
        }
    }
}
