//! AI flows as network endpoints: the application.
//!
//! In reading order: [`start`] puts everything together, [`flows`] is what it is all for, [`serving`] runs
//! it and shuts it down, [`adapters`] lists the frameworks compiled in, [`config`] and [`telemetry`] are
//! what their names say, [`replicas`] is what servers like this one share, [`demo`] is what the demo model says, [`prompt`] is the other thing the
//! command line can do.

pub mod adapters;
pub mod config;
pub mod demo;
pub mod flows;
pub mod metrics;
pub mod prompt;
pub mod replicas;
pub mod serving;
pub mod start;
pub mod telemetry;
