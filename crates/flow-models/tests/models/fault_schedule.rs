//! Two thousand calls through everything that can go wrong upstream, one thing after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use fake_gemini::{FakeGemini, FaultSchedule};
use flow_models::ProviderSettings;
use flow_runtime::{
    BreakerSettings, CircuitState, Generate, ModelError, ModelEvent, Resilience, RetrySettings, Runtime,
};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use crate::{SOON, gemini, settings};

const CALLS: usize = 2000;
const CALLERS: usize = 16;
const TIMEOUT: Duration = Duration::from_millis(250);
const RECOVERY: Duration = Duration::from_millis(25);

async fn ask(runtime: &Runtime) -> Result<&'static str, ModelError> {
    runtime.generate(Generate::new().prompt("Hello.")).await.map(|_| "a whole answer")
}

/// Nothing may come after the end, and the end must come.
async fn read(runtime: &Runtime) -> Result<&'static str, ModelError> {
    let mut events = runtime.stream(Generate::new().prompt("Hello."));
    loop {
        match events.next().await.expect("the stream ended without saying how") {
            Ok(ModelEvent::Text(_)) => {}
            Ok(ModelEvent::Done(_)) => return Ok("a whole stream"),
            Err(error) => return Err(error),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_all_faults_every_call_has_its_end_and_the_circuit_is_closed_afterwards() {
    let fake = FakeGemini::builder().keep(0).start().await;
    let schedule = FaultSchedule::start(&fake, CALLS);
    let model = gemini(ProviderSettings { llm_timeout: TIMEOUT, ..settings(&fake) });
    let resilience = Resilience {
        call_timeout: TIMEOUT,
        request_timeout: TIMEOUT,
        breaker: Some(BreakerSettings { recovery_timeout: RECOVERY, ..BreakerSettings::default() }),
        retry: Some(RetrySettings { base_delay: Duration::from_millis(2), ..RetrySettings::default() }),
    };
    let runtime = Runtime::builder().default_model(model).resilience(resilience).build().unwrap();

    let callers = (0..CALLERS).map(|_| {
        let (runtime, schedule) = (runtime.clone(), schedule.clone());
        tokio::spawn(async move {
            let mut ends = Vec::new();
            while let Some(call) = schedule.next() {
                let end = if call % 2 == 0 { ask(&runtime).await } else { read(&runtime).await };
                let refused = matches!(end, Err(ModelError::CircuitOpen { .. }));
                tokio::time::sleep(if refused { RECOVERY } else { RECOVERY / 5 }).await;
                ends.push(end);
            }
            ends
        })
    });
    let ends = tokio::time::timeout(6 * SOON, join_all(callers)).await.expect("a call never ended");
    let mut counts = BTreeMap::new();
    for end in ends.into_iter().flat_map(Result::unwrap) {
        let kind = match end {
            Ok(kind) => kind,
            Err(ModelError::Upstream { .. }) => "upstream",
            Err(ModelError::Timeout) => "timeout",
            Err(ModelError::Quota { .. }) => "quota",
            Err(ModelError::CircuitOpen { retry_after }) => {
                assert!(retry_after <= Duration::from_secs(1), "{retry_after:?}");
                "circuit open"
            }
            Err(other) => panic!("nobody caused {other:?}"),
        };
        *counts.entry(kind).or_insert(0) += 1;
    }
    println!("{counts:?}, {} upstream", fake.stats().received);
    assert_eq!(counts.values().sum::<usize>(), CALLS);
    assert_eq!(counts.len(), 6, "{counts:?}");
    // A machine too busy to answer in time looks like silence, also in the calm; it may take another call.
    for _ in 0..100 {
        if runtime.circuits().all(|(_, state)| state == CircuitState::Closed) {
            break;
        }
        tokio::time::sleep(RECOVERY).await;
        drop(ask(&runtime).await);
    }
    let states: Vec<_> = runtime.circuits().collect();
    assert_eq!(states, [("googleai/gemini-3-flash", CircuitState::Closed)]);
    fake.wait_until(|stats| stats.active == 0, SOON).await.expect("a call was left behind");
}
