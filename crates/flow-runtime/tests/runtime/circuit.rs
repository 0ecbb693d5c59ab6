//! The circuit around a model: what opens it, what closes it, and whom it lets through.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::model::ModelRequest;
use flow_runtime::{
    CircuitState, Generate, Model, ModelError, ModelResponse, ModelStream, Resilience, Runtime,
};
use futures_util::StreamExt as _;

use crate::actor::{Act, Actor, SECOND, ask, breaker_alone, broken, circuit, failures, guarded, read};
use crate::traces::Log;

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_the_circuit_and_a_probe_closes_it() {
    let actor = Actor::new("m", failures(6));
    let runtime = guarded(&actor, breaker_alone());
    for _ in 0..5 {
        assert_eq!(circuit(&runtime), CircuitState::Closed);
        assert_eq!(ask(&runtime).await.unwrap_err(), broken());
    }
    assert_eq!(circuit(&runtime), CircuitState::Open);
    let refused = |seconds| ModelError::CircuitOpen { retry_after: seconds * SECOND };
    assert_eq!(ask(&runtime).await.unwrap_err(), refused(30));
    tokio::time::advance(29 * SECOND).await;
    assert_eq!(read(&runtime).await, (String::new(), Err(refused(1))));
    tokio::time::advance(SECOND).await;
    assert_eq!(circuit(&runtime), CircuitState::HalfOpen);
    assert_eq!(ask(&runtime).await.unwrap_err(), broken(), "the first probe");
    assert_eq!(ask(&runtime).await.unwrap_err(), refused(30));
    assert_eq!(actor.asked(), 6);
    tokio::time::advance(30 * SECOND).await;
    assert_eq!(read(&runtime).await, ("m".into(), Ok(())));
    assert_eq!(circuit(&runtime), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn streams_that_break_off_count_and_those_left_by_their_readers_do_not() {
    let actor = Actor::new("m", vec![Act::BreakOff(broken()); 5]);
    let runtime = guarded(&actor, breaker_alone());
    for _ in 0..5 {
        assert_eq!(circuit(&runtime), CircuitState::Closed);
        assert_eq!(read(&runtime).await, ("m".into(), Err(broken())));
        // In between somebody leaves after the first piece, somebody else before it.
        let mut left = runtime.stream(Generate::new().prompt("Hello."));
        if circuit(&runtime) == CircuitState::Closed {
            actor.acts.lock().unwrap().push_front(Act::Answer);
            assert!(left.next().await.unwrap().is_ok());
            drop(left);
            actor.acts.lock().unwrap().push_front(Act::Silence);
            assert!(tokio::time::timeout(SECOND, ask(&runtime)).await.is_err());
        }
    }
    assert_eq!(circuit(&runtime), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_providers_fault_opens_nothing() {
    let faults =
        [ModelError::refused("SAFETY"), ModelError::rejected("HTTP 400"), ModelError::unusable("empty")];
    let acts = faults.iter().cycle().take(30).cloned().map(Act::Fail);
    let runtime = guarded(&Actor::new("m", acts), breaker_alone());
    for _ in 0..30 {
        ask(&runtime).await.unwrap_err();
    }
    assert_eq!(circuit(&runtime), CircuitState::Closed);
}

/// What the server says of one request, with a failure of its own.
fn its_own_failure() -> ModelError {
    ModelError::Upstream { detail: "HTTP 500".into(), retry_after: None, may_be_the_request: true }
}

#[tokio::test(start_paused = true)]
async fn one_client_s_bad_requests_do_not_open_the_circuit_for_others() {
    let acts = (0..600).map(|nth| if nth % 10 == 0 { Act::Answer } else { Act::Fail(its_own_failure()) });
    let runtime = guarded(&Actor::new("m", acts), breaker_alone());
    for nth in 0..600 {
        assert_eq!(ask(&runtime).await.is_ok(), nth % 10 == 0, "call {nth}");
        assert_eq!(circuit(&runtime), CircuitState::Closed, "call {nth}");
        tokio::time::advance(SECOND / 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_on_every_request_is_left_alone_and_a_bad_probe_does_not_keep_it_so() {
    let acts = (0..10).map(|_| Act::Fail(its_own_failure()));
    let runtime = guarded(&Actor::new("m", acts), breaker_alone());
    for _ in 0..5 {
        assert_eq!(ask(&runtime).await.unwrap_err(), its_own_failure());
    }
    assert_eq!(circuit(&runtime), CircuitState::Open);
    tokio::time::advance(30 * SECOND).await;
    for _ in 0..4 {
        assert_eq!(ask(&runtime).await.unwrap_err(), its_own_failure());
        assert_eq!(circuit(&runtime), CircuitState::HalfOpen, "the next may probe at once");
    }
    assert_eq!(ask(&runtime).await.unwrap_err(), its_own_failure());
    assert_eq!(circuit(&runtime), CircuitState::Open, "so many bad probes are the model's fault");
    tokio::time::advance(30 * SECOND).await;
    assert_eq!(ask(&runtime).await.unwrap(), "m");
}

#[tokio::test(start_paused = true)]
async fn silence_opens_the_circuit_also_where_the_request_ends_before_the_call() {
    let actor = Actor::new("m", vec![Act::Silence; 5]);
    let runtime = guarded(&actor, breaker_alone());
    for _ in 0..4 {
        let around = Duration::from_mins(2) - Duration::from_millis(5);
        assert!(tokio::time::timeout(around, ask(&runtime)).await.is_err());
    }
    assert_eq!(read(&runtime).await.1.unwrap_err(), ModelError::Timeout);
    assert_eq!(circuit(&runtime), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_gives_its_place_to_the_next() {
    let actor = Actor::new("m", failures(5).into_iter().chain([Act::Silence]));
    let runtime = guarded(&actor, breaker_alone());
    for _ in 0..5 {
        ask(&runtime).await.unwrap_err();
    }
    tokio::time::advance(30 * SECOND).await;
    let probe = tokio::time::timeout(SECOND, ask(&runtime));
    let others = async {
        tokio::time::sleep(SECOND / 2).await;
        ask(&runtime).await.unwrap_err()
    };
    let (left, refused) = tokio::join!(probe, others);
    assert!(left.is_err());
    assert_eq!(refused, ModelError::CircuitOpen { retry_after: SECOND });
    assert_eq!(ask(&runtime).await.unwrap(), "m");
    assert_eq!(circuit(&runtime), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_a_probe_keeps_nobody_waiting() {
    let actor = Actor::new("m", failures(5));
    let runtime = guarded(&actor, breaker_alone());
    for _ in 0..5 {
        ask(&runtime).await.unwrap_err();
    }
    tokio::time::advance(30 * SECOND).await;
    let mut slow = runtime.stream(Generate::new().prompt("Hello."));
    assert!(slow.next().await.unwrap().is_ok());
    assert_eq!(ask(&runtime).await.unwrap(), "m");
}

#[tokio::test(start_paused = true)]
async fn changes_of_the_circuit_are_logged_once() {
    let (log, _guard) = Log::listen();
    let runtime = guarded(&Actor::new("m", failures(6)), breaker_alone());
    for _ in 0..3 {
        for _ in 0..8 {
            drop(ask(&runtime).await);
        }
        tokio::time::advance(30 * SECOND).await;
    }
    let log = log.text();
    let lines = ["circuit open: ", "circuit open again: ", "circuit half open: ", "circuit closed: "];
    assert_eq!(lines.map(|it| log.matches(it).count()), [1, 1, 2, 1], "{log}");
}

/// A model without a network.
struct Local(Arc<Actor>);

#[async_trait]
impl Model for Local {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn needs_guard(&self) -> bool {
        false
    }

    async fn generate(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.0.generate(request).await
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        self.0.stream(request).await
    }
}

#[tokio::test]
async fn a_model_that_needs_no_guard_gets_none() {
    let local = Arc::new(Local(Actor::new("local", failures(1))));
    let runtime = Runtime::builder().default_model(local).resilience(Resilience::default()).build().unwrap();
    assert_eq!(runtime.circuits().count(), 0);
    assert_eq!(ask(&runtime).await.unwrap_err(), broken(), "it is not asked again");
}
