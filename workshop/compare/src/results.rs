//! What was measured, as the JSON file has it, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub about: About,
    pub samples: Vec<Sample>,
}

/// Where and of what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct About {
    /// What the measured program says of itself.
    pub version: String,
    pub date: String,
    pub machine: String,
    pub quick: bool,
    pub rounds: u32,
    /// Size of the measured program, in bytes.
    pub program_bytes: u64,
    /// How many calls a second the load and the model reach without a server between them, by workload.
    #[serde(default)]
    pub ceilings: BTreeMap<String, f64>,
    /// What stands still: by framework, then by figure.
    pub fixed: BTreeMap<String, BTreeMap<String, f64>>,
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    pub workload: String,
    pub entrant: String,
    pub round: u32,
    pub figures: BTreeMap<String, f64>,
    /// Calls without the right answer, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u64>,
}

/// The middle of the rounds, and the ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|it| it.is_finite());
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let half = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) };
        Some(Self { median, least, most })
    }
}

impl Results {
    /// Adds the samples of another run that this one has no newer ones of.
    pub fn keep(&mut self, other: Self) {
        let key = |it: &Sample| (it.workload.clone(), it.entrant.clone());
        let new: BTreeSet<_> = self.samples.iter().map(key).collect();
        self.samples.extend(other.samples.into_iter().filter(|it| !new.contains(&key(it))));
    }

    fn values(&self, workload: &str, entrant: &str, figure: &str) -> BTreeMap<u32, f64> {
        let these = self.samples.iter().filter(|it| it.workload == workload && it.entrant == entrant);
        these.filter_map(|it| Some((it.round, *it.figures.get(figure)?))).collect()
    }

    pub fn figure(&self, workload: &str, entrant: &str, figure: &str) -> Option<Spread> {
        Spread::of(self.values(workload, entrant, figure).into_values().collect())
    }

    /// One entrant's figure by another's, round by round, because what slows a round slows both.
    pub fn ratio(&self, workload: &str, entrant: &str, floor: &str, figure: &str) -> Option<Spread> {
        let floors = self.values(workload, floor, figure);
        let own = self.values(workload, entrant, figure);
        Spread::of(own.iter().filter_map(|(round, it)| Some(it / floors.get(round)?)).collect())
    }

    /// Failures of all kinds: where, why and how many.
    pub fn failures(&self) -> Vec<(String, String, u64)> {
        let all = self.samples.iter().flat_map(|it| {
            let place = format!("{}, {}, round {}", it.workload, it.entrant, it.round);
            it.failures.iter().map(move |(why, count)| (place.clone(), why.clone(), *count))
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(entrant: &str, round: u32, cpu: f64) -> Sample {
        let figures = [("cpu_us".to_owned(), cpu)].into();
        Sample { workload: "joke".into(), entrant: entrant.into(), round, figures, ..Sample::default() }
    }

    #[test]
    fn what_is_measured_anew_replaces_what_was() {
        let mut new = Results { samples: vec![sample("ours", 1, 3.0)], ..Results::default() };
        let samples = vec![sample("ours", 1, 1.0), sample("ours", 2, 1.0), sample("bare", 1, 1.0)];
        new.keep(Results { samples, ..Results::default() });
        assert_eq!(new.figure("joke", "ours", "cpu_us").map(|it| (it.least, it.most)), Some((3.0, 3.0)));
        assert!(new.figure("joke", "bare", "cpu_us").is_some());
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        let samples = vec![
            sample("ours", 1, 20.0),
            sample("bare", 1, 10.0),
            sample("ours", 2, 60.0),
            sample("bare", 2, 20.0),
            sample("ours", 3, 50.0),
        ];
        let results = Results { samples, ..Results::default() };
        let ratio = results.ratio("joke", "ours", "bare", "cpu_us");
        assert_eq!(ratio, Some(Spread { median: 2.5, least: 2.0, most: 3.0 }));
        assert_eq!(results.figure("joke", "ours", "cpu_us").map(|it| it.median), Some(50.0));
        assert_eq!(results.ratio("joke", "ours", "nobody", "cpu_us"), None);
    }
}
