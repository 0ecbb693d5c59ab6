//! Weights in lists of what a client accepts (RFC 9110 §12.4.2).

/// Whether a parameter is `q=0`, with any number of digits; also `.0`, which is invalid but clearly means 0.
pub(crate) fn is_zero_weight(parameter: &[u8]) -> bool {
    let weight = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
    weight.is_some_and(|it| it.contains(&b'0') && it.iter().all(|it| b"0.".contains(it)))
}
