//! The log when nobody reads it, or nothing can be written: requests are answered and the process ends all the same.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use conformance::PANIC;
use conformance::routes::COMPILED_IN;
use fake_gemini::{FakeGemini, Reply};
use futures_util::future::try_join_all;
use reqwest::Client;
use serde_json::Value;

/// Given to the servers; they must end a second after it at the latest.
const GRACE: Duration = Duration::from_secs(2);

/// As many requests as make more lines than a pipe and the log's queue hold.
const REQUESTS: usize = 10_000;

const SOON: Duration = Duration::from_secs(10);

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// The program, its standard output wherever the test likes.
struct Server {
    child: Child,
    address: SocketAddr,
    /// Requests that came while it started, each of them a line.
    greetings: usize,
}

impl Server {
    async fn start(framework: &str, stdout: impl Fn() -> Stdio, more: &[(&str, &str)]) -> Self {
        Self::start_with(framework, stdout, Stdio::inherit, more).await
    }

    async fn start_with(
        framework: &str,
        stdout: impl Fn() -> Stdio,
        stderr: impl Fn() -> Stdio,
        more: &[(&str, &str)],
    ) -> Self {
        // Somebody else may take a port between the look and the start.
        for _ in 0..5 {
            if let Some(server) = Self::try_start(framework, stdout(), stderr(), more).await {
                return server;
            }
        }
        panic!("{framework} does not start");
    }

    async fn try_start(framework: &str, stdout: Stdio, stderr: Stdio, more: &[(&str, &str)]) -> Option<Self> {
        // Nothing tells which port it has chosen when its log cannot be read.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_test-server"))
            .args(["--framework", framework, "--log-format", "json"])
            .env_clear()
            .envs([("MODEL", "demo"), ("WEB_CONCURRENCY", "2")])
            .env("NO_GRPC", "true") // eject: grpc
            .envs([("PORT", address.port().to_string()), ("SHUTDOWN_GRACE", GRACE.as_secs().to_string())])
            .envs(more.iter().copied())
            .current_dir(std::env::temp_dir())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut server = Self { child, address, greetings: 0 };
        let client = client();
        let began = Instant::now();
        while server.health(&client).await.is_err() {
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(began.elapsed() < SOON, "{framework} does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.greetings += 1;
        Some(server)
    }

    async fn health(&self, client: &Client) -> reqwest::Result<()> {
        client.get(format!("http://{}/health", self.address)).send().await?.error_for_status().map(drop)
    }

    async fn answers(&self, requests: usize) {
        const AT_ONCE: usize = 10;
        let client = client();
        for nth in (0..requests).step_by(AT_ONCE) {
            let some = (nth..requests.min(nth + AT_ONCE)).map(|_| self.health(&client));
            let answers = try_join_all(some).await;
            assert!(answers.is_ok(), "request {nth} with a log that nobody reads: {answers:?}");
        }
    }

    /// Reads the log; lines that do not come soon are the end of it.
    fn lines(&mut self) -> impl Iterator<Item = Value> + use<> {
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|it| sender.send(it)));
        std::iter::from_fn(move || receiver.recv_timeout(SOON).ok())
            .map(|it| serde_json::from_str(&it).expect(&it))
    }

    /// Sends SIGTERM and waits until it has ended.
    fn end(&mut self) -> ExitStatus {
        let told = Instant::now();
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                println!("ended after {:?}", told.elapsed());
                return status;
            }
            assert!(told.elapsed() < GRACE + Duration::from_secs(1), "SIGTERM does not end it");
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(SOON).build().unwrap()
}

fn is_loss(line: &Value) -> bool {
    line["message"] == "log lines were lost"
}

#[tokio::test]
async fn requests_are_answered_while_nobody_reads_and_what_is_lost_is_counted() {
    for adapter in COMPILED_IN {
        let mut server = Server::start(adapter.name, Stdio::piped, &[("LOG_LEVEL", "debug")]).await;
        server.answers(REQUESTS).await;

        let mut lines = server.lines();
        let mut read = Vec::new();
        while !read.last().is_some_and(is_loss) {
            read.push(lines.next().expect("a line tells what is lost"));
        }
        assert_eq!(read.last().unwrap()["level"], "WARN");
        server.answers(1).await;
        assert_eq!(server.end().code(), Some(0), "{}", adapter.name);
        read.extend(lines);

        let lost: u64 = read.iter().filter(|it| is_loss(it)).map(|it| it["lines"].as_u64().unwrap()).sum();
        let answered = read.iter().filter(|it| it["message"] == "answered").count();
        println!("{}: {answered} lines read, {lost} lost", adapter.name);
        assert!(lost > 0, "{}: the queue has no end", adapter.name);
        let all = server.greetings + REQUESTS + 1;
        assert_eq!(answered + usize::try_from(lost).unwrap(), all, "{}: every line is counted", adapter.name);
        assert_eq!(read.last().unwrap()["message"], "stopped", "{}: it flows to the end", adapter.name);
    }
}

#[tokio::test]
async fn a_pipe_that_nobody_ever_reads_does_not_hold_the_end() {
    for adapter in COMPILED_IN {
        // A pipe full to the brim, and then a queue as well.
        for requests in [600, REQUESTS] {
            let mut server = Server::start(adapter.name, Stdio::piped, &[]).await;
            server.answers(requests).await;
            assert_eq!(server.end().code(), Some(0), "{} after {requests}", adapter.name);
        }
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_and_a_full_disk_change_nothing() {
    for adapter in COMPILED_IN {
        let mut server = Server::start(adapter.name, full, &[]).await;
        server.answers(600).await;
        assert_eq!(server.end().code(), Some(0), "{}", adapter.name);

        let mut server = Server::start(adapter.name, Stdio::piped, &[]).await;
        drop(server.child.stdout.take());
        server.answers(600).await;
        assert_eq!(server.end().code(), Some(0), "{}", adapter.name);
    }
}

/// Panics are the only thing a Rust program tells standard error of its own accord.
#[tokio::test]
async fn a_standard_error_that_nobody_reads_or_that_is_full_holds_nothing_up() {
    // As many as a pipe has no room for.
    const PANICS: usize = 1000;
    for adapter in COMPILED_IN {
        for stderr in [Stdio::piped as fn() -> Stdio, full] {
            let environment = [("DEBUG", "true"), ("RATE_LIMIT_DEFAULT", "1000000/second")];
            let mut server = Server::start_with(adapter.name, Stdio::null, stderr, &environment).await;
            let (client, url) = (client(), format!("http://{}/write-note", server.address));
            for nth in 0..PANICS {
                let call = client.post(&url).json(&serde_json::json!({"name": PANIC}));
                let answer = call.send().await;
                assert_eq!(answer.expect("an answer").status(), 500, "{}: call {nth}", adapter.name);
            }
            server.answers(100).await;
            assert_eq!(server.end().code(), Some(0), "{}", adapter.name);
        }
    }
}

/// Even lines that dependencies write at the lowest level hold neither the client's key nor the provider's.
#[tokio::test]
async fn no_secret_is_in_the_log_at_its_lowest_level() {
    const SECRETS: [&str; 2] = ["SECRET-OF-A-CLIENT", "SECRET-OF-THE-PROVIDER"];
    const CLIENT_SHA256: &str = "b7cc7e30d00557614354b9c5a2f23eb322c72d717a3825fe10c7b0ab2ac05125";
    let fake = FakeGemini::builder().lenient().start().await;
    fake.otherwise(Reply::text("Arrr."));
    let environment = [
        ("RUST_LOG", "trace"),
        ("MODEL", "googleai/gemini-3-flash"),
        ("API_KEYS", CLIENT_SHA256),
        ("GEMINI_API_KEY", SECRETS[1]),
        ("GEMINI_BASE_URL", &fake.url()),
    ];
    for adapter in COMPILED_IN {
        let mut server = Server::start(adapter.name, Stdio::piped, &environment).await;
        let url = format!("http://{}/write-note", server.address);
        for client in [client(), Client::builder().no_proxy().http2_prior_knowledge().build().unwrap()] {
            let call = client.post(&url).bearer_auth(SECRETS[0]).json(&serde_json::json!({"name": "Who?"}));
            assert_eq!(call.send().await.unwrap().status(), 200);
        }
        let lines = server.lines();
        assert_eq!(server.end().code(), Some(0));
        let lines: Vec<_> = lines.map(|it| it.to_string()).collect();
        assert!(lines.iter().any(|it| it.contains("TRACE")), "{}: {lines:?}", adapter.name);
        for line in lines {
            assert!(!SECRETS.iter().any(|it| line.contains(it)), "{}: {line}", adapter.name);
        }
    }
}
