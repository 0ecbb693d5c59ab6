//! The fake Gemini as a process, for scripts and soak tests: `fake-gemini [--port N] [--chunk-delay-ms N]`.
//! The first line it prints is its URL. It runs until it is killed.

#![allow(clippy::expect_used, clippy::panic, reason = "a test double fails loudly")]
#![allow(clippy::print_stdout, reason = "the first line on stdout is how a script learns the port")]

use std::time::Duration;

use fake_gemini::FakeGemini;

fn main() {
    let mut builder = FakeGemini::builder().keep(0);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().unwrap_or_else(|| panic!("{flag} needs a number"));
        let value = value.parse::<u16>().unwrap_or_else(|error| panic!("{flag} {value}: {error}"));
        builder = match flag.as_str() {
            "--port" => builder.port(value),
            "--chunk-delay-ms" => builder.chunk_delay(Duration::from_millis(value.into())),
            _ => panic!("{flag}? There are --port and --chunk-delay-ms."),
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let fake = runtime.block_on(builder.start());
    println!("{}", fake.url());
    loop {
        std::thread::park();
    }
}
