//! What a panic leaves behind.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};

/// Makes a panic an ordinary event, so that it carries the request's id, stays on one line, and waits for nobody, as
/// the usual report on standard error would. Its payload may quote user data and is shown in debug only, as is the
/// stack where `RUST_BACKTRACE` asks for it.
pub fn log_panics(debug: bool) {
    panic::set_hook(Box::new(move |info| log_panic(info, debug)));
}

fn log_panic(info: &PanicHookInfo<'_>, debug: bool) {
    let location = info.location().map(tracing::field::display);
    let payload = info.payload_as_str().filter(|_| debug);
    let thread = std::thread::current();
    let stack = debug.then(Backtrace::capture).filter(|it| it.status() == BacktraceStatus::Captured);
    let stack = stack.as_ref().map(tracing::field::display);
    tracing::error!(location, payload, thread = thread.name(), stack, "panicked");
}
