//! The conformance suite: every case of the contract on every compiled adapter, on both listeners, over
//! HTTP/1.1 and where it can be said there over h2c. One snapshot per case for all of them.
//!
//! It is black box: real servers on port 0, real sockets, and a fake Gemini that speaks the true wire format.
//! `cargo insta accept` takes changed snapshots over; `INSTA_UPDATE=always cargo test -p conformance --all-features
//! --test contract` too.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test, which tells what it did"
)]

mod cases;
mod client;
mod fixture;
mod leaks;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use cases::Case;
use fixture::Fixture;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let logs = leaks::capture_logs();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let fixture = Arc::new(runtime.block_on(Fixture::new()));
    let cases = cases::all();
    let listed = arguments.list;
    if !listed {
        println!(
            "\ncontract: {} cases on {} combinations: {}",
            cases.len(),
            conformance::routes::combinations().len(),
            fixture
        );
    }
    let handle = runtime.handle().clone();
    let trials = cases.into_iter().map(|case| {
        let (fixture, handle) = (fixture.clone(), handle.clone());
        Trial::test(case.name, move || handle.block_on(agree(&fixture, &case)).map_err(Into::into))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if conclusion.has_failed() {
        return ExitCode::from(101);
    }
    let exchanges = fixture.exchanges();
    // A filter may have left none.
    if exchanges > 0 {
        println!("contract: {exchanges} exchanges, each reply identical but for request_id and HTTP framing");
        if let Err(leak) = leaks::check(&logs) {
            println!("contract: {leak}");
            return ExitCode::from(101);
        }
        println!("contract: no key, prompt or upstream body in any reply or log line\n");
    }
    ExitCode::SUCCESS
}

/// All combinations give the same reply, and it is the one in the snapshot.
async fn agree(fixture: &Fixture, case: &Case) -> Result<(), String> {
    let mut agreed: Option<(String, String)> = None;
    for (who, reply) in fixture.ask_all(case).await? {
        if let Some(leak) = leaks::find(&reply) {
            return Err(format!("{who}: the reply holds {leak}:\n{reply}"));
        }
        match &agreed {
            None => agreed = Some((who, reply)),
            Some((_, first)) if *first == reply => {}
            Some((first_who, first)) => {
                return Err(format!("{first_who} says:\n{first}\n\nbut {who} says:\n{reply}"));
            }
        }
    }
    let (_, reply) = agreed.ok_or("no combination answered")?;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(case.name, reply));
    Ok(())
}
