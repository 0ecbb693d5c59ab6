//! What only cargo can do once the tree is written.

use std::process::{Command, Stdio};

/// Lets cargo drop from Cargo.lock what nobody needs any more, and format what has moved.
pub fn mend() {
    // Without the network first: a machine that has built the project has all it takes.
    let metadata = ["metadata", "--format-version", "1", "--quiet"];
    let locked = cargo(&[&metadata[..], &["--offline"]].concat()) || cargo(&metadata);
    if !locked {
        println!("Cargo.lock could not be brought up to date; `cargo metadata` says why.");
    }
    if !cargo(&["fmt", "--all"]) {
        println!("The code could not be formatted; `cargo fmt --all` says why.");
    }
}

fn cargo(arguments: &[&str]) -> bool {
    let mut command = Command::new("cargo");
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}
