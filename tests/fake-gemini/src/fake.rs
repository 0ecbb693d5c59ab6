//! The handle that tests hold: start, script, look.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use crate::builder::Builder;
use crate::record::{Record, Stats};
use crate::reply::Reply;
use crate::request::Request;
use crate::script::{Matcher, Script};
use crate::server::{Shared, accept, listen};

/// A Gemini on loopback.
///
/// Without a script it stands in for a whole model: it calls the first declared function until its result
/// is there, answers a schema with an instance of it, and anything else with prose in a few chunks that
/// quotes the prompt. Requests that Gemini would refuse before a model sees them are refused: see
/// [`Builder::lenient`].
#[derive(Debug)]
pub struct FakeGemini {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Builder {
    /// Starts it; it accepts connections when this returns.
    pub async fn start(self) -> FakeGemini {
        let (ready, started) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("fake-gemini".to_owned());
        let thread = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let record = Arc::new(Record::new(self.keep.unwrap_or(usize::MAX)));
                let listener = listen(self.port).expect("the port of the fake Gemini is free");
                let addr = listener.local_addr().unwrap();
                let shared = Arc::new(Shared { settings: self, script: Script::default(), record });
                ready.send((addr, Arc::clone(&shared))).ok();
                tokio::select! {
                    () = accept(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        let thread = thread.expect("a thread for the fake Gemini");
        let (addr, shared) = started.await.expect("the fake Gemini starts");
        FakeGemini { addr, shared, stop: Some(stop), thread: Some(thread) }
    }
}

impl FakeGemini {
    /// Starts one on a free port of 127.0.0.1 that lets anyone in.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Starts one that differs from the default.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base address for clients, `http://127.0.0.1:PORT/v1beta/`.
    pub fn url(&self) -> String {
        format!("{}/v1beta/", self.origin())
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Replies to the next requests, one each, in order. They come before the standing rules.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        for reply in replies {
            self.shared.script.once(Matcher::any(), reply);
        }
    }

    /// A reply to the next request that matches. A request takes the first of the queue that fits it.
    pub fn once(&self, matcher: impl Into<Matcher>, reply: impl Into<Reply>) {
        self.shared.script.once(matcher.into(), reply.into());
    }

    /// A standing rule: the reply to every request that matches. The newest rule wins.
    pub fn on(&self, matcher: impl Into<Matcher>, reply: impl Into<Reply>) {
        self.shared.script.rule(matcher.into(), reply.into());
    }

    /// The reply to every request that nothing else fits; [`Reply::natural`] unless told.
    pub fn otherwise(&self, reply: impl Into<Reply>) {
        self.shared.script.otherwise(reply.into());
    }

    /// How many replies of the queue have not been used.
    pub fn unused(&self) -> usize {
        self.shared.script.left()
    }

    /// Forgets queue, rules and default. Requests being answered go on.
    pub fn forget_script(&self) {
        self.shared.script.clear();
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.record.requests().clone()
    }

    /// The request with this index; panics if it has not come.
    pub fn request(&self, index: usize) -> Request {
        let requests = self.shared.record.requests();
        requests.get(index).unwrap_or_else(|| panic!("request {index}, but {} came", requests.len())).clone()
    }

    /// The latest request.
    pub fn last(&self) -> Option<Request> {
        self.shared.record.requests().last().cloned()
    }

    /// The JSON bodies, in order.
    pub fn bodies(&self) -> Vec<Value> {
        self.shared.record.requests().iter().map(|request| (*request.body).clone()).collect()
    }

    /// The counts.
    pub fn stats(&self) -> Stats {
        self.shared.record.stats()
    }

    /// Requests being answered now.
    pub fn active(&self) -> usize {
        self.stats().active
    }

    /// Waits until the counts are as wanted, waking only when they change; the last ones seen as the error
    /// when `timeout` passes first. The timeout is real time, even where tokio's is paused.
    pub async fn wait_until(
        &self,
        reached: impl FnMut(&Stats) -> bool,
        timeout: Duration,
    ) -> Result<Stats, Stats> {
        self.shared.record.wait_until(reached, timeout).await
    }

    /// Waits for the request with this index to arrive; panics when `timeout` passes first.
    pub async fn wait_request(&self, index: usize, timeout: Duration) -> Request {
        let arrived = self.wait_until(|stats| stats.received > index, timeout).await;
        arrived.unwrap_or_else(|stats| panic!("request {index} within {timeout:?}: {stats:?}"));
        self.request(index)
    }
}

/// Ends the server, its connections and its thread.
impl Drop for FakeGemini {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
