//! What adapters mount: flows behind an edge.

use std::sync::Arc;

use async_trait::async_trait;

use crate::context::RequestContext;
use crate::edge::Edge;
use crate::error::FlowError;
use crate::flow::{FlowInfo, Ready};
use crate::wire::{Envelope, FlowReply};

/// Flows that can be called by name. `#[flows]` implements it.
#[async_trait]
pub trait NamedFlows: Ready {
    /// The table of the flows.
    fn table(&self) -> &'static [FlowInfo];

    /// Calls the flow of this name.
    async fn call(
        &self,
        ctx: &RequestContext,
        name: &str,
        envelope: Envelope,
    ) -> Result<FlowReply, FlowError>;
}

/// Flows behind an edge.
pub struct App<F: ?Sized> {
    /// The flows.
    pub flows: Arc<F>,
    /// What requests pass before them.
    pub edge: Arc<Edge>,
}

// Derived, it would ask for flows that can be cloned.
impl<F: ?Sized> Clone for App<F> {
    fn clone(&self) -> Self {
        Self { flows: self.flows.clone(), edge: self.edge.clone() }
    }
}
