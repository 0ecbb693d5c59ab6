//! AI flows as network endpoints: the application.
//!
//! In reading order: [`start`] puts everything together, [`flows`] is what it is all for, [`serving`] runs
//! it and shuts it down, [`adapters`] lists the frameworks compiled in, [`settings`] and [`telemetry`] are
//! what their names say, [`replicas`] is what servers like this one share, [`prompt`] and [`health`] are the other things
//! the command line can do.

pub mod adapters;
pub mod flows;
pub mod health;
pub mod metrics;
pub mod prompt;
pub mod replicas;
pub mod serving;
pub mod settings;
pub mod start;
pub mod telemetry;
// eject: grpc
pub mod tls;
// eject: end
