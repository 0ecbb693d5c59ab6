//! The trace of a caller in the headers of the clouds, from before W3C Trace Context.
//!
//! They are read by hand. For Google's no crate for this OpenTelemetry exists. `opentelemetry-aws` reads that of X-Ray, but puts
//! its unknown fields, which a client can make up, into `tracestate`, which the model's server is told of; and a decision
//! that is not made yet it takes for one against recording.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The longest header that is looked at, in bytes. X-Ray's has some fields more than are read here.
const LONGEST: usize = 512;

/// The span that a request comes from.
pub(crate) struct Caller {
    pub(crate) span: SpanContext,
    /// Whether its trace is recorded, if that is decided.
    pub(crate) is_recorded: Option<bool>,
}

impl Caller {
    fn new(trace: u128, span: u64, is_recorded: Option<bool>) -> Option<Self> {
        let flags = if is_recorded == Some(true) { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        let (trace, span) = (TraceId::from(trace), SpanId::from(span));
        let span = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        span.is_valid().then_some(Self { span, is_recorded })
    }
}

/// `X-Cloud-Trace-Context: TRACE/SPAN;o=1`. The trace is 32 hexadecimal digits, the span a decimal number.
pub(crate) fn google(header: &str) -> Option<Caller> {
    let header = Some(header.trim()).filter(|it| it.len() <= LONGEST)?;
    let (ids, options) = header.split_once(';').unwrap_or((header, ""));
    let (trace, span) = ids.split_once('/')?;
    let is_number = span.bytes().all(|it| it.is_ascii_digit());
    let span = Some(span).filter(|_| is_number)?.parse().ok()?;
    let is_recorded = match options {
        "o=1" => Some(true),
        "o=0" => Some(false),
        _ => None,
    };
    Caller::new(hexadecimal(trace, 32)?, span, is_recorded)
}

/// `X-Amzn-Trace-Id: Root=1-TIME-REST;Parent=SPAN;Sampled=1`, with fields in any order. A load balancer sends `Root` alone:
/// there is no span to go on from, so a new trace begins.
pub(crate) fn xray(header: &str) -> Option<Caller> {
    let header = Some(header).filter(|it| it.len() <= LONGEST)?;
    let field = |name: &str| {
        let mut fields = header.split(';').filter_map(|it| it.trim().split_once('='));
        fields.find(|it| it.0 == name).map(|it| it.1)
    };
    let (time, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
    let trace = (hexadecimal(time, 8)? << 96) | hexadecimal(rest, 24)?;
    let span = u64::try_from(hexadecimal(field("Parent")?, 16)?).ok()?;
    let is_recorded = match field("Sampled") {
        Some("1") => Some(true),
        Some("0") => Some(false),
        _ => None,
    };
    Caller::new(trace, span, is_recorded)
}

/// A number of exactly so many hexadecimal digits.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_one = text.len() == digits && text.bytes().all(|it| it.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "105445aa7843bc8bf206b12000100000";

    fn seen(caller: Option<Caller>) -> Option<(String, String, Option<bool>)> {
        let caller = caller?;
        assert_eq!(caller.span.is_sampled(), caller.is_recorded == Some(true));
        assert!(caller.span.trace_state().header().is_empty());
        Some((caller.span.trace_id().to_string(), caller.span.span_id().to_string(), caller.is_recorded))
    }

    #[test]
    fn google_s_header_is_read_with_and_without_a_decision() {
        for (options, is_recorded) in
            [(";o=1", Some(true)), (";o=0", Some(false)), ("", None), (";o=", None), (";o=7", None)]
        {
            let caller = seen(google(&format!("{TRACE}/1{options}")));
            assert_eq!(caller, Some((TRACE.into(), "0000000000000001".into(), is_recorded)), "{options}");
        }
        let largest = seen(google(&format!("{}/18446744073709551615;o=1", TRACE.to_uppercase()))).unwrap();
        assert_eq!((&*largest.0, &*largest.1), (TRACE, "ffffffffffffffff"));
    }

    #[test]
    fn what_is_no_header_of_google_s_is_none() {
        let zeros = "0".repeat(32);
        for bad in [
            "",
            "/",
            ";o=1",
            TRACE,
            &format!("{TRACE}/"),
            &format!("{TRACE}/0;o=1"),
            &format!("{zeros}/1;o=1"),
            &format!("{TRACE}/+1;o=1"),
            &format!("{TRACE}/-1"),
            &format!("{TRACE}/18446744073709551616"),
            &format!("{TRACE}0/1"),
            &format!("{}/1", &TRACE[1..]),
            &format!("+{}/1", &TRACE[1..]),
            &format!("{}/1", TRACE.replace('a', "g")),
            &format!("{}é/1", &TRACE[2..]),
            &format!("{TRACE}/1;o=1{}", " ".repeat(600) + "x"),
            &format!("{TRACE}/{}", "1".repeat(100_000)),
        ] {
            assert_eq!(seen(google(bad)), None, "{bad:.80}");
        }
    }

    #[test]
    fn x_rays_header_is_read_in_any_order_and_other_fields_are_left_out() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let expected = |is_recorded| {
            Some(("5759e988bd862e3fe1be46a994272793".into(), "53995c3f42cd8ad8".into(), is_recorded))
        };
        for (header, is_recorded) in [
            (format!("{root};Parent=53995c3f42cd8ad8;Sampled=1"), Some(true)),
            (format!("Sampled=0; Parent=53995c3f42cd8ad8; {root}"), Some(false)),
            (format!("Self=1-67891234-12456789abcdef012345678;{root};Parent=53995c3f42cd8ad8"), None),
            (format!("{root};Parent=53995c3f42cd8ad8;Sampled=?;mail=a@b.example"), None),
        ] {
            assert_eq!(seen(xray(&header)), expected(is_recorded), "{header}");
        }
    }

    #[test]
    fn what_is_no_header_of_x_rays_is_none() {
        let (parent, root) = ("Parent=53995c3f42cd8ad8", "Root=1-5759e988-bd862e3fe1be46a994272793");
        for bad in [
            "",
            ";;;===",
            parent,
            // A load balancer's.
            root,
            &format!("{root};Parent="),
            &format!("{root};Parent=0000000000000000"),
            &format!("{root};Parent=53995c3f42cd8ad"),
            &format!("{root};Parent=+3995c3f42cd8ad8"),
            &format!("Root=2-5759e988-bd862e3fe1be46a994272793;{parent}"),
            &format!("Root=1-00000000-000000000000000000000000;{parent}"),
            &format!("Root=1-5759e98-8bd862e3fe1be46a994272793;{parent}"),
            &format!("Root=1-5759e988-bd862e3fe1be46a99427279z;{parent}"),
            &format!("Root=1-5759e988bd862e3fe1be46a994272793;{parent}"),
            &format!("{root};{parent};{}", "a=b;".repeat(1000)),
        ] {
            assert_eq!(seen(xray(bad)), None, "{bad:.80}");
        }
    }
}
