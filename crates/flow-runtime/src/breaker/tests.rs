//! The state machine against everything that can happen to it, and the lock around it against threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Breaker;
use super::circuit::{BreakerSettings, Change, Circuit, CircuitState, Health};
use crate::error::ModelError;

const SECOND: Duration = Duration::from_secs(1);

fn settings(failure_threshold: u32, half_open_max: u32) -> BreakerSettings {
    BreakerSettings { failure_threshold, recovery_timeout: 10 * SECOND, half_open_max }
}

/// What can happen next. Calls end oldest first or youngest first; other orders differ from these by more calls.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call,
    Oldest(Health),
    Youngest(Health),
    OldestBegins,
    Pass(Duration),
}

const STEPS: [Step; 9] = [
    Step::Call,
    Step::Oldest(Health::Healthy),
    Step::Oldest(Health::Failing),
    Step::Oldest(Health::Unknown),
    Step::Youngest(Health::Healthy),
    Step::Youngest(Health::Failing),
    Step::OldestBegins,
    Step::Pass(Duration::from_secs(9)),
    Step::Pass(Duration::from_secs(10)),
];

/// The circuit beside a slower telling of the same rules: a list of what happened instead of a state.
#[derive(Clone)]
struct World {
    circuit: Circuit,
    rules: BreakerSettings,
    now: Instant,
    calls: VecDeque<Call>,
    /// Ends of calls since the circuit was last closed anew: true is a failure.
    ends: Vec<bool>,
    opened: Option<Instant>,
    probing: bool,
    periods: usize,
}

#[derive(Clone)]
struct Call {
    period: u64,
    begun: bool,
    /// How many changes of state there had been when it was let through.
    era: usize,
}

impl World {
    fn new(rules: BreakerSettings) -> Self {
        let circuit = Circuit::new(rules);
        let (calls, ends) = Default::default();
        Self { circuit, rules, now: Instant::now(), calls, ends, opened: None, probing: false, periods: 0 }
    }

    /// Takes a step, if it is possible here, and checks everything that is promised about it.
    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Pass(time) => self.now += time,
            Step::Call => self.call(),
            Step::Oldest(health) => match self.calls.pop_front() {
                Some(call) => self.end(&call, health),
                None => return false,
            },
            // With one call in flight it is the oldest as well.
            Step::Youngest(health) if self.calls.len() > 1 => {
                let call = self.calls.pop_back().unwrap();
                self.end(&call, health);
            }
            Step::Youngest(_) => return false,
            Step::OldestBegins => match self.calls.pop_front() {
                Some(mut call) if !call.begun => {
                    self.begin(&mut call);
                    self.calls.push_front(call);
                }
                Some(_) | None => return false,
            },
        }
        self.check();
        true
    }

    fn call(&mut self) {
        let probes = self.calls.iter().filter(|it| it.era == self.periods).count();
        let expected = match self.opened {
            None => Ok(()),
            Some(at) if self.now < at + self.rules.recovery_timeout && !self.probing => {
                Err(at + self.rules.recovery_timeout - self.now)
            }
            Some(_) if !self.probing => {
                self.probing = true;
                self.periods += 1;
                Ok(())
            }
            Some(_) if probes < self.rules.half_open_max as usize => Ok(()),
            Some(_) => Err(SECOND),
        };
        let (admission, _) = self.circuit.admit(self.now);
        assert_eq!(admission.map(drop), expected);
        if let Ok(period) = admission {
            self.calls.push_back(Call { period, begun: false, era: self.periods });
        }
    }

    fn begin(&mut self, call: &mut Call) {
        let closes = self.probing && call.era == self.periods;
        let (period, change) = self.circuit.answering(call.period);
        (call.period, call.begun) = (period, true);
        assert_eq!(change, closes.then_some(Change::Closed));
        if closes {
            self.close();
            call.era = self.periods;
        }
    }

    fn end(&mut self, call: &Call, health: Health) {
        let counts = call.era == self.periods && health != Health::Unknown;
        let failed = health == Health::Failing;
        let change = self.circuit.report(call.period, health, self.now);
        let expected = match (counts, self.probing) {
            (false, _) => None,
            (true, true) if failed => Some(Change::Reopened),
            (true, true) => Some(Change::Closed),
            (true, false) => {
                self.ends.push(failed);
                let in_a_row = self.ends.iter().rev().take_while(|it| **it).fold(0, |sum, _| sum + 1);
                let opens = in_a_row >= self.rules.failure_threshold;
                opens.then_some(Change::Opened { failures: in_a_row })
            }
        };
        assert_eq!(change, expected);
        match change {
            Some(Change::Closed) => self.close(),
            Some(_) => {
                (self.opened, self.probing) = (Some(self.now), false);
                self.periods += 1;
            }
            None => {}
        }
    }

    fn close(&mut self) {
        self.ends.clear();
        (self.opened, self.probing) = (None, false);
        self.periods += 1;
    }

    fn check(&self) {
        let due = |at| self.now >= at + self.rules.recovery_timeout;
        let expected = match self.opened {
            None => CircuitState::Closed,
            Some(at) if self.probing || due(at) => CircuitState::HalfOpen,
            Some(_) => CircuitState::Open,
        };
        assert_eq!(self.circuit.state(self.now), expected);
        let probes = self.calls.iter().filter(|it| self.probing && it.era == self.periods).count();
        assert!(probes <= self.rules.half_open_max as usize, "{probes} probes");
    }

    /// Every way to go on for `depth` more steps.
    fn explore(&self, depth: usize) -> u64 {
        if depth == 0 {
            return 1;
        }
        let mut ways = 0;
        for step in STEPS {
            let mut next = self.clone();
            if next.step(step) {
                ways += next.explore(depth - 1);
            }
        }
        ways
    }
}

#[test]
fn every_sequence_of_eight_events_obeys_the_rules() {
    let mut ways = 0;
    for rules in [settings(1, 1), settings(1, 2), settings(2, 1), settings(2, 2)] {
        ways += World::new(rules).explore(8);
    }
    println!("{ways} sequences");
    assert!(ways > 1_000_000, "{ways}");
}

#[test]
fn long_random_lives_obey_the_rules() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new(settings(random.u32(1..6), random.u32(1..4)));
        for _ in 0..1000 {
            world.step(STEPS[random.usize(..STEPS.len())]);
        }
    }
}

#[test]
fn no_answer_in_nine_tenths_of_the_time_is_a_failure_even_if_the_caller_leaves() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let breaker = Breaker::new("m", settings(1, 1));
        let permit = breaker.admit(10 * SECOND).unwrap();
        tokio::time::advance(8 * SECOND).await;
        drop(permit);
        assert_eq!(breaker.state(), CircuitState::Closed);
        let permit = breaker.admit(10 * SECOND).unwrap();
        let mut flowing = breaker.admit(10 * SECOND).unwrap();
        flowing.answering();
        tokio::time::advance(9 * SECOND).await;
        drop(flowing);
        assert_eq!(breaker.state(), CircuitState::Closed);
        drop(permit);
        assert_eq!(breaker.state(), CircuitState::Open);
        let refused = breaker.admit(SECOND).err().unwrap();
        assert_eq!(refused, ModelError::CircuitOpen { retry_after: 10 * SECOND });
    });
}

#[test]
fn of_many_threads_one_gets_the_probe() {
    let nothing = BreakerSettings { recovery_timeout: Duration::ZERO, ..settings(1, 1) };
    for round in 0..200 {
        let breaker = Breaker::new("m", nothing);
        breaker.admit(SECOND).unwrap().settle::<()>(&Err(ModelError::Timeout));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let breaker = Arc::clone(&breaker);
                std::thread::spawn(move || breaker.admit(SECOND).ok())
            })
            .collect();
        let mut probes: Vec<_> = threads.into_iter().filter_map(|it| it.join().unwrap()).collect();
        assert_eq!(probes.len(), 1, "in round {round}");
        // A probe that is dropped gives its place to the next.
        probes.clear();
        breaker.admit(SECOND).unwrap().settle(&Ok(()));
        assert_eq!(breaker.state(), CircuitState::Closed);
    }
}
