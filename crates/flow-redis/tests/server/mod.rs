//! A real Redis of a test's own.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flow_redis::{RedisSettings, RedisStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// A `redis-server` on a free port, killed when this is dropped.
pub struct Server {
    pub port: u16,
    options: Vec<String>,
    child: Child,
    folder: TempDir,
}

impl Server {
    /// `None`, said aloud, where there is no `redis-server`. With `REQUIRE_REDIS=1` that is a failure.
    pub async fn start() -> Option<Self> {
        Self::start_with(free_port(), &[]).await
    }

    pub async fn start_with(port: u16, options: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        let child = match spawn(port, &options, &folder) {
            Ok(child) => child,
            Err(error) => {
                #[expect(clippy::disallowed_methods, reason = "CI says here that it has one")]
                let required = std::env::var_os("REQUIRE_REDIS").is_some_and(|it| it == "1");
                assert!(!required, "REQUIRE_REDIS is set, and redis-server does not start: {error}");
                // Past the harness, which shows what passing tests print to nobody.
                let test = std::thread::current().name().unwrap_or_default().to_owned();
                let _ = writeln!(std::io::stdout(), "SKIPPED {test}: no redis-server here ({error})");
                return None;
            }
        };
        let server = Self { port, options, child, folder };
        server.listening().await;
        Some(server)
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// As `kill -9` does. What it knew is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.options, &self.folder).unwrap();
        self.listening().await;
    }

    async fn listening(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not listen on {}", self.port);
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A store that is up. Its timeout is generous, since this machine has other work: it is for tests of what Redis
    /// answers, not of how fast.
    pub async fn store(&self) -> RedisStore {
        let timeout = Duration::from_secs(5);
        up(RedisSettings { timeout, ..RedisSettings::new(self.url(), "test") }).await
    }

    /// A connection of the test's own.
    pub async fn look(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, options: &[String], folder: &TempDir) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A store with these settings, once it is up.
pub async fn up(settings: RedisSettings) -> RedisStore {
    let store = RedisStore::connect(settings).unwrap();
    until(&store, true, Duration::from_secs(5)).await;
    store
}

/// How long it took the store to be up or down.
pub async fn until(store: &RedisStore, up: bool, patience: Duration) -> Duration {
    let begun = Instant::now();
    while store.is_up() != up {
        assert!(begun.elapsed() < patience, "up is {} after {patience:?}", !up);
        sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}
