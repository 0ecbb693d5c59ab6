//! Values that a tool finds beside its input, by their types.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

/// Values by their types: one of each. Copies share them. There are few, so a list is faster than a map.
#[derive(Clone, Default)]
pub(crate) struct State(Vec<Arc<dyn Any + Send + Sync>>);

impl State {
    pub(crate) fn put<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.retain(|it| !it.is::<T>());
        self.0.push(Arc::new(value));
    }

    /// Both together. Where both have a value of a type, that of `other` is found.
    pub(crate) fn with(&self, other: Self) -> Self {
        let mut all = other;
        all.0.extend(self.0.iter().cloned());
        all
    }
}

/// What a tool may know of the request that it is called for.
#[derive(Clone, Debug, Default)]
pub struct ToolContext {
    pub(crate) state: State,
    /// When the answer of the flow must be there, if anybody set that.
    pub deadline: Option<Instant>,
}

impl ToolContext {
    /// The value of this type that the flow, or the code that runs it, attached to the request.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.0.iter().find_map(|it| it.downcast_ref())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} values", self.0.len())
    }
}
