//! The file by which the tools find a running program.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde_json::json;

/// The version of the protocol.
pub(crate) const SPEC: u8 = 1;

/// What the tools take for the root of a project. They do not know Rust's.
const MARKERS: [&str; 7] = [
    "package.json",
    "go.mod",
    "pyproject.toml",
    "requirements.txt",
    "pom.xml",
    "build.gradle",
    "pubspec.yaml",
];

/// The file, which goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Discovery(PathBuf);

/// Who can be found.
pub(crate) struct Runtime<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) port: u16,
}

impl Discovery {
    /// Writes the file for a program that was started in this folder. It must answer already.
    pub(crate) fn write(folder: &Path, runtime: &Runtime<'_>) -> io::Result<Self> {
        let now = SystemTime::now();
        let pid = std::process::id();
        let about = json!({
            "id": runtime.id,
            "pid": pid,
            "name": runtime.name,
            "reflectionServerUrl": runtime.url,
            "timestamp": humantime::format_rfc3339_millis(now).to_string(),
            "genkitVersion": crate::VERSION,
            "reflectionApiSpecVersion": SPEC,
        });
        let tools = root(folder).join(".genkit");
        let runtimes = tools.join("runtimes");
        fs::create_dir_all(&runtimes)?;
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let name = format!("{pid}-{}-{since}.json", runtime.port);
        // The tools read whatever appears in their folder, so it appears there whole.
        let (unseen, file) = (tools.join(format!("{name}.new")), runtimes.join(name));
        fs::write(&unseen, format!("{about:#}\n"))?;
        fs::rename(&unseen, &file)?;
        Ok(Self(file))
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The root of the project that a folder is in, as the tools find it: the folder itself if there is none.
fn root(folder: &Path) -> &Path {
    let is_root = |it: &&Path| MARKERS.iter().any(|marker| it.join(marker).exists());
    // The root of the file system does not count.
    folder.ancestors().filter(|it| it.parent().is_some()).find(is_root).unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("genkit-reflection-{}-{name}", std::process::id()));
            fs::create_dir_all(folder.join("a/b")).unwrap();
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_project_s_root_is_what_the_tools_take_for_one_and_cargo_s_is_none() {
        let scratch = Scratch::new("root");
        let inner = scratch.0.join("a/b");
        fs::write(scratch.0.join("a/Cargo.toml"), "").unwrap();
        assert_eq!(root(&inner), inner);
        fs::write(scratch.0.join("go.mod"), "").unwrap();
        assert_eq!(root(&inner), scratch.0);
        fs::write(scratch.0.join("a/package.json"), "").unwrap();
        assert_eq!(root(&inner), scratch.0.join("a"));
    }

    #[test]
    fn the_file_comes_whole_and_goes() {
        let scratch = Scratch::new("file");
        let runtime = Runtime { id: "1-3100", name: "shop", url: "http://127.0.0.1:3100", port: 3100 };
        let discovery = Discovery::write(&scratch.0, &runtime).unwrap();
        let text = fs::read_to_string(&discovery.0).unwrap();
        let about: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(about["id"], "1-3100");
        assert_eq!(about["pid"], std::process::id());
        assert_eq!(about["reflectionApiSpecVersion"], 1);
        assert!(about["timestamp"].as_str().unwrap().ends_with('Z'));
        let runtimes = scratch.0.join(".genkit/runtimes");
        assert_eq!(fs::read_dir(&runtimes).unwrap().count(), 1);
        assert_eq!(fs::read_dir(scratch.0.join(".genkit")).unwrap().count(), 1, "nothing else is left there");
        drop(discovery);
        assert_eq!(fs::read_dir(&runtimes).unwrap().count(), 0);
    }
}
