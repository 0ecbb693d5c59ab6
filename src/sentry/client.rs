//! Sentry's client: a bounded queue, and a thread that sends what is in it.

use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use flow_edge::edge::EdgeConfig;
use secrecy::ExposeSecret as _;
use sentry::transports::ReqwestHttpTransportOptions;
use sentry::{Client, ClientOptions, Hub, TransportOptions};

use super::teller::Teller;
use crate::adapters;
use crate::settings::Settings;

/// How many events may wait. More than that are the same failure many times.
const QUEUE: usize = 64;

/// How long one event may be under way.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of the process waits for the last events.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// Keeps events going; dropped, it lets the last of them be sent.
#[derive(Debug)]
pub struct Guard {
    client: Arc<Client>,
    closing: Option<(Instant, Receiver<()>)>,
}

impl Guard {
    /// Begins to send the last events, and waits for nothing yet. What comes later is told to nobody.
    pub fn close(&mut self) {
        let (sent, is_sent) = mpsc::channel();
        let client = self.client.clone();
        // The library waits for more than it says: for a place in its queue, and for its thread.
        let closing = thread::Builder::new().name("sentry-end".to_owned()).spawn(move || {
            client.close(Some(LAST_EVENTS));
            let _ = sent.send(());
        });
        self.closing = closing.is_ok().then(|| (Instant::now() + LAST_EVENTS, is_sent));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.closing.is_none() {
            self.close();
        }
        if let Some((deadline, is_sent)) = self.closing.take() {
            let _ = is_sent.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

/// Tells of panics from now on, if there is an address.
pub fn start(settings: &Settings) -> anyhow::Result<Option<Guard>> {
    // eject: telemetry
    if settings.telemetry.no_telemetry {
        return Ok(None);
    }
    // eject: end
    let set = &settings.sentry;
    let Some(dsn) = &set.dsn else { return Ok(None) };
    let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().context("SENTRY_DSN")?;
    let mut options = ClientOptions::new().default_integrations(false).transport_channel_capacity(QUEUE);
    options.dsn = Some(dsn.expose_secret().parse().context("SENTRY_DSN")?);
    options.environment = set.environment.clone().map(Into::into);
    let release = || concat!(env!("CARGO_PKG_NAME"), "@", env!("CARGO_PKG_VERSION")).to_owned();
    options.release = Some(set.release.clone().unwrap_or_else(release).into());
    let transport = TransportOptions::try_from_client_options(&options).context("SENTRY_DSN")?;
    let transport = ReqwestHttpTransportOptions::from(transport).with_client(http).build();
    let client = Arc::new(Client::with_options(options.transport(Arc::new(transport))));
    Hub::main().bind_client(Some(client.clone()));

    let (teller, debug) = (teller(settings, client.clone()), settings.debug);
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        others(info);
        teller.panicked(info, debug);
    }));
    Ok(Some(Guard { client, closing: None }))
}

/// Tells of requests that fail from now on, if there is an address.
pub fn join(settings: &Settings, mut edge: EdgeConfig) -> EdgeConfig {
    if let Some(client) = Hub::main().client() {
        edge.observers.push(Arc::new(teller(settings, client)));
    }
    edge
}

fn teller(settings: &Settings, client: Arc<Client>) -> Teller {
    let asked_for = settings.server.framework.clone();
    let framework = asked_for.or_else(|| Some(adapters::select(None)?.name.to_owned()));
    Teller { client, framework }
}
