//! The model behind the server, and the faults it has when a prompt says so.

use std::time::Duration;

use fake_gemini::{FakeGemini, Fault, Finish, Matcher, Reply};

/// Part of every prompt; must not come back in a log.
pub const PROMPT: &str = "SOAK-PROMPT";

/// The provider's key; must not come back in a log either.
pub const KEY: &str = "SOAK-SECRET-GEMINI-KEY";

/// The prompt of a model that says nothing, not even a head.
pub const SILENCE: &str = "soak-silence";

/// The prompt of a stream that goes silent after a chunk.
pub const GOES_SILENT: &str = "soak-goes-silent";

/// The prompt of a stream long enough to be left in its middle.
pub const SLOW: &str = "soak-slow";

/// A fault that a prompt asks for, and the status of what the server makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// What the prompt says.
    pub marker: &'static str,
    /// The status of the answer, or of the frame that ends the stream.
    pub status: u16,
}

const fn asked(marker: &'static str, status: u16) -> Asked {
    Asked { marker, status }
}

/// Faults before anything came: the answer, streamed or not, has a true status.
pub const AT_ONCE: [Asked; 8] = [
    asked("soak-fault-500", 502),
    asked("soak-fault-503", 502),
    asked("soak-fault-429", 503),
    asked("soak-fault-html", 502),
    asked("soak-fault-json", 502),
    asked("soak-fault-cut-at-once", 502),
    asked("soak-fault-blocked", 422),
    asked("soak-fault-safety", 422),
];

/// Faults after the first chunk: a stream begins with 200 and ends with an error.
pub const MIDWAY: [Asked; 3] = [
    asked("soak-fault-cut-midway", 502),
    asked("soak-fault-ends-early", 502),
    asked("soak-fault-midway", 502),
];

/// Starts the model. It keeps no record: a long run would fill the memory.
pub async fn start() -> FakeGemini {
    let fake = FakeGemini::builder().key(KEY).lenient().keep(0).start().await;
    let on = |text: &str, reply: Reply| fake.on(Matcher::prompt(text), reply);
    // The first chunk has a sentence in it, so that also a story, which is told in sentences, begins.
    let begun = || Reply::chunks(["Once. Then", " came the end."]);
    on("soak-fault-500", Fault::internal().into());
    on("soak-fault-503", Fault::unavailable().into());
    on("soak-fault-429", Fault::resource_exhausted(Duration::from_secs(7)).into());
    on("soak-fault-html", Reply::html());
    on("soak-fault-json", Reply::malformed_json());
    on("soak-fault-cut-at-once", begun().cut_after(0));
    on("soak-fault-blocked", Reply::blocked("PROHIBITED_CONTENT"));
    on("soak-fault-safety", Reply::nothing(Finish::Safety));
    on("soak-fault-cut-midway", begun().cut_after(1));
    on("soak-fault-ends-early", begun().end_after(1));
    on("soak-fault-midway", begun().error_after(1, Fault::internal()));
    on(SILENCE, Reply::silence());
    on(GOES_SILENT, begun().silent_after(1));
    on(SLOW, Reply::chunks(["A word. And"; 40]).chunk_delay(Duration::from_millis(25)));
    fake
}
