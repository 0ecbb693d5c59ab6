//! What guards a model call: its deadline, circuit, retries and fallbacks, with a model that fails on demand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::message::{Message, Role};
use flow_runtime::model::{FinishReason, ModelRequest, Usage};
use flow_runtime::providers::demo::Demo;
use flow_runtime::{
    BreakerSettings, CircuitState, Generate, Model, ModelError, ModelEvent, ModelResponse, ModelStream,
    Resilience, Runtime,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::traces::Log;

const SECOND: Duration = Duration::from_secs(1);

/// What a scripted model does with one call.
#[derive(Clone, Debug)]
enum Act {
    Answer,
    Fail(ModelError),
    Silence,
    /// One piece of text, and then this.
    BreakOff(ModelError),
}

/// Does one act after the other, then answers; remembers when it was asked.
struct Actor {
    name: &'static str,
    acts: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<Instant>>,
}

impl Actor {
    fn new(name: &'static str, acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self { name, acts: Mutex::new(acts.into_iter().collect()), asked: Mutex::default() })
    }

    fn next(&self) -> Act {
        self.asked.lock().unwrap().push(Instant::now());
        self.acts.lock().unwrap().pop_front().unwrap_or(Act::Answer)
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn waits(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().windows(2).map(|it| it[1] - it[0]).collect()
    }

    fn response(&self) -> ModelResponse {
        let message = Message::text(Role::Model, self.name);
        ModelResponse { message, finish_reason: FinishReason::Stop, usage: Usage::default() }
    }
}

#[async_trait]
impl Model for Actor {
    fn name(&self) -> &str {
        self.name
    }

    async fn generate(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        match self.next() {
            Act::Answer => Ok(self.response()),
            Act::Fail(error) | Act::BreakOff(error) => Err(error),
            Act::Silence => std::future::pending().await,
        }
    }

    /// Unlike a provider's it resolves at once and fails in the stream.
    async fn stream(&self, _: &ModelRequest) -> Result<ModelStream, ModelError> {
        let text = Ok(ModelEvent::Text(self.name.to_owned()));
        let events = match self.next() {
            Act::Answer => vec![text, Ok(ModelEvent::Done(self.response()))],
            Act::Fail(error) => vec![Err(error)],
            Act::BreakOff(error) => vec![text, Err(error)],
            Act::Silence => return Ok(stream::pending().boxed()),
        };
        Ok(stream::iter(events).boxed())
    }
}

fn broken() -> ModelError {
    ModelError::upstream("HTTP 500")
}

fn quota(seconds: u64) -> ModelError {
    ModelError::Quota { retry_after: Some(Duration::from_secs(seconds)) }
}

fn failures(count: usize) -> Vec<Act> {
    vec![Act::Fail(broken()); count]
}

fn guarded(actor: &Arc<Actor>, resilience: Resilience) -> Runtime {
    Runtime::builder().default_model(actor.clone()).resilience(resilience).build().unwrap()
}

fn breaker_alone() -> Resilience {
    Resilience { retry: None, ..Resilience::default() }
}

fn retry_alone() -> Resilience {
    Resilience { breaker: None, ..Resilience::default() }
}

fn circuit(runtime: &Runtime) -> CircuitState {
    runtime.circuits().next().unwrap().1
}

async fn ask(runtime: &Runtime) -> Result<String, ModelError> {
    runtime.generate(Generate::new().prompt("Hello.")).await.map(|it| it.text())
}

/// The text that came, and how it ended.
async fn read(runtime: &Runtime) -> (String, Result<(), ModelError>) {
    let mut text = String::new();
    let mut events = runtime.stream(Generate::new().prompt("Hello."));
    while let Some(event) = events.next().await {
        match event {
            Ok(ModelEvent::Text(more)) => text.push_str(&more),
            Ok(ModelEvent::Done(_)) => return (text, Ok(())),
            Err(error) => return (text, Err(error)),
        }
    }
    panic!("neither an end nor an error")
}

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

#[tokio::test(start_paused = true)]
async fn a_failure_is_repeated_twice_with_growing_waits() {
    for streams in [false, true] {
        let actor = Actor::new("m", failures(9));
        let runtime = guarded(&actor, retry_alone());
        let outcome = if streams { read(&runtime).await.1 } else { ask(&runtime).await.map(drop) };
        assert_eq!(outcome.unwrap_err(), broken());
        let [first, second] = actor.waits()[..] else { panic!("{:?}", actor.waits()) };
        // A paused clock goes on in milliseconds.
        assert!((200..402).contains(&first.as_millis()), "{first:?}");
        assert!((400..802).contains(&second.as_millis()), "{second:?}");
    }
    let runtime = guarded(&Actor::new("m", failures(2)), retry_alone());
    assert_eq!(ask(&runtime).await.unwrap(), "m");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_repeated_once_something_was_said_or_in_vain() {
    let actor = Actor::new("m", [Act::BreakOff(broken())]);
    assert_eq!(read(&guarded(&actor, retry_alone())).await, ("m".into(), Err(broken())));
    assert_eq!(actor.asked(), 1);
    let hopeless = [
        ModelError::refused("SAFETY"),
        ModelError::rejected("HTTP 400"),
        ModelError::unusable("empty"),
        ModelError::Timeout,
        ModelError::NotConfigured,
        quota(6),
    ];
    for error in hopeless {
        let actor = Actor::new("m", [Act::Fail(error.clone())]);
        assert_eq!(ask(&guarded(&actor, retry_alone())).await.unwrap_err(), error);
        assert_eq!(actor.asked(), 1, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_left_alone_for_as_long_as_it_asks() {
    let actor = Actor::new("m", [Act::Fail(quota(3)), Act::Fail(ModelError::Quota { retry_after: None })]);
    assert_eq!(ask(&guarded(&actor, retry_alone())).await.unwrap(), "m");
    let waits = actor.waits();
    assert!((3200..3402).contains(&waits[0].as_millis()), "{waits:?}");
    assert!((400..802).contains(&waits[1].as_millis()), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_past_the_deadline_of_the_call() {
    let actor = Actor::new("m", [Act::Fail(broken()), Act::Silence]);
    let start = Instant::now();
    assert_eq!(ask(&guarded(&actor, retry_alone())).await.unwrap_err(), ModelError::Timeout);
    assert_eq!(start.elapsed().as_secs(), 120);
    // What cannot begin in time is not waited for.
    let actor = Actor::new("m", [Act::Fail(quota(4))]);
    let short = Resilience { call_timeout: 4 * SECOND, ..retry_alone() };
    let start = Instant::now();
    assert_eq!(ask(&guarded(&actor, short)).await.unwrap_err(), quota(4));
    assert_eq!((start.elapsed(), actor.asked()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn repetitions_stay_within_their_budget() {
    let actor = Actor::new("m", failures(100_000));
    let runtime = guarded(&actor, retry_alone());
    let calls = (0..1000).map(|_| ask(&runtime));
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().all(Result::is_err));
    // One in ten, and ten for the ten seconds that the budget looks back.
    let repeated = actor.asked() - 1000;
    assert!((100..=111).contains(&repeated), "{repeated}");
    tokio::time::advance(11 * SECOND).await;
    let before = actor.asked();
    drop(ask(&runtime).await);
    assert_eq!(actor.asked(), before + 3, "the floor comes back with time");
}

#[tokio::test(start_paused = true)]
async fn the_failure_that_opens_the_circuit_is_not_repeated_and_stays_the_answer() {
    let actor = Actor::new("m", failures(9));
    let breaker = BreakerSettings { failure_threshold: 2, ..BreakerSettings::default() };
    let runtime = guarded(&actor, Resilience { breaker: Some(breaker), ..Resilience::default() });
    assert_eq!(ask(&runtime).await.unwrap_err(), broken());
    assert_eq!((actor.asked(), circuit(&runtime)), (2, CircuitState::Open));
}

#[tokio::test(start_paused = true)]
async fn the_next_model_is_asked_where_the_provider_is_at_fault() {
    let rejected = ModelError::rejected("HTTP 404: no such model or address");
    let first = Actor::new("a", failures(3).into_iter().chain([Act::Fail(rejected), Act::Silence]));
    let second = Actor::new("b", [Act::Fail(quota(60))]);
    let third = Actor::new("c", []);
    let breaker = BreakerSettings { failure_threshold: 4, ..BreakerSettings::default() };
    let runtime = Runtime::builder()
        .default_model(first.clone())
        .fallback(second.clone())
        .fallback(third.clone())
        .resilience(Resilience { call_timeout: 10 * SECOND, breaker: Some(breaker), ..Resilience::default() })
        .build()
        .unwrap();
    assert_eq!(ask(&runtime).await.unwrap(), "c");
    assert_eq!(read(&runtime).await, ("b".into(), Ok(())));
    assert_eq!(ask(&runtime).await.unwrap_err(), ModelError::Timeout, "the call's time is used up");
    assert_eq!([first.asked(), second.asked(), third.asked()], [5, 2, 1]);
    assert_eq!(runtime.default_model(), Some("a"));
    // Its circuit is open by now, so the second answers at once; by its name a model is asked alone.
    assert_eq!(ask(&runtime).await.unwrap(), "b");
    let alone = runtime.generate(Generate::new().model("a").prompt("Hello.")).await.unwrap_err();
    assert!(matches!(alone, ModelError::CircuitOpen { .. }), "{alone:?}");
    let states: Vec<_> = runtime.circuits().map(|(name, _)| name).collect();
    assert_eq!(states, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn no_other_model_is_asked_after_a_refusal_or_once_something_was_said() {
    let first = Actor::new("a", [Act::Fail(ModelError::refused("SAFETY")), Act::BreakOff(broken())]);
    let second = Actor::new("b", []);
    let runtime = Runtime::builder().default_model(first).fallback(second.clone()).build().unwrap();
    assert_eq!(ask(&runtime).await.unwrap_err(), ModelError::refused("SAFETY"));
    assert_eq!(read(&runtime).await, ("a".into(), Err(broken())));
    assert_eq!(second.asked(), 0);
}

#[test]
fn the_demo_model_goes_unguarded() {
    let demo = Arc::new(Demo::new(Duration::ZERO));
    let runtime = Runtime::builder().default_model(demo).resilience(Resilience::default()).build().unwrap();
    assert_eq!(runtime.circuits().count(), 0);
}

#[test]
fn settings_are_the_contracts() {
    let Resilience { call_timeout, breaker, retry } = Resilience::default();
    let breaker = breaker.unwrap();
    assert_eq!(call_timeout, Duration::from_mins(2));
    assert_eq!((breaker.failure_threshold, breaker.half_open_max), (5, 1));
    assert_eq!(breaker.recovery_timeout, 30 * SECOND);
    assert_eq!(retry.unwrap().max_retries, 2);
}
