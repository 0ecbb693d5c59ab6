//! Saves model calls: answers are cached for a while, equal streams are joined while they flow.
//!
//! Only flows that are `cached` in the table use the cache.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use flow_edge::{Chunk, FlowError, FlowInfo, FlowStream, RequestContext, StreamEvent, StreamForm};
use flow_runtime::{CacheOutcome, CallKey, CallScope, ModelError, ResponseCache, StreamJoin};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One event of a flow's stream, as all who have joined it get it.
type Event<T, C> = Result<StreamEvent<T, C>, FlowError>;

/// The cache and the streams under way.
pub(super) struct Dedup {
    scope: CallScope,
    cache: Option<ResponseCache<FlowError>>,
    joined: Vec<String>,
    /// The streams under way of each flow, by its name. Each is a [`StreamJoin`] of the flow's own type.
    streams: Mutex<HashMap<&'static str, Arc<dyn Any + Send + Sync>>>,
}

impl Dedup {
    /// For flows that these models answer; `joined` names those whose streams are joined.
    ///
    /// Answers outlive the program where replicas share them. They count only for an equal `program`: the same version
    /// with the same schemas and prompt files. Who changes a prompt in code and wants no old answers changes the
    /// version.
    pub(super) fn new(
        models: &str,
        program: &impl Serialize,
        cache: Option<ResponseCache<FlowError>>,
        joined: Vec<String>,
    ) -> Result<Self, ModelError> {
        let scope = CallScope::new(models, program).map_err(|error| {
            ModelError::internal(format!("the flows' schemas cannot be written: {error}"))
        })?;
        Ok(Self { scope, cache, joined, streams: Mutex::default() })
    }

    /// The answer of a flow: from the cache, from an equal call under way, or computed.
    pub(super) async fn answer<I, O, W>(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: I,
        work: impl Fn(I) -> W,
    ) -> Result<O, FlowError>
    where
        I: Clone + Serialize,
        O: Serialize + DeserializeOwned,
        W: Future<Output = Result<O, FlowError>> + Send + 'static,
    {
        let Some(cache) = self.cache.as_ref().filter(|_| flow.cached) else { return work(input).await };
        let key = self.key(flow, ctx, &input)?;
        // Asked here first so that a hit does not build the computation.
        let (answer, outcome) = if let Some(answer) = cache.get(&key) {
            (answer, CacheOutcome::Hit)
        } else {
            let computation = work(input.clone());
            let compute = async move {
                // Kept as text so that memory and Redis hold the same.
                let answer = serde_json::to_string(&computation.await?).map_err(FlowError::internal)?;
                Ok(answer.into())
            };
            cache.get_or_compute(key, compute).await?
        };
        metrics::counter!(flow_metrics::CACHE.name, "flow" => flow.name, "outcome" => outcome.as_str())
            .increment(1);
        // Read back because every protocol needs the type.
        if let Ok(answer) = serde_json::from_str(&answer) {
            ctx.note_cache(outcome.as_str());
            return Ok(answer);
        }
        // Only a store outside of this process can hold what does not read: another version's, or damaged.
        tracing::warn!(flow = flow.name, "a kept answer is not of the expected form");
        work(input).await
    }

    /// The stream of a flow: its own, or the one that is under way for the same input.
    pub(super) fn stream<I, T, C>(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: I,
        open: impl FnOnce(I) -> FlowStream<T, C> + Send + 'static,
    ) -> FlowStream<T, C>
    where
        I: Serialize + Send + 'static,
        T: Clone + Send + Sync + 'static,
        C: Chunk<T>,
    {
        if !self.joined.iter().any(|it| it == flow.name) {
            return open(input);
        }
        match (self.key(flow, ctx, &input), self.streams_of::<T, C>(flow.name)) {
            (Ok(key), Some(streams)) => {
                let (stream, outcome) = streams.join(key, || open(input));
                ctx.note_cache(outcome.as_str());
                stream
            }
            (Ok(_), None) => open(input),
            (Err(error), _) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn streams_of<T, C>(&self, flow: &'static str) -> Option<Arc<StreamJoin<Event<T, C>>>>
    where
        T: Clone + Send + Sync + 'static,
        C: Chunk<T>,
    {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let of_flow = streams.entry(flow).or_insert_with(|| {
            // Of objects that grow, each says all that those before it said.
            let join = StreamJoin::new(|event: &Event<T, C>| !is_chunk(event));
            Arc::new(join.replacing(|event| C::FORM == StreamForm::Partial && is_chunk(event)))
        });
        of_flow.clone().downcast().ok()
    }

    /// What makes two calls the same one. Tenants never share.
    fn key(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: &impl Serialize,
    ) -> Result<CallKey, FlowError> {
        let tenant = ctx.tenant.as_ref().map_or(&[][..], AsRef::as_ref);
        self.scope.key(flow.name, tenant, input).map_err(FlowError::internal)
    }
}

fn is_chunk<T, C>(event: &Event<T, C>) -> bool {
    matches!(event, Ok(StreamEvent::Chunk(_)))
}
