//! From text to typed values. A parser's error says what is wanted and never repeats the text, which may be
//! a secret.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::Duration;

use flow_core::edge::{ParseRateLimitError, ParseTrustedProxyError, RateLimit, TrustedProxy};
use secrecy::SecretString;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use crate::replicas;
use crate::serving::ServerKind;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Console,
}

/// Sums of an `Instant` and a longer time could overflow; nobody waits this long for a reply.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// More threads than any machine has, and few enough to start when it was a typing error.
const MOST_WORKERS: usize = 1024;

type Parsed<T> = Result<T, String>;

fn wanted<T>(what: impl Into<String>) -> Parsed<T> {
    Err(what.into())
}

pub(super) fn text(text: &str) -> Parsed<String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wanted("must not contain blanks");
    }
    Ok(text.to_owned())
}

/// Only whether it is given counts.
#[expect(clippy::unnecessary_wraps, reason = "it has the shape of every parser")]
pub(super) fn anything(_: &str) -> Parsed<()> {
    Ok(())
}

pub(super) fn secret(text: &str) -> Parsed<SecretString> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wanted("must be visible ASCII without blanks");
    }
    Ok(SecretString::from(text))
}

pub(super) fn flag(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => wanted("must be true or false"),
    }
}

pub(super) fn environment_name(text: &str) -> Parsed<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // It becomes part of a file name, which must stay in the directory.
    if !text.chars().all(plain) || text.starts_with('.') {
        return wanted("must be letters, digits, -, _ or .");
    }
    Ok(text.to_owned())
}

pub(super) fn one_of<'a>(names: &'a [&str]) -> impl Fn(&str) -> Parsed<String> + 'a {
    move |text| match names.iter().find(|name| **name == text) {
        Some(name) => Ok((*name).to_owned()),
        None if names.is_empty() => wanted("no adapter is compiled in; build with the Cargo feature of one"),
        None => wanted(format!("must be a compiled adapter: {}", names.join(", "))),
    }
}

/// A flow by its name.
pub(super) fn one_flow_of<'a>(names: &'a [&str]) -> impl Fn(&str) -> Parsed<String> + 'a {
    move |text| match names.iter().find(|name| **name == text) {
        Some(name) => Ok((*name).to_owned()),
        None => wanted(format!("must be flows that stream: {}", names.join(", "))),
    }
}

pub(super) fn server(text: &str) -> Parsed<ServerKind> {
    match text {
        "native" => Ok(ServerKind::Native),
        "hyper" => Ok(ServerKind::Hyper),
        _ => wanted("must be native or hyper"),
    }
}

pub(super) fn port(text: &str) -> Parsed<u16> {
    text.parse().or_else(|_| wanted("must be a port number, 0 to 65535"))
}

/// A port that others know, so none that the system chooses.
pub(super) fn known_port(text: &str) -> Parsed<u16> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => wanted("must be a port number, 1 to 65535"),
    }
}

pub(super) fn host(text: &str) -> Parsed<IpAddr> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().or_else(|_| wanted("must be an IP address or localhost"))
}

pub(super) fn workers(text: &str) -> Parsed<NonZeroUsize> {
    match positive(text) {
        Ok(count) if count.get() <= MOST_WORKERS => Ok(count),
        _ => wanted(format!("must be a whole number, 1 to {MOST_WORKERS}")),
    }
}

pub(super) fn positive(text: &str) -> Parsed<NonZeroUsize> {
    text.parse().or_else(|_| wanted("must be a whole number above 0"))
}

pub(super) fn positive_u32(text: &str) -> Parsed<u32> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => wanted("must be a whole number above 0"),
    }
}

pub(super) fn count(text: &str) -> Parsed<usize> {
    text.parse().or_else(|_| wanted("must be a whole number, 0 or more"))
}

/// Seconds, also with a decimal point; more than none.
pub(super) fn seconds(text: &str) -> Parsed<Duration> {
    match seconds_or_zero(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => wanted("must be seconds, above 0 and at most a year"),
    }
}

pub(super) fn seconds_or_zero(text: &str) -> Parsed<Duration> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match seconds {
        Some(time) if time <= LONGEST => Ok(time),
        _ => wanted("must be seconds, 0 to a year"),
    }
}

pub(super) fn milliseconds(text: &str) -> Parsed<Duration> {
    match text.parse().map(Duration::from_millis) {
        Ok(time) if !time.is_zero() && time <= LONGEST => Ok(time),
        _ => wanted("must be whole milliseconds, above 0 and at most a year"),
    }
}

pub(super) fn rate_limit(text: &str) -> Parsed<RateLimit> {
    text.parse().map_err(|error: ParseRateLimitError| error.to_string())
}

pub(super) fn trusted_proxy(text: &str) -> Parsed<TrustedProxy> {
    text.parse().map_err(|error: ParseTrustedProxyError| error.to_string())
}

/// It may hold a password, so it is kept like one.
pub(super) fn redis_url(text: &str) -> Parsed<SecretString> {
    if !replicas::COMPILED_IN {
        return wanted("is not compiled in; build with --features redis");
    }
    // Redis' own client takes further schemes, such as a socket's.
    if !["redis://", "rediss://"].iter().any(|scheme| text.starts_with(scheme)) {
        return wanted("must be a URL such as redis://host:6379 or rediss://user:password@host:6380/0");
    }
    let url = secret(text)?;
    replicas::check(&url).map(|()| url)
}

/// A `Host` value without its port: a name, an address, `*`, or `*.` and a name. In lower case.
pub(super) fn trusted_host(text: &str) -> Parsed<String> {
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = text.strip_prefix("*.").unwrap_or(text);
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text == "*" || (!name.is_empty() && name.chars().all(letters)),
    };
    if good {
        Ok(text.to_ascii_lowercase())
    } else {
        wanted("must be host names without scheme, port or path")
    }
}

/// The SHA-256 of an API key, in hexadecimal.
pub(super) fn key_hash(text: &str) -> Parsed<[u8; 32]> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let pairs = digits.iter().flat_map(|digits| digits.chunks(2));
    let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    let bytes: Vec<u8> = bytes.filter_map(|byte| byte.try_into().ok()).collect();
    match bytes.try_into() {
        Ok(hash) if text.len() == 64 => Ok(hash),
        _ => wanted("each entry must be the SHA-256 of a key, 64 hexadecimal digits, not the key itself"),
    }
}

/// An origin as browsers send it, in lower case; `*` passes through.
pub(super) fn origin(text: &str) -> Parsed<String> {
    let (scheme, authority) = text.split_once("://").unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*');
    if text == "*" || (!scheme.is_empty() && !authority.is_empty() && authority.chars().all(plain)) {
        Ok(text.to_ascii_lowercase())
    } else {
        wanted("must be origins such as https://app.example.com, without a path, or *")
    }
}

/// A method or header name.
pub(super) fn token(text: &str) -> Parsed<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.chars().all(allowed) { Ok(text.to_owned()) } else { wanted("must be names separated by commas") }
}

/// An HTTP URL to append paths to: without query, fragment, user or trailing slash.
pub(super) fn base_url(text: &str) -> Parsed<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\');
    if rest.is_empty() || rest.starts_with(['/', ':']) || !rest.chars().all(plain) {
        return wanted("must be an http or https URL without user, query or fragment");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "json" => Ok(LogFormat::Json),
        "console" => Ok(LogFormat::Console),
        _ => wanted("must be json or console"),
    }
}

pub(super) fn log_level(text: &str) -> Parsed<LevelFilter> {
    text.parse().or_else(|_| wanted("must be off, error, warn, info, debug or trace"))
}

pub(super) fn log_directives(text: &str) -> Parsed<String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => wanted("must be levels per target, separated by commas"),
    }
}
