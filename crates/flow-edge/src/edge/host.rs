//! Trusted hosts: which `Host` headers this server answers to.

use http::Version;
use http::header::HOST;

use super::Head;
use crate::error::{ErrorKind, FlowError};

/// The hosts this server answers to; empty for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedHosts(Vec<String>);

impl TrustedHosts {
    /// Host names without port, in any case. `*.example.com` stands for every host below `example.com`.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        Self(hosts.into_iter().map(|it| it.to_ascii_lowercase()).collect())
    }

    /// Whether any host is answered to.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn check(&self, head: &Head<'_>) -> Result<(), FlowError> {
        let header =
            head.header(&HOST).filter(|it| it.is_ascii()).and_then(|it| std::str::from_utf8(it).ok());
        let target = head.uri.authority().map(http::uri::Authority::as_str);
        let differ = matches!((target, header), (Some(a), Some(b)) if !a.eq_ignore_ascii_case(b));
        if differ || head.lines(&HOST).nth(1).is_some() {
            // Whoever comes after us might go by the other one (RFC 9112 §3.2, RFC 9113 §8.3.1).
            return Err(FlowError::new(ErrorKind::Malformed, "The request names more than one host."));
        }
        let host = target.or(header);
        if host.is_none() && head.version == Version::HTTP_11 {
            // RFC 9112 §3.2.
            return Err(FlowError::untrusted_host());
        }
        let answers_to = |name| self.0.iter().any(|it| matches(it, name));
        if self.is_open() || host.and_then(name).is_some_and(answers_to) {
            return Ok(());
        }
        Err(FlowError::untrusted_host())
    }
}

/// The host's name without its port; an IPv6 address keeps its brackets (RFC 3986 §3.2.2). Nothing if it is no name: the
/// end of `evil.example/.internal` would be trusted.
fn name(host: &str) -> Option<&str> {
    let end = match host.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => {
            host.find(|it: char| !it.is_ascii_alphanumeric() && !"-._".contains(it)).unwrap_or(host.len())
        }
    };
    let (name, port) = host.split_at(end);
    let port_is_fine =
        port.is_empty() || port.strip_prefix(':').is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()));
    port_is_fine.then_some(name)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => {
            name.len() > suffix.len()
                && name.as_bytes()[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        }
        None => pattern.eq_ignore_ascii_case(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::head::request;

    #[test]
    fn only_listed_hosts_are_answered_to() {
        let trusted = TrustedHosts::new(["API.example.com", "*.internal", "[::1]"].map(str::to_owned));
        let passes = |host| {
            let request = request("/", &[("host", host)]);
            trusted.check(&Head::of(&request, None)).is_ok()
        };
        for host in ["api.example.com", "API.EXAMPLE.COM:8080", "a.internal", "[::1]:80"] {
            assert!(passes(host), "{host}");
        }
        for host in [
            "example.com",
            ".internal.evil",
            "internal",
            "api.example.com:80x",
            "[::1",
            "",
            "é.x",
            "evil.example/.internal",
            "user@a.internal",
            "a b.internal",
        ] {
            assert!(!passes(host), "{host}");
        }
        let mut without = request("/", &[]);
        assert!(trusted.check(&Head::of(&without, None)).is_err());
        assert!(TrustedHosts::default().check(&Head::of(&without, None)).is_err());
        *without.version_mut() = Version::HTTP_10;
        assert!(TrustedHosts::default().check(&Head::of(&without, None)).is_ok());
    }

    #[test]
    fn the_target_and_the_header_name_one_host() {
        for hosts in [TrustedHosts::default(), TrustedHosts::new(["a.example".to_owned()])] {
            for (target, header, passes) in [
                ("/", "a.example", true),
                ("http://a.example/", "A.example", true),
                ("http://a.example:80/", "a.example", false),
                ("http://evil.example/", "a.example", false),
            ] {
                let request = request(target, &[("host", header)]);
                assert_eq!(hosts.check(&Head::of(&request, None)).is_ok(), passes, "{target}");
            }
        }
    }
}
