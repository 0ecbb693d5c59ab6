//! What saves a model call: answers kept for a while, streams joined while they flow.
//!
//! Only flows that give the same answer to the same input are kept: jokes, stories and chats are to be fresh.

use flow_core::FlowError;
use flow_core::edge::RequestContext;
use flow_core::service::{FLOWS, FlowStream, StreamEvent};
use flow_runtime::{CacheOutcome, CallKey, ModelError, ResponseCache, StreamJoin};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::review_code;

/// One event of a flow's stream, as all who have joined it get it.
type Event<T> = Result<StreamEvent<T>, FlowError>;

/// What is kept and what is joined.
pub(super) struct Answers {
    generation: String,
    cache: Option<ResponseCache<FlowError>>,
    joined: Vec<String>,
}

impl Answers {
    /// For flows that these models answer; `joined` names those whose streams are joined.
    ///
    /// Answers outlive the program where replicas share them. They count only for a program of the same version, with
    /// the same schemas and prompt files; who changes a prompt in code and wants no old answers changes the version.
    pub(super) fn new(
        models: &str,
        cache: Option<ResponseCache<FlowError>>,
        joined: Vec<String>,
    ) -> Result<Self, ModelError> {
        let schemas: Vec<_> = FLOWS.iter().map(|flow| (flow.output)()).collect();
        let program = (env!("CARGO_PKG_VERSION"), schemas, review_code::SOURCE);
        let generation = CallKey::new("generation", models, "", &program).map_err(|error| {
            ModelError::internal(format!("the flows' schemas cannot be written: {error}"))
        })?;
        Ok(Self { generation: generation.to_string(), cache, joined })
    }

    /// The answer of a flow that gives the same one each time: kept, being computed for somebody else, or computed.
    pub(super) async fn kept<I, O, W>(
        &self,
        ctx: &RequestContext,
        flow: &'static str,
        input: &I,
        work: impl Fn() -> W,
    ) -> Result<O, FlowError>
    where
        I: Serialize,
        O: Serialize + DeserializeOwned,
        W: Future<Output = Result<O, FlowError>> + Send + 'static,
    {
        let Some(cache) = &self.cache else { return work().await };
        let key = self.key(ctx, flow, input)?;
        let (answer, outcome) = if let Some(answer) = cache.kept(&key) {
            (answer, CacheOutcome::Hit)
        } else {
            let computation = work();
            let compute = async move {
                let answer = serde_json::to_string(&computation.await?).map_err(FlowError::internal)?;
                Ok(answer.into())
            };
            cache.get_or_compute(key, compute).await?
        };
        ::metrics::counter!("response_cache_total", "flow" => flow, "outcome" => outcome.as_str())
            .increment(1);
        if let Ok(answer) = serde_json::from_str(&answer) {
            ctx.note_cache(outcome.as_str());
            return Ok(answer);
        }
        // Only a store outside of this process can hold what does not read: another version's, or damaged.
        tracing::warn!(flow, "a kept answer is not of the expected form");
        work().await
    }

    /// The stream of a flow: its own, or the one that is under way for the same input.
    pub(super) fn joined<I: Serialize + Send + 'static, T: Clone + Send + Sync + 'static>(
        &self,
        streams: &StreamJoin<Event<T>>,
        ctx: &RequestContext,
        flow: &'static str,
        input: I,
        open: impl FnOnce(I) -> FlowStream<T> + Send + 'static,
    ) -> FlowStream<T> {
        if !self.joined.iter().any(|it| it == flow) {
            return open(input);
        }
        match self.key(ctx, flow, &input) {
            Ok(key) => {
                let (stream, outcome) = streams.join(key, || open(input));
                ctx.note_cache(outcome.as_str());
                stream
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    /// What makes two calls the same one. Tenants never share.
    fn key(&self, ctx: &RequestContext, flow: &str, input: &impl Serialize) -> Result<CallKey, FlowError> {
        let tenant = ctx.tenant.as_ref().map_or(&[][..], AsRef::as_ref);
        CallKey::new(flow, &self.generation, tenant, input).map_err(FlowError::internal)
    }
}

/// Joins the streams of one flow.
pub(super) fn streams<T: Clone + Send + Sync + 'static>() -> StreamJoin<Event<T>> {
    StreamJoin::new(|event| !matches!(event, Ok(StreamEvent::Chunk(_))))
}
