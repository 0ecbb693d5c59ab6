//! What there is to run: flows, models, tools, prompts, and Genkit's own `generate`.

mod flows;
mod generate;
mod models;
mod prompts;
mod tools;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use flow_edge::{NamedFlows, RequestContext};
use flow_runtime::Runtime;
use tokio::time::Instant;

use crate::action::{Action, Registry};

/// The actions of a program: its flows, and what its runtime has. Each must have begun to answer within `timeout`.
pub fn actions<F: NamedFlows + ?Sized>(flows: Arc<F>, runtime: Runtime, timeout: Duration) -> Registry {
    let for_run = move |runtime: &Runtime| for_run(runtime, timeout);
    let default_model = runtime.default_model().map(str::to_owned);
    Registry::default()
        .default_model(default_model.as_deref())
        .with(move || flows::actions(&flows, timeout))
        .with(move || all_of(&for_run(&runtime)))
}

fn all_of(runtime: &Runtime) -> Vec<Action> {
    let mut all = models::actions(runtime);
    all.extend(tools::actions(runtime));
    all.extend(prompts::actions(runtime));
    all.push(generate::action(runtime));
    all
}

/// The runtime for one run, as flows have it.
fn for_run(runtime: &Runtime, timeout: Duration) -> Runtime {
    let deadline = Instant::now() + timeout;
    let mut ctx = RequestContext::detached();
    ctx.deadline = deadline;
    runtime.clone().with_deadline(deadline).with_state(ctx)
}
