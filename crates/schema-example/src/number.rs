//! Numbers within their bounds.

use serde_json::{Map, Value, json};

/// An integer; `seed` chooses one of those between the bounds.
pub(crate) fn integer(schema: &Map<String, Value>, seed: u64) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and an example need not be exact beyond 2^53"
    )]
    let whole = |it: f64| it as i64;
    let lowest = [bound("minimum").map(f64::ceil), bound("exclusiveMinimum").map(|it| it.floor() + 1.0)];
    let highest = [bound("maximum").map(f64::floor), bound("exclusiveMaximum").map(|it| it.ceil() - 1.0)];
    let lowest = lowest.into_iter().flatten().map(whole).max();
    let highest = highest.into_iter().flatten().map(whole).min();
    let step = bound("multipleOf").map_or(1, whole).max(1);
    let seed = i64::try_from(seed % 1000).unwrap_or_default();
    // Counting in steps makes every number a multiple.
    let floor = lowest.map(|it| it.div_euclid(step) + i64::from(it.rem_euclid(step) != 0));
    let ceiling = highest.map(|it| it.div_euclid(step));
    let steps = match (floor, ceiling) {
        (Some(low), Some(high)) if low <= high => {
            low + seed % high.saturating_sub(low).saturating_add(1).max(1)
        }
        (Some(low), _) => low.saturating_add(seed % 10),
        (None, Some(high)) => high.saturating_sub(seed % 10).min(high),
        (None, None) => 1 + seed % 9,
    };
    json!(steps.saturating_mul(step))
}

/// A number: an integer where the bounds leave room for one, else the middle between them.
pub(crate) fn number(schema: &Map<String, Value>, seed: u64) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let low = bound("minimum").into_iter().chain(bound("exclusiveMinimum")).reduce(f64::max);
    let high = bound("maximum").into_iter().chain(bound("exclusiveMaximum")).reduce(f64::min);
    match (low, high) {
        (Some(low), Some(high)) if high - low < 2.0 => json!(match bound("multipleOf") {
            Some(step) if step > 0.0 => step * (low / step).ceil(),
            _ => f64::midpoint(low, high),
        }),
        // Steps below 1 that occur in schemas (0.5, 0.01) divide every integer.
        _ => integer(schema, seed),
    }
}
