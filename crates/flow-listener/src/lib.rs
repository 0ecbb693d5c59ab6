#![doc = include_str!("../README.md")]

mod accept;
mod activity;
mod adapter;
mod connection;
pub mod http2;
mod hyper_listener;
mod intake;
mod places;
mod serve;
mod signals;

pub use accept::BoundedListener;
pub use activity::{Activity, Expired, TrackedBody, Watched};
pub use adapter::{
    Adapter, Encrypted, HyperBody, HyperResponse, HyperService, ListenerConfig, RpcAdapter, Serving, Starting,
};
pub use connection::{Bounded, HEAD_TIMEOUT, Linger, Stall, longest_silence};
pub use places::{Held, MAX_CONNECTIONS, PerClient, Place, Places};
pub use serve::{End, Plan, Rpc, RpcListener, ServerKind, serve, serve_with_rpc};
pub use signals::Signals;
