//! Which events become lines, and what is left of a panic.

use super::*;

#[test]
fn our_crates_follow_the_level_and_dependencies_only_warn() {
    let settings = settings(LogFormat::Json, LogFilter::Level(LevelFilter::DEBUG));
    let (dispatch, captured) = dispatch(&settings, false);
    dispatcher::with_default(&dispatch, || {
        tracing::debug!("ours");
        tracing::debug!(target: "flow_runtime::model", "ours");
        tracing::debug!(target: "adapter_any", "ours");
        tracing::debug!(target: "genkit", "ours");
        tracing::trace!("below the level");
        tracing::info!(target: "reqwest::connect", "theirs");
        tracing::warn!(target: "hyper", "ours to hear");
    });
    let messages: Vec<Value> = captured.objects().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["ours", "ours", "ours", "ours", "ours to hear"]);
}

#[test]
fn a_level_above_warn_silences_dependencies_as_well() {
    let settings = settings(LogFormat::Json, LogFilter::Level(LevelFilter::ERROR));
    let (dispatch, captured) = dispatch(&settings, false);
    dispatcher::with_default(&dispatch, || {
        tracing::warn!("ours");
        tracing::warn!(target: "hyper", "theirs");
    });
    assert!(captured.lines().is_empty());
}

#[test]
fn a_panic_is_one_line_with_the_request_id_and_without_its_payload() {
    for debug in [false, true] {
        let captured = captured(LogFormat::Json, || {
            let usual = std::panic::take_hook();
            flow_log::log_panics(debug);
            let _span = tracing::info_span!("request", request_id = "r-9").entered();
            let outcome = std::panic::catch_unwind(|| panic!("user said {}", "hello"));
            std::panic::set_hook(usual);
            assert!(outcome.is_err());
        });
        let line = only(&captured);
        assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("panicked")));
        assert_eq!(line["request_id"], "r-9");
        assert!(line["location"].as_str().unwrap().contains("choice.rs:"), "{line}");
        assert_eq!(line.get("payload"), debug.then(|| json!("user said hello")).as_ref());
    }
}
