//! Where a program is started, and what the tools find of it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::Process;
use serde_json::Value;

/// A folder that a program is started in.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("reflection-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        // The tools take the outer one for the root: they do not know Cargo's file.
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(folder.join("package.json"), "{}").unwrap();
        fs::write(folder.join("inner/Cargo.toml"), "").unwrap();
        Self(folder)
    }

    /// Starts the program in a folder below it, with the demo model.
    pub(crate) fn start(&self, environment: &[(&str, &str)]) -> Process {
        let environment = [&[("MODEL", "demo"), ("NO_GRPC", "true")], environment].concat();
        let arguments = ["--framework", "axum", "--server", "hyper"];
        Process::start_in(&self.0.join("inner"), &checks::program(), &arguments, &environment)
    }

    /// The files by which the tools find programs.
    pub(crate) fn found(&self) -> Vec<Value> {
        let Ok(files) = fs::read_dir(self.0.join(".genkit/runtimes")) else { return Vec::new() };
        files.map(|it| serde_json::from_slice(&fs::read(it.unwrap().path()).unwrap()).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until the program says where the tools find it.
pub(crate) fn place(program: &Process) -> String {
    program.find(|line| line["place"].as_str().map(str::to_owned))
}

/// Whether something in it is null, which the tools refuse.
pub(crate) fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}
