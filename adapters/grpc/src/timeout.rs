//! `grpc-timeout`: how long the client waits (the gRPC protocol over HTTP/2, "Timeout").

use std::time::Duration;

use flow_edge::{ErrorKind, FlowError};

/// The time a client gives, if it gives one.
pub(crate) fn parse(header: Option<&[u8]>) -> Result<Option<Duration>, FlowError> {
    let Some(text) = header else { return Ok(None) };
    let malformed = || FlowError::new(ErrorKind::Malformed, "The grpc-timeout is not of the expected form.");
    let (unit, digits) = text.split_last().ok_or_else(malformed)?;
    // Eight digits at most, so no multiplication below can overflow.
    let fits = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let value: u64 = std::str::from_utf8(digits)
        .ok()
        .filter(|_| fits)
        .and_then(|it| it.parse().ok())
        .ok_or_else(malformed)?;
    Ok(Some(match unit {
        b'H' => Duration::from_hours(value),
        b'M' => Duration::from_mins(value),
        b'S' => Duration::from_secs(value),
        b'm' => Duration::from_millis(value),
        b'u' => Duration::from_micros(value),
        b'n' => Duration::from_nanos(value),
        _ => return Err(malformed()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        let parsed = |text: &str| parse(Some(text.as_bytes())).unwrap().unwrap();
        assert_eq!(parsed("2H"), Duration::from_hours(2));
        assert_eq!(parsed("3M"), Duration::from_mins(3));
        assert_eq!(parsed("99999999S"), Duration::from_secs(99_999_999));
        assert_eq!(parsed("250m"), Duration::from_millis(250));
        assert_eq!((parsed("5u"), parsed("7n")), (Duration::from_micros(5), Duration::from_nanos(7)));
        assert_eq!(parse(None).unwrap(), None);
        for bad in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1 S", "\u{e9}S"] {
            assert!(parse(Some(bad.as_bytes())).is_err(), "{bad}");
        }
    }
}
