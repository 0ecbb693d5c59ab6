//! From text to typed values. A parser's error says what is wanted and never repeats the text, which may be
//! a secret.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

/// Sums of an `Instant` and a longer time could overflow; nobody waits this long for a reply.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// A value, or what it must be.
pub type Parsed<T> = Result<T, &'static str>;

/// The text as a value that is good, else the reason.
pub fn good<T: FromStr>(text: &str, is_good: impl FnOnce(&T) -> bool, why: &'static str) -> Parsed<T> {
    text.parse().ok().filter(is_good).ok_or(why)
}

/// The text itself if it is good, else the reason.
pub fn kept(text: &str, is_good: bool, why: &'static str) -> Parsed<String> {
    is_good.then(|| text.to_owned()).ok_or(why)
}

/// The items of a list, without blanks around them and without empty ones.
pub fn items(text: &str, delimiter: char) -> impl Iterator<Item = &str> {
    text.split(delimiter).map(str::trim).filter(|item| !item.is_empty())
}

/// Text without blanks.
pub fn text(text: &str) -> Parsed<String> {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    kept(text, !text.contains(blank), "must not contain blanks")
}

/// A key, token or password that can stand in a header.
pub fn secret(text: &str) -> Parsed<SecretString> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    kept(text, visible, "must be visible ASCII without blanks").map(SecretString::from)
}

/// True or false, in the words people write.
pub fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false"),
    }
}

/// A name that becomes part of a file name, which must stay in its directory.
pub fn file_name(text: &str) -> Parsed<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    kept(text, text.chars().all(plain) && !text.starts_with('.'), "must be letters, digits, -, _ or .")
}

/// A port to listen on, 0 for one that the system chooses.
pub fn port(text: &str) -> Parsed<u16> {
    good(text, |_| true, "must be a port number, 0 to 65535")
}

/// A port that others know, so none that the system chooses.
pub fn known_port(text: &str) -> Parsed<u16> {
    good(text, |port| *port > 0, "must be a port number, 1 to 65535")
}

/// An address to listen on.
pub fn host(text: &str) -> Parsed<IpAddr> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    good(text, |_| true, "must be an IP address or localhost")
}

/// A whole number above 0.
pub fn positive<T: FromStr + Default + PartialOrd>(text: &str) -> Parsed<T> {
    good(text, |count| *count > T::default(), "must be a whole number above 0")
}

/// A whole number.
pub fn count(text: &str) -> Parsed<usize> {
    good(text, |_| true, "must be a whole number, 0 or more")
}

/// Seconds, also with a decimal point; more than none.
pub fn seconds(text: &str) -> Parsed<Duration> {
    let time = seconds_or_zero(text).ok().filter(|time| !time.is_zero());
    time.ok_or("must be seconds, above 0 and at most a year")
}

/// Seconds, also with a decimal point.
pub fn seconds_or_zero(text: &str) -> Parsed<Duration> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| *time <= LONGEST).ok_or("must be seconds, 0 to a year")
}

/// Milliseconds, more than none.
pub fn milliseconds(text: &str) -> Parsed<Duration> {
    let time = text.parse().ok().map(Duration::from_millis);
    let time = time.filter(|time| !time.is_zero() && *time <= LONGEST);
    time.ok_or("must be whole milliseconds, above 0 and at most a year")
}

/// A name in HTTP's grammar, such as a method's or a header's.
pub fn token(text: &str) -> Parsed<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    kept(text, text.chars().all(allowed), "must be names separated by commas")
}

/// An HTTP URL to append paths to: without query, fragment, user or trailing slash.
pub fn base_url(text: &str) -> Parsed<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\');
    let is_base = !rest.is_empty() && !rest.starts_with(['/', ':']) && rest.chars().all(plain);
    kept(text.trim_end_matches('/'), is_base, "must be an http or https URL without user, query or fragment")
}
