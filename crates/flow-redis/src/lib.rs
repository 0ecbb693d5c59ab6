#![doc = include_str!("../README.md")]

mod cache;
mod connection;
mod failure;
mod rate;
mod scripts;
mod sessions;
mod settings;
mod store;
mod supervisor;

pub use failure::RedisError;
pub use settings::RedisSettings;
pub use store::RedisStore;
