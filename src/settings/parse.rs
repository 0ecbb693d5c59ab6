//! From text to typed values. A parser's error says what is wanted and never repeats the text, which may be
//! a secret.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use flow_core::edge::ApiKeys;
use secrecy::SecretString;
use tracing_subscriber::filter::EnvFilter;

use super::{LogFilter, LogFormat};
use crate::flows::STREAMED;
use crate::serving::ServerKind;

/// Sums of an `Instant` and a longer time could overflow; nobody waits this long for a reply.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// More threads than any machine has, and few enough to start when it was a typing error.
const MOST_WORKERS: usize = 1024;

type Parsed<T> = Result<T, &'static str>;

/// The text as a value that is good, else the reason.
fn good<T: FromStr>(text: &str, is_good: impl FnOnce(&T) -> bool, why: &'static str) -> Parsed<T> {
    text.parse().ok().filter(is_good).ok_or(why)
}

/// The text itself, if it is good.
fn kept(text: &str, is_good: bool, why: &'static str) -> Parsed<String> {
    is_good.then(|| text.to_owned()).ok_or(why)
}

/// The items of a list, without blanks around them and without empty ones.
pub(super) fn items(text: &str, comma: char) -> impl Iterator<Item = &str> {
    text.split(comma).map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn text(text: &str) -> Parsed<String> {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    kept(text, !text.contains(blank), "must not contain blanks")
}

pub(super) fn secret(text: &str) -> Parsed<SecretString> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    kept(text, visible, "must be visible ASCII without blanks").map(SecretString::from)
}

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false"),
    }
}

pub(super) fn is_empty(text: &str) -> Parsed<bool> {
    Ok(text.is_empty())
}

pub(super) fn is_dev(name: &str) -> Parsed<bool> {
    Ok(text(name)? == "dev")
}

pub(super) fn environment_name(text: &str) -> Parsed<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // It becomes part of a file name, which must stay in the directory.
    let stays = text.chars().all(plain) && !text.starts_with('.');
    kept(text, stays, "must be letters, digits, -, _ or .")
}

pub(super) fn streamed_flow(text: &str) -> Result<String, String> {
    let why = || format!("must be flows that stream: {}", STREAMED.join(", "));
    STREAMED.contains(&text).then(|| text.to_owned()).ok_or_else(why)
}

pub(super) fn server(text: &str) -> Parsed<ServerKind> {
    match text {
        "native" => Ok(ServerKind::Native),
        "hyper" => Ok(ServerKind::Hyper),
        _ => Err("must be native or hyper"),
    }
}

pub(super) fn port(text: &str) -> Parsed<u16> {
    good(text, |_| true, "must be a port number, 0 to 65535")
}

/// A port that others know, so none that the system chooses.
pub(super) fn known_port(text: &str) -> Parsed<u16> {
    good(text, |port| *port > 0, "must be a port number, 1 to 65535")
}

pub(super) fn host(text: &str) -> Parsed<IpAddr> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    good(text, |_| true, "must be an IP address or localhost")
}

pub(super) fn workers(text: &str) -> Parsed<NonZeroUsize> {
    good(text, |count: &NonZeroUsize| count.get() <= MOST_WORKERS, "must be a whole number, 1 to 1024")
}

/// As many as this machine has.
pub(super) fn cpus() -> NonZeroUsize {
    let cpus = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::MIN.saturating_add(cpus.min(MOST_WORKERS) - 1)
}

pub(super) fn positive<T: FromStr + Default + PartialOrd>(text: &str) -> Parsed<T> {
    good(text, |count| *count > T::default(), "must be a whole number above 0")
}

pub(super) fn count(text: &str) -> Parsed<usize> {
    good(text, |_| true, "must be a whole number, 0 or more")
}

/// Seconds, also with a decimal point; more than none.
pub(super) fn seconds(text: &str) -> Parsed<Duration> {
    let time = seconds_or_zero(text).ok().filter(|time| !time.is_zero());
    time.ok_or("must be seconds, above 0 and at most a year")
}

pub(super) fn seconds_or_zero(text: &str) -> Parsed<Duration> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| *time <= LONGEST).ok_or("must be seconds, 0 to a year")
}

pub(super) fn milliseconds(text: &str) -> Parsed<Duration> {
    let time = text.parse().ok().map(Duration::from_millis);
    let time = time.filter(|time| !time.is_zero() && *time <= LONGEST);
    time.ok_or("must be whole milliseconds, above 0 and at most a year")
}

/// A `Host` value without its port: a name, an address, `*`, or `*.` and a name. In lower case.
pub(super) fn trusted_host(text: &str) -> Parsed<String> {
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = text.strip_prefix("*.").unwrap_or(text);
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text == "*" || (!name.is_empty() && name.chars().all(letters)),
    };
    kept(&text.to_ascii_lowercase(), is_host, "must be host names without scheme, port or path")
}

/// SHA-256 of API keys, in hexadecimal, by commas.
pub(super) fn key_hashes(text: &str) -> Parsed<ApiKeys> {
    let hash = |digits: &str| {
        let good = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        bytes.filter(|_| good)?.try_into().ok()
    };
    let hashes: Option<Vec<[u8; 32]>> = items(text, ',').map(hash).collect();
    let hashes = hashes.filter(|hashes| !hashes.is_empty());
    hashes
        .map(ApiKeys::new)
        .ok_or("each entry must be the SHA-256 of a key, 64 hexadecimal digits, not the key itself")
}

/// An origin as browsers send it, in lower case; `*` passes through.
pub(super) fn origin(text: &str) -> Parsed<String> {
    let (scheme, authority) = text.split_once("://").unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*');
    let is_origin = !scheme.is_empty() && !authority.is_empty() && authority.chars().all(plain);
    let why = "must be origins such as https://app.example.com, without a path, or *";
    kept(&text.to_ascii_lowercase(), text == "*" || is_origin, why)
}

/// A method or header name.
pub(super) fn token(text: &str) -> Parsed<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    kept(text, text.chars().all(allowed), "must be names separated by commas")
}

/// An HTTP URL to append paths to: without query, fragment, user or trailing slash.
pub(super) fn base_url(text: &str) -> Parsed<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\');
    let is_base = !rest.is_empty() && !rest.starts_with(['/', ':']) && rest.chars().all(plain);
    kept(text.trim_end_matches('/'), is_base, "must be an http or https URL without user, query or fragment")
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "json" => Ok(LogFormat::Json),
        "console" => Ok(LogFormat::Console),
        _ => Err("must be json or console"),
    }
}

pub(super) fn log_level(text: &str) -> Parsed<LogFilter> {
    good(text, |_| true, "must be off, error, warn, info, debug or trace").map(LogFilter::Level)
}

pub(super) fn log_directives(text: &str) -> Parsed<LogFilter> {
    let is_filter = EnvFilter::builder().parse(text).is_ok();
    kept(text, is_filter, "must be levels per target, separated by commas").map(LogFilter::Directives)
}
