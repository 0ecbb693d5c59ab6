//! What the settings do with what they are given. No test touches this process's environment.

mod cli;
mod files;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use flow_edge::edge::{ApiKeys, TrustedProxy};
use flow_settings::Setting;
use secrecy::ExposeSecret;
use tracing_subscriber::filter::LevelFilter;

use super::{Command, LogFilter, LogFormat, Settings, SettingsError};
// eject: grpc
use flow_listener::ServerKind;
// eject: end

const ADAPTERS: &[&str] = &["NAME", "OTHER"];
const HASH: &str = "5F2b5cdbe5194f10b3241568fe4e2b24aa8e8e1a3d1c9c1f0e5a4f6b7c8d9e0f";

fn all() -> impl Iterator<Item = Setting> {
    flow_settings::settings::<Settings>()
}

/// Loads from a directory without dotenv files.
fn load(args: &[&str], environment: &[(&str, &str)]) -> Result<Command, SettingsError> {
    load_in(Path::new("/nonexistent"), args, environment)
}

fn load_in(dir: &Path, args: &[&str], environment: &[(&str, &str)]) -> Result<Command, SettingsError> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    let lookup = |name: &str| environment.get(name).map(|value| (*value).to_owned());
    let args = ["genkit-endpoints"].iter().chain(args).map(Into::into);
    super::load(ADAPTERS, api::FLOWS, args, &lookup, dir)
}

fn settings(args: &[&str], environment: &[(&str, &str)]) -> Settings {
    serve(load(args, environment))
}

fn serve(loaded: Result<Command, SettingsError>) -> Settings {
    match loaded {
        Ok(Command::Serve(settings)) => *settings,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{error}"),
    }
}

/// The whole message; the exit code must be that of wrong usage.
fn fault(args: &[&str], environment: &[(&str, &str)]) -> String {
    message(load(args, environment))
}

fn message(loaded: Result<Command, SettingsError>) -> String {
    let error = loaded.expect_err("there is a fault");
    assert_eq!(error.exit_code(), 64, "{error}");
    error.to_string()
}

/// Settings whose examples cannot be used as they stand.
const UNUSABLE: &[&str] = &[
    // A key whose hash is published would be no secret.
    "API_KEYS",
    // The flows are the project's own.
    "STREAM_JOIN",
    // eject: grpc
    "GRPC_TLS_CERT",
    "GRPC_TLS_KEY",
    "GRPC_TLS_CLIENT_CA",
    // eject: end
    // eject: redis
    #[cfg(not(feature = "redis"))]
    "REDIS_URL",
    // eject: end
    // eject: telemetry
    #[cfg(not(feature = "telemetry"))]
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    // eject: end
    // eject: sentry
    #[cfg(not(feature = "sentry"))]
    "SENTRY_DSN",
    // eject: end
];

#[test]
fn every_setting_has_an_example_that_its_own_parser_accepts() {
    for setting in all() {
        assert!(!setting.example().is_empty() && !setting.help().is_empty(), "{}", setting.name());
        let Some(variable) = setting.variable().filter(|name| !UNUSABLE.contains(name)) else { continue };
        let loaded = load(&[], &[(variable, &setting.example())]);
        assert!(loaded.is_ok(), "{variable}={}: {loaded:?}", setting.example());
    }
}

#[test]
fn every_setting_with_a_flag_takes_it_over_the_environment() {
    for setting in all() {
        let (Some(flag), Some(variable)) = (setting.flag(), setting.variable()) else { continue };
        let flag = format!("--{flag}={}", setting.example());
        assert!(load(&[&flag], &[(variable, "\u{0}bad")]).is_ok(), "{flag}");
    }
}

#[test]
fn the_settings_of_a_group_stand_together_under_one_name_each() {
    let settings: Vec<_> = all().collect();
    let mut groups: Vec<_> = settings.iter().map(Setting::group).collect();
    groups.dedup();
    assert_eq!(groups.iter().collect::<HashSet<_>>().len(), groups.len(), "{groups:?}");
    assert_eq!(settings.iter().map(Setting::name).collect::<HashSet<_>>().len(), settings.len());
}

#[test]
fn an_empty_or_blank_value_counts_as_not_given() {
    let settings =
        settings(&["--port", "", "--model", " "], &[("PORT", "9000"), ("MODEL", ""), ("DEBUG", "")]);
    assert_eq!((settings.server.port, settings.model.models.len(), settings.debug), (9000, 0, false));
}

#[test]
fn every_fault_is_named_at_once_with_its_origin_its_reason_and_a_good_value() {
    let message = fault(
        &["--port", "99999", "--framework", "rocket"],
        &[("RATE_LIMIT_DEFAULT", "lots"), ("DEBUG", "maybe"), ("GEMINI_BASE_URL", "example.com")],
    );
    for line in [
        "PORT=\"99999\" (from --port): must be a port number, 0 to 65535; for example 8080",
        "FRAMEWORK=\"rocket\" (from --framework): must be one of the compiled adapters: NAME, OTHER",
        "RATE_LIMIT_DEFAULT=\"lots\" (from the environment): expected a whole number above 0 per second",
        "DEBUG=\"maybe\" (from the environment): must be true or false; for example false",
        "GEMINI_BASE_URL=\"example.com\" (from the environment): must be an http or https URL",
    ] {
        assert!(message.contains(line), "{line} is not in:\n{message}");
    }
    assert_eq!(message.lines().count(), 6, "{message}");
}

#[test]
fn bad_values_of_every_kind_are_refused() {
    for (variable, bad) in [
        ("SERVER", "nginx"),
        ("HOST", "example.com"),
        ("PORT", "-1"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "1000000"),
        ("REQUEST_TIMEOUT", "0"),
        ("REQUEST_TIMEOUT", "NaN"),
        ("REQUEST_TIMEOUT", "1e300"),
        ("SHUTDOWN_GRACE", "-1"),
        ("LLM_TIMEOUT", "1.5"),
        ("MAX_BODY_SIZE", "0"),
        ("MAX_BODY_SIZE", "1MB"),
        ("RATE_LIMIT_DEFAULT", "0/minute"),
        ("RATE_LIMIT_DEFAULT", "5/fortnight"),
        ("TRUSTED_HOSTS", "https://a.example"),
        ("TRUSTED_HOSTS", "a.example:80"),
        ("TRUSTED_HOSTS", "a,*b"),
        ("TRUSTED_HOSTS", "*."),
        ("CORS_ALLOWED_ORIGINS", "app.example.com"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/"),
        ("CORS_ALLOWED_METHODS", "GET POST"),
        ("HTTP_POOL_MAX", "0"),
        ("MODEL_CONFIG", "{\"demo\": {\"temprature\": 1}}"),
        ("MODEL_CONFIG", "{\"openai/nobody\": {}}"),
        ("MODEL_CONFIG", "{\"demo\": {\"extra\": {\"gemini\": {\"cachedContent\": 1}}}}"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/40"),
        ("HSTS_MAX_AGE", "forever"),
        ("GZIP_MIN_SIZE", "1kB"),
        ("CACHE_TTL", "0"),
        ("CACHE_MAX_SIZE", "0"),
        ("CB_FAILURE_THRESHOLD", "0"),
        ("CB_HALF_OPEN_MAX", "-1"),
        ("STREAM_JOIN", "nobody_s_flow"),
        ("METRICS_PORT", "0"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("RUST_LOG", "a=b=c"),
        ("MODEL", "two words"),
        ("OLLAMA_BASE_URL", "http://"),
    ] {
        let message = fault(&[], &[(variable, bad)]);
        assert!(message.contains(&format!("\n  {variable}={bad:?} (from the environment)")), "{message}");
    }
}

#[test]
fn only_streams_can_be_joined() {
    for flow in api::FLOWS {
        let joined = load(&[], &[("STREAM_JOIN", flow.name)]);
        assert_eq!(joined.is_ok(), flow.streamed.is_some(), "{}", flow.name);
    }
}

#[test]
fn secrets_are_shown_neither_by_debug_nor_by_a_fault() {
    let secrets: Vec<_> = all().filter(Setting::is_secret).map(|it| it.name()).collect();
    let value = |name: &str| match name {
        "API_KEYS" => HASH,
        // eject: redis
        "REDIS_URL" if cfg!(feature = "redis") => "redis://user:hush@127.0.0.1",
        "REDIS_URL" => "",
        // eject: end
        // eject: telemetry
        "OTEL_EXPORTER_OTLP_HEADERS" => "api-key=hush-hush",
        // eject: end
        // eject: sentry
        "SENTRY_DSN" if cfg!(feature = "sentry") => "https://hush@127.0.0.1/1",
        // A blank counts as not given, too.
        "SENTRY_DSN" => " ",
        // eject: end
        _ => "hush-hush",
    };
    let environment: Vec<_> = secrets.iter().map(|name| (name.as_str(), value(name))).collect();
    assert!(environment.len() >= 4);
    let good = settings(&[], &environment);
    assert_eq!(good.model.gemini_api_key.as_ref().unwrap().expose_secret(), "hush-hush");
    let shown = format!("{good:?} {good:#?}").to_lowercase();
    assert!(!shown.contains("hush") && !shown.contains("5f2b") && !shown.contains("95, 43"), "{shown}");

    let environment: Vec<_> = secrets.iter().map(|name| (name.as_str(), "hush hush")).collect();
    let error = load(&[], &environment).unwrap_err();
    assert_eq!(error.to_string().lines().count(), environment.len() + 1, "{error}");
    assert!(!format!("{error} {error:?}").contains("hush"), "{error}");

    for url in ["https://user:hush@example.com", "https://example.com/v1?key=hush"] {
        let message = fault(&[], &[("GEMINI_BASE_URL", url)]);
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn api_keys_are_hashes_by_commas_so_that_they_can_be_rotated() {
    let (old, new) = ("0".repeat(62) + "Ff", "1f".repeat(32));
    let mut first = [0; 32];
    first[31] = 255;
    let keys = settings(&[], &[("API_KEYS", &format!("{old}, {new},"))]).edge.api_keys;
    assert_eq!(keys, Some(ApiKeys::new([first, [0x1f; 32]])));
    for bad in ["my-key", &HASH[1..], &format!("{HASH}0"), &HASH.replace('f', "g"), &HASH.replace('f', "+")] {
        assert!(fault(&[], &[("API_KEYS", bad)]).contains("64 hexadecimal digits"), "{bad}");
    }
}

#[test]
fn a_secret_loses_the_newline_its_file_ended_in() {
    let settings = settings(&[], &[("OPENAI_API_KEY", "sk-1\n")]);
    assert_eq!(settings.model.openai_api_key.unwrap().expose_secret(), "sk-1");
}

#[test]
fn a_gemini_key_makes_gemini_the_model_unless_another_is_asked_for() {
    let key = ("GEMINI_API_KEY", "k");
    assert_eq!(settings(&[], &[key]).model.name(), "googleai/gemini-flash-latest");
    assert_eq!(settings(&["--model", "demo"], &[key]).model.name(), "demo");
}

#[test]
fn models_by_commas_are_asked_in_their_order() {
    let keys = [("GEMINI_API_KEY", "k"), ("OPENAI_API_KEY", "k")];
    let list = ("MODEL", "googleai/a, openai/b");
    let model = settings(&[], &[keys[0], keys[1], list]).model;
    assert_eq!(
        (model.name(), model.names().collect::<Vec<_>>()),
        ("googleai/a", vec!["googleai/a", "openai/b"])
    );
    assert!(fault(&[], &[keys[0], list]).contains("needs OPENAI_API_KEY"), "the second lacks its key");
    assert!(fault(&[], &[keys[0], ("MODEL", "googleai/a,demo")]).contains("stand in unnoticed"));
}

#[test]
fn the_platform_is_trusted_where_it_says_that_it_is_one() {
    let proxies = |environment: &[(&str, &str)]| settings(&[], environment).edge.trusted_proxies;
    let platform = [TrustedProxy::Platform];
    assert_eq!(proxies(&[("K_SERVICE", "flows")]), platform);
    let own = ("TRUSTED_PROXIES", "10.0.0.0/8");
    assert_eq!(proxies(&[("K_SERVICE", "flows"), own]), proxies(&[own]));
    assert_ne!(proxies(&[own]), platform);
}

#[test]
fn only_a_demo_model_nobody_asked_for_is_an_accident() {
    assert!(settings(&[], &[]).demo_by_accident());
    assert!(settings(&[], &[("OPENAI_API_KEY", "k")]).demo_by_accident());
    for (args, environment) in [
        (&["--model", "demo"][..], &[][..]),
        (&["--debug"], &[]),
        (&[], &[("GENKIT_ENV", "dev")]),
        (&[], &[("GEMINI_API_KEY", "k")]),
    ] {
        assert!(!settings(args, environment).demo_by_accident(), "{args:?} {environment:?}");
    }
}

// eject: grpc
#[test]
fn a_shared_port_is_on_our_listener() {
    assert_eq!(settings(&["--single-port"], &[]).server.server, ServerKind::Hyper);
    assert_eq!(
        settings(&["--single-port", "--server", "hyper", "--no-grpc"], &[]).server.server,
        ServerKind::Hyper
    );
    let message = fault(&["--single-port"], &[("SERVER", "native")]);
    assert!(message.contains("SERVER=\"native\" (from the environment): cannot serve"), "{message}");
}

// eject: end
#[test]
fn the_edge_gets_what_was_set() {
    let settings = settings(
        &["--debug", "--rate-limit", "5/hour"],
        &[("CORS_ALLOWED_ORIGINS", "https://App.example.com:443, http://localhost:3000")],
    );
    let edge = settings.edge_config();
    assert_eq!(edge.cors.origins, ["https://app.example.com", "http://localhost:3000"]);
    assert_eq!((edge.rate_limit.unwrap().per.as_secs(), edge.debug), (3600, true));
    assert_eq!(edge.model_header.as_deref(), Some("demo"));
}

#[test]
fn rust_log_wins_over_log_level_but_not_over_the_flag() {
    let rust_log = ("RUST_LOG", "warn,flow_edge=trace");
    let directives = LogFilter::Directives(rust_log.1.to_owned());
    assert_eq!(settings(&[], &[rust_log, ("LOG_LEVEL", "debug")]).log.filter, directives);
    assert_eq!(
        settings(&["--log-level", "DEBUG"], &[rust_log]).log.filter,
        LogFilter::Level(LevelFilter::DEBUG)
    );
}

#[test]
fn a_model_without_its_key_is_named_with_all_other_faults() {
    let Err(SettingsError::Invalid(faults)) = load(&[], &[("MODEL", "anthropic/claude"), ("PORT", "x")])
    else {
        panic!("accepted")
    };
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|it| it.contains("MODEL") && it.contains("needs ANTHROPIC_API_KEY")), "{told:?}");
    assert!(told.iter().any(|it| it.contains("PORT")), "{told:?}");
    let gemini = ("GEMINI_API_KEY", "hush");
    for bad in ["nobody/knows", "googleai/", "googleai/a b", "googleai/../x", "demo/x", "ollama/a,ollama/a"] {
        assert!(load(&[], &[gemini, ("MODEL", bad)]).is_err(), "{bad}");
    }
    let vertex = [("GOOGLE_CLOUD_PROJECT", "p"), ("VERTEX_ACCESS_TOKEN", "t"), ("MODEL", "vertexai/claude")];
    assert!(load(&[], &vertex).is_err());
    assert!(load(&[], &[("MODEL", "openai/own"), ("OPENAI_BASE_URL", "http://localhost:1")]).is_ok());
}

// eject: redis
#[test]
fn an_address_of_redis_is_refused_where_it_is_none_and_where_nobody_could_use_it() {
    for bad in ["redis://host:port", "rediss://host#insecure", "redis://", "unix:///tmp/x"] {
        assert!(
            fault(&[], &[("REDIS_URL", bad)]).contains("\n  REDIS_URL (from the environment): "),
            "{bad}"
        );
    }
    let good = load(&[], &[("REDIS_URL", "redis://127.0.0.1")]);
    assert_eq!(good.is_ok(), cfg!(feature = "redis"));
    if let Err(error) = good {
        assert!(error.to_string().ends_with("this program was built without the feature `redis`"), "{error}");
    }
}

// eject: end
#[test]
fn values_keep_the_forms_people_write() {
    let settings = settings(
        &["--host", "localhost", "--log-format", "json", "--request-timeout", "0.5"],
        &[
            ("TRUSTED_HOSTS", "API.example.com,*.example.org,[::1],*"),
            ("OLLAMA_BASE_URL", "http://gpu:11434/"),
        ],
    );
    assert!(settings.server.host.is_loopback());
    assert_eq!(settings.log.format, Some(LogFormat::Json));
    assert_eq!(settings.edge.request_timeout, Duration::from_millis(500));
    assert_eq!(settings.edge.trusted_hosts, ["api.example.com", "*.example.org", "[::1]", "*"]);
    assert_eq!(settings.model.ollama_base_url, "http://gpu:11434");
}
