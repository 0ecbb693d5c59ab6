//! One call of a model: its span, and what is measured of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flow_metrics::{MODEL_DURATION, MODEL_FIRST_CHUNK, TOKENS_SAVED, TOKENS_USED};
use metrics::{Counter, Histogram, histogram};
use tokio::time::Instant;
use tracing::Span;

use crate::error::ModelError;
use crate::model::{ModelRequest, ModelResponse};
use crate::trace;

/// How many letters of an answer are a token, about. Only estimates depend on it.
const LETTERS_A_TOKEN: u64 = 4;

/// What is measured of each model.
pub(crate) struct Meters(Vec<Arc<Meter>>);

impl Meters {
    /// For the models of these full names.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a String>) -> Self {
        Self(names.map(|it| Arc::new(Meter::new(it))).collect())
    }

    /// There are few models, so looking through them costs less than a map.
    fn get(&self, name: &str) -> Option<&Arc<Meter>> {
        self.0.iter().find(|it| it.name == name)
    }
}

/// What is measured of one model. Without a recorder, measuring does nothing.
struct Meter {
    name: String,
    provider: String,
    model: String,
    duration: Histogram,
    first_chunk: Histogram,
    input: Histogram,
    output: Histogram,
    thinking: Histogram,
    cached: Histogram,
    saved: Counter,
    usual: Usual,
}

impl Meter {
    /// For the model of this full name.
    fn new(name: &str) -> Self {
        let (provider, model) = trace::conventional_name(name);
        let labels =
            [("gen_ai.provider.name", provider.to_owned()), ("gen_ai.request.model", model.to_owned())];
        let tokens = |kind: &'static str| {
            let kind = [("gen_ai.token.type", kind.to_owned())];
            histogram!(TOKENS_USED.name, &[&labels[..], &kind].concat())
        };
        let chat = [("gen_ai.operation.name", "chat".to_owned())];
        let labels_of_call = [&labels[..], &chat].concat();
        Self {
            duration: histogram!(MODEL_DURATION.name, &labels_of_call),
            first_chunk: histogram!(MODEL_FIRST_CHUNK.name, &labels_of_call),
            input: tokens("input"),
            output: tokens("output"),
            thinking: tokens("reasoning"),
            cached: tokens("cache_read"),
            saved: metrics::counter!(TOKENS_SAVED.name, &labels),
            usual: Usual::default(),
            name: name.to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
        }
    }

    fn answered(&self, answer: &ModelResponse, duration: Duration) {
        self.duration.record(duration);
        let usage = answer.usage;
        for (of, tokens) in [
            (&self.input, usage.input_tokens),
            (&self.output, usage.output_tokens),
            (&self.thinking, usage.thinking_tokens),
            (&self.cached, usage.cached_tokens),
        ] {
            // What a provider does not tell is not zero.
            if tokens > 0 {
                #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
                of.record(tokens as f64);
            }
        }
        self.usual.learn(usage.output_tokens, duration);
    }

    fn failed(&self, kind: &'static str, duration: Duration) {
        histogram!(
            MODEL_DURATION.name,
            "gen_ai.provider.name" => self.provider.clone(),
            "gen_ai.request.model" => self.model.clone(),
            "gen_ai.operation.name" => "chat",
            "error.type" => kind,
        )
        .record(duration);
    }
}

/// How long answers of a model usually are, and how long it takes for them: a mean in which new ones count for an eighth.
#[derive(Debug, Default)]
struct Usual {
    tokens: AtomicU64,
    micros: AtomicU64,
}

impl Usual {
    #[expect(clippy::cast_possible_truncation, reason = "no call lasts 500 thousand years")]
    fn learn(&self, tokens: u64, duration: Duration) {
        for (mean, new) in [(&self.tokens, tokens), (&self.micros, duration.as_micros() as u64)] {
            // Two at once may lose one of theirs, which an estimate can bear.
            let old = mean.load(Ordering::Relaxed);
            mean.store(if old == 0 { new } else { (old * 7 + new) / 8 }, Ordering::Relaxed);
        }
    }

    /// How many tokens a usual answer would still have had: those that did not come of a stream, else as many as the time
    /// that was left. None as long as no answer is known.
    #[expect(clippy::cast_possible_truncation, reason = "no call lasts 500 thousand years")]
    fn rest(&self, letters: u64, duration: Duration) -> u64 {
        let (tokens, micros) = (self.tokens.load(Ordering::Relaxed), self.micros.load(Ordering::Relaxed));
        let spent = if letters > 0 {
            letters / LETTERS_A_TOKEN
        } else {
            tokens.saturating_mul(duration.as_micros() as u64).checked_div(micros).unwrap_or(tokens)
        };
        tokens.saturating_sub(spent)
    }
}

/// One call of a model. Dropped before its end, it counts as given up.
pub(crate) struct ModelCall {
    pub(crate) span: Span,
    began: Instant,
    /// That of the model which was asked.
    meter: Option<Arc<Meter>>,
    meters: Arc<Meters>,
    /// How many letters of its answer have come.
    letters: u64,
    ended: bool,
}

impl ModelCall {
    pub(crate) fn new(name: &str, request: &ModelRequest, meters: &Arc<Meters>) -> Self {
        let span = trace::model(name, request);
        let (meter, meters) = (meters.get(name).cloned(), meters.clone());
        Self { span, began: Instant::now(), meter, meters, letters: 0, ended: false }
    }

    /// The first piece of a streamed answer has come.
    pub(crate) fn first_chunk(&self) {
        let time = self.began.elapsed();
        trace::first_chunk(&self.span, time);
        if let Some(meter) = &self.meter {
            meter.first_chunk.record(time);
        }
    }

    /// A piece of a streamed answer has come.
    pub(crate) fn wrote(&mut self, text: &str) {
        self.letters += text.len() as u64;
    }

    pub(crate) fn answered(&mut self, answer: &ModelResponse) {
        self.ended = true;
        let time = self.began.elapsed();
        trace::answered(&self.span, answer, time);
        // Another model may have answered in place of the one that was asked.
        if let Some(meter) = self.meters.get(&answer.model).or(self.meter.as_ref()) {
            meter.answered(answer, time);
        }
    }

    pub(crate) fn failed(&mut self, error: &ModelError) {
        self.ended = true;
        trace::failed(&self.span, error);
        if let Some(meter) = &self.meter {
            meter.failed(error.kind(), self.began.elapsed());
        }
    }
}

impl Drop for ModelCall {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let time = self.began.elapsed();
        if let Some(meter) = &self.meter {
            meter.failed("cancelled", time);
            meter.saved.increment(meter.usual.rest(self.letters, time));
        }
    }
}

impl fmt::Debug for ModelCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ModelCall").field("span", &self.span).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_what_a_usual_answer_would_still_have_had() {
        let (second, usual) = (Duration::from_secs(1), Usual::default());
        assert_eq!(usual.rest(0, second), 0, "nothing is known yet");
        usual.learn(100, second * 10);
        assert_eq!(usual.rest(0, second * 4), 60, "by time");
        assert_eq!(usual.rest(0, second * 20), 0);
        assert_eq!(usual.rest(40 * LETTERS_A_TOKEN, second), 60, "by what has come");
        usual.learn(180, second * 10);
        assert_eq!(usual.rest(0, Duration::ZERO), 110);
    }
}
