//! Dotenv files and priorities.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A directory of its own for each test.
struct Dir(PathBuf);

impl Dir {
    fn with(files: &[(&str, &[u8])]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("settings-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&dir.0).unwrap();
        for (name, text) in files {
            fs::write(dir.0.join(name), text).unwrap();
        }
        dir
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn flag_wins_over_environment_over_named_file_over_env_file_over_default() {
    let dir = Dir::with(&[
        (".env", b"PORT=1\nHOST=127.0.0.2\nMODEL=ollama/base\nLOG_LEVEL=error\n"),
        (".staging.env", b"PORT=2\nHOST=127.0.0.3\nMODEL=ollama/staging\n"),
    ]);
    let args = ["--env", "staging", "--port", "4"];
    let settings = serve(load_in(&dir.0, &args, &[("PORT", "3"), ("HOST", "127.0.0.4")]));
    assert_eq!(settings.server.address(), SocketAddr::from(([127, 0, 0, 4], 4)));
    assert_eq!(settings.model.name(), "ollama/staging");
    assert_eq!(settings.log.filter, LogFilter::Level(LevelFilter::ERROR));
    assert_eq!(settings.server.keep_alive.as_secs(), 75);
    assert_eq!(settings.env.as_deref(), Some("staging"));
}

#[test]
fn without_env_only_the_plain_file_is_read() {
    let dir = Dir::with(&[(".env", b"PORT=1\n"), (".staging.env", b"PORT=2\n")]);
    assert_eq!(serve(load_in(&dir.0, &[], &[])).server.port, 1);
}

#[test]
fn an_empty_value_in_a_winning_file_lets_the_next_one_speak() {
    let dir = Dir::with(&[(".env", b"PORT=1\n"), (".staging.env", b"PORT=\n")]);
    assert_eq!(serve(load_in(&dir.0, &["--env", "staging"], &[])).server.port, 1);
}

#[test]
fn rust_log_from_a_lower_place_does_not_win() {
    let dir = Dir::with(&[(".env", b"RUST_LOG=trace\n")]);
    let settings = serve(load_in(&dir.0, &[], &[("LOG_LEVEL", "warn")]));
    assert_eq!(settings.log.filter, LogFilter::Level(LevelFilter::WARN));
    let settings = serve(load_in(&dir.0, &[], &[]));
    assert_eq!(settings.log.filter, LogFilter::Directives("trace".to_owned()));
}

#[test]
fn an_explicit_env_whose_file_is_missing_is_a_fault_beside_the_others() {
    let dir = Dir::with(&[]);
    let message = message(load_in(&dir.0, &["--env", "staging"], &[("PORT", "x")]));
    assert!(message.contains(".staging.env (from --env staging): there is no such file in"), "{message}");
    assert!(message.contains("PORT=\"x\""), "{message}");
}

#[test]
fn an_env_name_cannot_leave_the_directory() {
    for bad in ["../prod", "a/b", ".hidden", "a b"] {
        let message = fault(&["--env", bad], &[]);
        assert!(message.contains(&format!("--env={bad:?} (from --env): must be letters")), "{message}");
    }
}

#[test]
fn a_bad_value_is_reported_with_its_file_and_line() {
    let dir = Dir::with(&[(".env", b"# one\n\nHOST=\"127.0.0.1\" # fine\nMODEL='a\nb'\nexport PORT=x\n")]);
    let message = message(load_in(&dir.0, &[], &[]));
    assert!(message.contains("PORT=\"x\" (from .env:6)"), "{message}");
    assert!(message.contains("MODEL=\"a\\nb\" (from .env:5)"), "{message}");
}

#[test]
fn malformed_lines_are_reported_by_number_and_never_quoted() {
    let dir = Dir::with(&[(".env", b"PORT=1\nhush hush\n\nKEY=hush hush\nOPEN='hush\nhush\n")]);
    let error = load_in(&dir.0, &[], &[]).unwrap_err();
    let message = format!("{error} {error:?}");
    for line in [".env (.env:2)", ".env (.env:4)", ".env (.env:5)"] {
        assert!(message.contains(line), "{line} is not in:\n{message}");
    }
    assert!(!message.contains("hush"), "{message}");
}

#[test]
fn a_file_that_is_not_text_is_a_fault_and_not_a_crash() {
    let dir = Dir::with(&[(".env", b"PORT=1\nMODEL=\xff\xfe\n")]);
    let message = message(load_in(&dir.0, &[], &[]));
    assert!(message.contains(".env (.env:2): is not UTF-8 text"), "{message}");
}

#[test]
fn a_directory_in_the_place_of_a_file_is_one_fault() {
    let dir = Dir::with(&[]);
    fs::create_dir(dir.0.join(".staging.env")).unwrap();
    let message = message(load_in(&dir.0, &["--env", "staging"], &[]));
    assert_eq!(message.lines().count(), 2, "{message}");
    assert!(message.contains(".staging.env (file): cannot be read"), "{message}");
}

#[test]
fn byte_order_marks_carriage_returns_and_missing_final_newlines_are_harmless() {
    let dir = Dir::with(&[(".env", b"\xEF\xBB\xBFPORT=1\r\nHOST=127.0.0.9\r\nMODEL=demo  ")]);
    let settings = serve(load_in(&dir.0, &[], &[]));
    assert_eq!(settings.server.address(), SocketAddr::from(([127, 0, 0, 9], 1)));
    assert_eq!(settings.model.models, ["demo"]);
}

#[test]
fn the_last_of_two_equal_keys_wins_and_long_lines_are_counted_once() {
    let long = "x".repeat(20_000);
    let text = format!("PORT=1\nOTHER={long}\nPORT=y\n");
    let dir = Dir::with(&[(".env", text.as_bytes())]);
    assert!(message(load_in(&dir.0, &[], &[])).contains("(from .env:3)"));
}

#[test]
fn reading_a_file_leaves_the_process_environment_alone() {
    let dir = Dir::with(&[(".env", b"SETTINGS_TEST_MARKER=1\n")]);
    serve(load_in(&dir.0, &[], &[]));
    #[expect(clippy::disallowed_methods, reason = "only to see that it is unset")]
    let marker = std::env::var_os("SETTINGS_TEST_MARKER");
    assert_eq!(marker, None);
}
