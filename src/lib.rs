//! AI flows as network endpoints: the application.
//!
//! In reading order:
//!
//! - [`start`] puts everything together.
//! - [`flows`] are the flows.
//! - [`adapters`] lists the frameworks compiled in.
//! - [`settings`] and [`telemetry`] are what their names say.
//! - [`replicas`] is what servers like this one share. <!-- eject: redis -->
//! - [`traces`] makes one trace of a request and all that it leads to. <!-- eject: telemetry -->
//! - [`platform`] is the one this program runs on. <!-- eject: telemetry -->
//! - [`sentry`] tells of panics and failures. <!-- eject: sentry -->
//! - [`reflection`] is what Genkit's developer tools find. <!-- eject: reflection telemetry -->
//! - [`demo`] is what the demo model says.
//! - [`flow`], [`prompt`], [`health`] and [`openapi`] are the other things the command line can do.

pub mod adapters;
pub mod demo;
pub mod flow;
pub mod flows;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod platform; // eject: telemetry
pub mod prompt;
pub mod reflection; // eject: reflection telemetry
pub mod replicas; // eject: redis
pub mod sentry; // eject: sentry
pub mod settings;
pub mod start;
pub mod telemetry;
mod tls; // eject: grpc
pub mod traces; // eject: telemetry
