//! All servers of a run: every compiled adapter on both listeners, once per set of settings.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::Server;
use conformance::routes::combinations;
use fake_gemini::FakeGemini;
use flate2::read::GzDecoder;
use futures_util::future::join_all;
use tokio::sync::{Mutex, OnceCell};

use crate::cases::{Case, Profile, before, script};
use crate::client::Reply;
use crate::leaks::KEY;

/// The rate where rates are not what a case is about.
const UNLIMITED: &str = "1000000/second";

/// Headers that belong to the framing of a reply, not to the reply.
const FRAMING: [&str; 5] = ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];

type Servers = Arc<OnceCell<Vec<(String, Server)>>>;

/// The servers and the model behind them.
pub struct Fixture {
    fake: FakeGemini,
    servers: Mutex<HashMap<Profile, Servers>>,
    h2: reqwest::Client,
    exchanges: AtomicUsize,
}

impl Fixture {
    pub async fn new() -> Self {
        let fake = FakeGemini::builder().key(KEY).lenient().start().await;
        script(&fake);
        let h2 = reqwest::Client::builder().http2_prior_knowledge().no_proxy().no_gzip();
        let h2 = h2.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { fake, servers: Mutex::default(), h2, exchanges: AtomicUsize::new(0) }
    }

    /// How many requests were answered.
    pub fn exchanges(&self) -> usize {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// Asks every combination, over HTTP/1.1 and h2c. The replies are on one form, with who gave them.
    pub async fn ask_all(&self, case: &Case) -> Result<Vec<(String, String)>, String> {
        let servers = self.servers(case.profile).await;
        let servers = servers.get().ok_or("no servers")?;
        let asked = servers.iter().map(|(who, server)| async move {
            let mut replies = Vec::new();
            let h1 = case.request.send(server.address).await.map_err(|it| format!("{who}: {it}"))?;
            replies.push((format!("{who} over HTTP/1.1"), self.normal(&h1, case)?));
            if let Some(h2) = case.request.send_h2(server.address, &self.h2).await {
                let h2 = h2.map_err(|it| format!("{who}: {it}"))?;
                replies.push((format!("{who} over h2c"), self.normal(&h2, case)?));
            }
            Ok::<_, String>(replies)
        });
        Ok(join_all(asked).await.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The servers of a profile, started when first asked for.
    async fn servers(&self, profile: Profile) -> Servers {
        let servers = self.servers.lock().await.entry(profile).or_default().clone();
        let start = || async {
            let mut environment = vec![
                ("GEMINI_API_KEY", KEY.to_owned()),
                ("GEMINI_BASE_URL", self.fake.url()),
                ("WEB_CONCURRENCY", "1".to_owned()),
                ("RATE_LIMIT_DEFAULT", UNLIMITED.to_owned()),
                // Cases must not depend on each other; cache and circuit have profiles of their own.
                ("CACHE_ENABLED", "false".to_owned()),
                ("CB_ENABLED", "false".to_owned()),
            ];
            for (name, value) in profile.environment() {
                environment.retain(|it| it.0 != name);
                environment.push((name, value.to_owned()));
            }
            let mut started = Vec::new();
            for (adapter, kind) in combinations() {
                let server = Server::rest(adapter, kind, &environment);
                if profile == Profile::Draining {
                    server.drain.start_draining();
                }
                for case in before(profile) {
                    case.request.send(server.address).await.unwrap();
                }
                started.push((format!("{}/{}", adapter.name, kind.as_str()), server));
            }
            started
        };
        servers.get_or_init(start).await;
        servers
    }

    /// A reply without what may differ: its framing and its request id.
    fn normal(&self, reply: &Reply, case: &Case) -> Result<String, String> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let mut headers: Vec<_> =
            reply.headers.iter().filter(|(name, _)| !FRAMING.contains(&name.as_str())).collect();
        headers.sort();
        if let Some(twice) = headers.windows(2).find(|it| it[0].0 == it[1].0) {
            return Err(format!("the header {} comes twice", twice[0].0));
        }
        let header = |name: &str| reply.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        let id = header("x-request-id").ok_or("no x-request-id")?;
        let sent = case.request.headers.iter().find(|it| it.0 == "x-request-id").map(|it| it.1.as_str());
        if header("server").is_some() {
            return Err("a server header".into());
        }
        let mut text = format!("{}\n", reply.status);
        for (name, value) in headers {
            // How much is left depends on the moment, where there is enough.
            let unlimited = name == "ratelimit" && !value.contains("r=0;");
            let value = if unlimited { "\"default\";r=<enough>;t=1" } else { value };
            writeln!(text, "{name}: {value}").unwrap();
        }
        text.push('\n');
        let body = match header("content-encoding") {
            Some("gzip") if !reply.body.is_empty() => {
                let mut body = Vec::new();
                GzDecoder::new(&*reply.body).read_to_end(&mut body).map_err(|it| format!("no gzip: {it}"))?;
                body
            }
            _ => reply.body.clone(),
        };
        text.push_str(&String::from_utf8_lossy(&body));
        if sent != Some(id) {
            if id.len() != 36 || id.as_bytes()[14] != b'4' {
                return Err(format!("the request id {id} is no UUID v4"));
            }
            text = text.replace(id, "<uuid>");
        }
        // How long to wait depends on the moment.
        if let (Profile::Rate | Profile::Order | Profile::Proxied | Profile::Circuit, Some(seconds)) =
            (case.profile, header("retry-after"))
        {
            text = text.replace(&format!("retry-after: {seconds}\n"), "retry-after: <seconds>\n");
            text = text.replace(&format!("\"retry_after\":{seconds}"), "\"retry_after\":<seconds>");
        }
        Ok(text)
    }
}

impl fmt::Display for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            combinations().iter().map(|(it, kind)| format!("{}/{}", it.name, kind.as_str())).collect();
        f.write_str(&names.join(" "))
    }
}
