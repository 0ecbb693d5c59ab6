//! Runs flows by their rows in the table.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use flow_edge::{Chunk, FlowError, FlowInfo, FlowStream, Readiness, RequestContext, StreamEvent};
use flow_runtime::model::{FinishReason, ModelConfig};
use flow_runtime::trace;
use flow_runtime::{
    FindModel, Model, ModelError, Progress, Prompts, Resilience, ResponseCache, Runtime, RuntimeBuilder,
    Sessions,
};
use futures_util::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Span;

use crate::dedup::Dedup;
use crate::measure::{FlowMeters, Measured};

/// Where the runtime can be found once the flows are made, for who lists what it has.
#[derive(Clone, Debug, Default)]
pub struct RuntimeSlot(Arc<OnceLock<Runtime>>);

/// What flows need from outside.
pub struct FlowDeps {
    /// The program's version. It is part of the cache key, so that versions do not share answers.
    pub version: &'static str,
    /// The models: the first answers, the others where it cannot.
    pub models: Vec<Arc<dyn Model>>,
    /// The settings of calls by the models' names, where a flow says nothing else.
    pub defaults: BTreeMap<String, ModelConfig>,
    /// The prompt files. Their texts are part of the cache key, as the version is.
    pub prompts: Arc<Prompts>,
    /// Finds the models that only prompt files name.
    pub find_model: FindModel,
    /// What guards a call to them.
    pub resilience: Resilience,
    /// Where answers are cached, if they are.
    pub cache: Option<ResponseCache<FlowError>>,
    /// Where conversations are kept.
    pub sessions: Sessions,
    /// The flows whose streams are joined while they flow.
    pub stream_join: Vec<String>,
    /// Whether a platform may route work to the flows, whatever else is checked.
    pub ready: bool,
    /// Whether somebody reads the metrics of flows.
    pub measured: bool,
    /// Whether the state that replicas share can be reached, where they share any.
    pub shared_is_up: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// Gets the runtime that is made for them.
    pub runtime: RuntimeSlot,
}

/// The runtime, and what stands between it and the flows' callers.
pub struct FlowRunner {
    ai: Runtime,
    dedup: Dedup,
    meters: FlowMeters,
    models: String,
    ready: bool,
    shared_is_up: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl RuntimeSlot {
    /// The runtime, once there is one.
    pub fn get(&self) -> Option<&Runtime> {
        self.0.get()
    }
}

impl FlowRunner {
    /// For the flows of this table. `register` adds tools.
    pub fn new(
        table: &[FlowInfo],
        deps: FlowDeps,
        register: impl FnOnce(RuntimeBuilder) -> Result<RuntimeBuilder, ModelError>,
    ) -> Result<Self, ModelError> {
        let FlowDeps { version, models, prompts, find_model, resilience, cache, stream_join, .. } = deps;
        let FlowDeps { ready, shared_is_up, defaults, sessions, measured, runtime, .. } = deps;
        let names: Vec<_> = models.iter().map(|it| it.name()).collect();
        let names = names.join(",");
        let builder = Runtime::builder().resilience(resilience).prompts(prompts.clone());
        let mut builder = builder.find_model(find_model).sessions(sessions);
        let mut models = models.into_iter();
        if let Some(first) = models.next() {
            builder = builder.default_model(first);
        }
        let builder = models.fold(builder, RuntimeBuilder::fallback);
        let settings = format!("{defaults:?}");
        let builder = defaults.into_iter().fold(builder, |it, (model, config)| it.defaults(model, config));
        let ai = register(builder)?.build()?;
        let _ = runtime.0.set(ai.clone());
        let schemas: Vec<_> = table.iter().map(|flow| (flow.output.document)()).collect();
        let dedup = Dedup::new(&names, &(version, schemas, prompts.sources(), settings), cache, stream_join)?;
        let meters = if measured { FlowMeters::new(table) } else { FlowMeters::default() };
        Ok(Self { ai, dedup, meters, models: names, ready, shared_is_up })
    }

    /// Runs a flow that answers at once; from the cache, where its row says so. Equal requests share one call, which has the
    /// deadline of the first of them.
    pub async fn call<I, O, W>(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: I,
        run: fn(Runtime, RequestContext, I) -> W,
    ) -> Result<O, FlowError>
    where
        I: Clone + Serialize,
        O: Serialize + DeserializeOwned,
        W: Future<Output = Result<O, FlowError>> + Send + 'static,
    {
        // In a box of its own: an answer from the cache needs no room for it.
        let work = |input| Box::pin(run(self.runtime_for(ctx), ctx.clone(), input));
        let span = trace::flow(flow.name);
        trace::input(&span, &input);
        let measured = self.meters.begin(flow.name);
        let outcome = trace::in_span(&span, self.dedup.answer(flow, ctx, input, work)).await;
        if let Some(mut measured) = measured {
            measured.end(outcome.is_ok());
        }
        if let Ok(output) = &outcome {
            trace::output(&span, output);
        }
        outcome
    }

    /// Runs a flow that streams; joined with one under way, where the settings say so.
    pub fn stream<I, O, C>(
        &self,
        flow: &FlowInfo,
        ctx: &RequestContext,
        input: I,
        run: fn(Runtime, RequestContext, I) -> FlowStream<O, C>,
    ) -> FlowStream<O, C>
    where
        I: Serialize + Send + 'static,
        O: Clone + Serialize + Send + Sync + 'static,
        C: Chunk<O>,
    {
        let (ai, caller) = (self.runtime_for(ctx), ctx.clone());
        let span = trace::flow(flow.name);
        trace::input(&span, &input);
        let open = || self.dedup.stream(flow, ctx, input, move |input| run(ai, caller, input));
        let measured = self.meters.begin(flow.name);
        if span.is_disabled() && measured.is_none() {
            return open();
        }
        let stream = span.in_scope(open);
        Box::pin(Observed { stream, span, measured })
    }

    /// The runtime for one request, which keeps its deadline and tells it which model answers.
    fn runtime_for(&self, ctx: &RequestContext) -> Runtime {
        let notes = ctx.clone();
        let mut ai = self.ai.clone().with_deadline(ctx.deadline).with_state(ctx.clone());
        if let Some(tenant) = &ctx.tenant {
            ai = ai.with_tenant(tenant.as_ref());
        }
        ai.observed(move |progress| match progress {
            Progress::Began(model) => notes.note_model(model),
            Progress::Answered(answer) => {
                notes.note_model(&answer.model);
                if answer.finish_reason == FinishReason::Length {
                    notes.note_cut();
                    tracing::info!(model = &*answer.model, "the answer was cut at the model's limit");
                }
            }
        })
    }

    /// Whether the flows can answer. Quick enough for every probe.
    pub fn readiness(&self) -> Readiness {
        let mut checks = vec![("model", self.models.clone())];
        let circuits: Vec<_> = self.ai.circuits().map(|(_, state)| state.as_str()).collect();
        if !circuits.is_empty() {
            checks.push(("circuit", circuits.join(",")));
        }
        if let Some(is_up) = &self.shared_is_up {
            checks.push(("redis", if is_up() { "up" } else { "down" }.to_owned()));
        }
        // Neither an open circuit nor a missing store makes a replica unready: the others have the same, and
        // with all replicas unready, clients would get no explanation.
        Readiness { ready: self.ready, checks }
    }
}

/// A stream inside of its span. How it goes is recorded and measured.
struct Observed<T, C> {
    stream: FlowStream<T, C>,
    span: Span,
    measured: Option<Measured>,
}

impl<T: Serialize, C> Stream for Observed<T, C> {
    type Item = Result<StreamEvent<T, C>, FlowError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let _inside = this.span.enter();
        let event = ready!(this.stream.as_mut().poll_next(cx));
        let ended = match &event {
            Some(Ok(StreamEvent::Done(output))) => {
                trace::output(&this.span, output);
                Some(true)
            }
            Some(Err(_)) => Some(false),
            _ => None,
        };
        if let (Some(measured), Some(_)) = (&mut this.measured, &event) {
            measured.chunk();
        }
        if let Some(succeeded) = ended {
            trace::record(&this.span, succeeded);
            if let Some(mut measured) = this.measured.take() {
                measured.end(succeeded);
            }
        }
        Poll::Ready(event)
    }
}

impl fmt::Debug for FlowRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRunner").field("models", &self.models).finish_non_exhaustive()
    }
}
