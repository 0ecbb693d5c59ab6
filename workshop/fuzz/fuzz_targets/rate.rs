//! `60/minute`: every text is either refused or a limit that means what it says, on a running edge too.

#![no_main]

use std::net::IpAddr;
use std::time::Duration;

use flow_edge::drain::Drain;
use flow_edge::edge::RateLimit;
use flow_edge::{Edge, EdgeConfig};
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use http_body_util::Empty;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = text.parse::<RateLimit>();
    assert_eq!(parsed.ok().map(|it| (it.requests.get(), it.per.as_secs())), reference(text), "{text:?}");
    let Ok(limit) = parsed else { return };

    let pause = limit.pause();
    assert!(!pause.is_zero(), "no clock can keep {text:?}");
    // Spread evenly, and never slower than promised; a nanosecond is the shortest pause there is.
    assert!(pause * limit.requests.get() <= limit.per || pause == Duration::from_nanos(1), "{text:?}");
    let units = [(1, ["s", "second"]), (60, ["m", "minute"]), (3600, ["h", "hour"]), (86400, ["d", "day"])];
    let (_, names) =
        units.into_iter().find(|it| limit.per == Duration::from_secs(it.0)).expect("a known unit");
    for name in names {
        assert_eq!(format!("{}/{name}", limit.requests).parse(), Ok(limit));
    }
    holds_on_an_edge(limit);
});

/// The same syntax, written down once more and without the standard library's parsers.
fn reference(text: &str) -> Option<(u32, u64)> {
    let slash = text.find('/')?;
    let (number, unit) = (text[..slash].trim(), text[slash + 1..].trim());
    let seconds = [
        (1, &["second", "s"][..]),
        (60, &["minute", "min", "m"]),
        (3600, &["hour", "h"]),
        (86400, &["day", "d"]),
    ];
    let seconds = seconds.iter().find(|it| it.1.iter().any(|name| name.eq_ignore_ascii_case(unit)))?.0;
    let digits = number.strip_prefix('+').unwrap_or(number);
    if digits.is_empty() {
        return None;
    }
    let mut requests: u64 = 0;
    for it in digits.chars() {
        requests = requests * 10 + u64::from(it.to_digit(10)?);
        if requests > u64::from(u32::MAX) {
            return None;
        }
    }
    (requests > 0).then_some((u32::try_from(requests).ok()?, seconds))
}

/// The first request passes and is told the limit; of a limit of one, the second does not.
fn holds_on_an_edge(limit: RateLimit) {
    let settings = EdgeConfig { rate_limit: Some(limit), ..fuzz::open_settings() };
    let edge = Edge::new(settings, Drain::default());
    let (request, peer) = (fuzz::bare_request("/chat"), IpAddr::from([192, 0, 2, 1]));
    let ask = || {
        let (call, refusal) = fuzz::enter(&edge, &request, Some(peer));
        let status = refusal.map_or(StatusCode::OK, |it| it.status());
        let mut headers = HeaderMap::new();
        call.leave(status, &mut headers, Empty::new()).now_or_never().expect("never waits");
        (status, headers)
    };
    let (status, headers) = ask();
    assert_eq!(status, 200);
    let said = |name| headers.get(name).map(|it| it.to_str().expect("text"));
    let (requests, seconds) = (limit.requests.get(), limit.per.as_secs());
    assert_eq!(said("ratelimit-policy"), Some(&*format!("\"default\";q={requests};w={seconds}")));
    let state = said("ratelimit").expect("what is left");
    let rest = state.strip_prefix(&format!("\"default\";r={};t=", requests - 1)).expect(state);
    assert!(rest.parse::<u64>().is_ok_and(|it| it <= seconds), "{state}");
    if requests == 1 && seconds > 1 {
        assert_eq!(ask().0, 429);
    }
}
