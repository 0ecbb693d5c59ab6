//! Calls repeated and other models asked: when, how often, and until when.

use std::time::Duration;

use flow_runtime::{BreakerSettings, CircuitState, Generate, ModelError, Resilience, RetrySettings, Runtime};
use tokio::time::Instant;

use crate::actor::{Act, Actor, SECOND, ask, broken, circuit, failures, guarded, quota, read, retry_alone};

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
    let overloaded = |seconds| ModelError::Upstream {
        may_be_the_request: false,
        detail: "HTTP 503".into(),
        retry_after: Some(Duration::from_secs(seconds)),
    };
    for first in [quota(3), overloaded(3)] {
        let actor = Actor::new("m", [Act::Fail(first), Act::Fail(ModelError::Quota { retry_after: None })]);
        assert_eq!(ask(&guarded(&actor, retry_alone())).await.unwrap(), "m");
        let waits = actor.waits();
        assert!((3200..3402).contains(&waits[0].as_millis()), "{waits:?}");
        assert!((400..802).contains(&waits[1].as_millis()), "{waits:?}");
    }
    let actor = Actor::new("m", [Act::Fail(overloaded(6))]);
    assert_eq!(ask(&guarded(&actor, retry_alone())).await.unwrap_err(), overloaded(6));
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_past_the_deadline_of_the_call() {
    let actor = Actor::new("m", [Act::Fail(broken()), Act::Silence]);
    let start = Instant::now();
    assert_eq!(ask(&guarded(&actor, retry_alone())).await.unwrap_err(), ModelError::Timeout);
    assert_eq!(start.elapsed().as_secs(), 120);
    // What could not begin in the first half of the time is not waited for: it would have less than was spent.
    let actor = Actor::new("m", [Act::Fail(quota(4))]);
    let short = Resilience { call_timeout: 8 * SECOND, ..retry_alone() };
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
async fn a_call_counts_once_with_all_its_repetitions() {
    let actor = Actor::new("m", failures(9));
    let breaker = BreakerSettings { failure_threshold: 2, ..BreakerSettings::default() };
    let runtime = guarded(&actor, Resilience { breaker: Some(breaker), ..Resilience::default() });
    for expected in [(3, CircuitState::Closed), (6, CircuitState::Open)] {
        assert_eq!(ask(&runtime).await.unwrap_err(), broken());
        assert_eq!((actor.asked(), circuit(&runtime)), expected);
    }
    tokio::time::advance(30 * SECOND).await;
    assert_eq!(ask(&runtime).await.unwrap_err(), broken());
    assert_eq!(actor.asked(), 7, "a probe is not repeated");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_others_open_meanwhile_does_not_hide_the_failure() {
    let actor = Actor::new("m", failures(100));
    let breaker = BreakerSettings { failure_threshold: 4, ..BreakerSettings::default() };
    let runtime = guarded(&actor, Resilience { breaker: Some(breaker), ..Resilience::default() });
    let outcomes = futures_util::future::join_all((0..4).map(|_| ask(&runtime))).await;
    assert_eq!((actor.asked(), circuit(&runtime)), (12, CircuitState::Open));
    assert!(outcomes.into_iter().all(|it| it.unwrap_err() == broken()));
}

#[tokio::test(start_paused = true)]
async fn silence_opens_the_circuit_also_where_little_time_was_left() {
    let silent = || Act::Silence;
    let actor = Actor::new("m", [Act::Fail(broken()), silent(), silent()]);
    let breaker = BreakerSettings { failure_threshold: 2, ..BreakerSettings::default() };
    let runtime = guarded(&actor, Resilience { breaker: Some(breaker), ..Resilience::default() });
    assert_eq!(ask(&runtime).await.unwrap_err(), ModelError::Timeout);
    // The request around the call ends a moment before it would itself.
    let call = tokio::time::timeout(119 * SECOND, ask(&runtime));
    assert!(call.await.is_err());
    assert_eq!((actor.asked(), circuit(&runtime)), (3, CircuitState::Open));
}

#[tokio::test(start_paused = true)]
async fn the_next_model_is_asked_where_the_provider_is_at_fault() {
    let rejected = ModelError::rejected("HTTP 404: no such model or address");
    let first = Actor::new("a", failures(3).into_iter().chain([Act::Fail(rejected), Act::Silence]));
    let second = Actor::new("b", [Act::Fail(quota(60))]);
    let third = Actor::new("c", []);
    let breaker = BreakerSettings { failure_threshold: 2, ..BreakerSettings::default() };
    let runtime = Runtime::builder()
        .default_model(first.clone())
        .fallback(second.clone())
        .fallback(third.clone())
        .resilience(Resilience { call_timeout: 10 * SECOND, breaker: Some(breaker), ..Resilience::default() })
        .build()
        .unwrap();
    assert_eq!(ask(&runtime).await.unwrap(), "c");
    assert_eq!(read(&runtime).await, ("b".into(), Ok(())));
    // Of ten seconds for three models the silent one takes its share.
    let start = Instant::now();
    assert_eq!(ask(&runtime).await.unwrap(), "b");
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!([first.asked(), second.asked(), third.asked()], [5, 3, 1]);
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

#[tokio::test(start_paused = true)]
async fn no_setting_is_too_long() {
    let ever = Duration::MAX;
    let breaker = BreakerSettings { failure_threshold: 1, recovery_timeout: ever, half_open_max: 0 };
    let retry = RetrySettings { base_delay: ever, longest_retry_after: ever, ..RetrySettings::default() };
    let settings =
        Resilience { call_timeout: ever, request_timeout: ever, breaker: Some(breaker), retry: Some(retry) };
    let actor = Actor::new("m", failures(1));
    let runtime = guarded(&actor, settings);
    assert_eq!(ask(&runtime).await.unwrap_err(), broken());
    assert_eq!(circuit(&runtime), CircuitState::Open);
    let patient = guarded(&Actor::new("m", failures(1)), Resilience { breaker: None, ..settings });
    assert_eq!(ask(&patient).await.unwrap_err(), broken(), "the wait would outlast the call");
}
