//! The `health` command, as a container's check calls it.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::Process;

const PROGRAM: &str = env!("CARGO_BIN_EXE_genkit-endpoints");

/// The exit code and what was said, with a server's settings.
fn health(port: u16, environment: &[(&str, String)]) -> (Option<i32>, String) {
    let output = Command::new(PROGRAM)
        .arg("health")
        .env_clear()
        .env("PORT", port.to_string())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_running_server_is_well_and_a_stopped_one_is_not() {
    let closed = vec![("TRUSTED_HOSTS", "*.example.com".to_owned()), ("API_KEYS", "0".repeat(64))];
    for environment in [vec![("HOST", "0.0.0.0".to_owned())], closed] {
        let server = Process::start(Path::new(PROGRAM), &[], &environment);
        let port = server.address.port();
        assert_eq!(health(port, &environment), (Some(0), String::new()));
        drop(server);
        let (code, why) = health(port, &environment);
        assert_eq!(code, Some(1), "{why}");
        assert!(why.starts_with(&format!("http://127.0.0.1:{port}/health: ")), "{why}");
    }
}

#[test]
fn whoever_does_not_answer_200_in_time_is_not_well() {
    for (answer, told) in [
        (&b"HTTP/1.1 503 Unavailable\r\n"[..], "status 503"),
        (b"hello\n", "no HTTP answer"),
        (b"HTTP/1.1 2", ""),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // The connection stays open, so that the last one waits for the rest of the line.
        let server = std::thread::spawn(move || {
            let mut connection = listener.accept().unwrap().0;
            connection.write_all(answer).unwrap();
            connection
        });
        let started = Instant::now();
        let (code, why) = health(port, &[]);
        assert_eq!(code, Some(1), "{why}");
        assert!(why.contains(told), "{told} is not in {why}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        drop(server.join().unwrap());
    }
}
