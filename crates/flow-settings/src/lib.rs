#![doc = include_str!("../README.md")]

mod docs;
mod dotenv;
mod error;
mod given;
pub mod parse;
mod setting;

pub use self::docs::{Around, example_env, markdown};
pub use self::error::{Fault, SettingsError, USAGE};
pub use self::given::Given;
pub use self::setting::{Setting, command, settings};
