//! The log of a running program, read all the time: the program would block on a full pipe.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

/// How long a line may take to come.
const LIMIT: Duration = Duration::from_secs(20);

/// The lines so far.
#[derive(Debug)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    so_far: Vec<String>,
    ended: bool,
}

impl Log {
    /// Reads this output on a thread of its own, to its end.
    pub(crate) fn read(output: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let reader = shared.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                reader.lines.lock().unwrap().so_far.push(line);
                reader.more.notify_all();
            }
            reader.lines.lock().unwrap().ended = true;
            reader.more.notify_all();
        });
        Self(shared)
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        self.0.lines.lock().unwrap().so_far.join("\n")
    }

    /// What this finds in the first line that has it, whether written already or yet to come.
    pub(crate) fn find<T>(&self, find: impl Fn(&Value) -> Option<T>) -> T {
        let mut lines = self.0.lines.lock().unwrap();
        let mut looked_at = 0;
        loop {
            for line in &lines.so_far[looked_at..] {
                let line =
                    serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON in the log: {line}"));
                if let Some(found) = find(&line) {
                    return found;
                }
            }
            looked_at = lines.so_far.len();
            assert!(!lines.ended, "it ended; its log: {:?}", lines.so_far);
            let (woken, waited) = self.0.more.wait_timeout(lines, LIMIT).unwrap();
            assert!(!waited.timed_out(), "nothing more in the log within {LIMIT:?}: {:?}", woken.so_far);
            lines = woken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_whether_it_came_before_or_comes_later() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let log = Log::read(reader);
        let value = |name: &'static str| move |line: &Value| line[name].as_u64();
        std::io::Write::write_all(&mut writer, b"{\"a\":1}\n").unwrap();
        assert_eq!(log.find(value("a")), 1);
        std::thread::scope(|scope| {
            let later = scope.spawn(|| log.find(value("b")));
            std::io::Write::write_all(&mut writer, b"{\"c\":3}\n{\"b\":2}\n").unwrap();
            assert_eq!(later.join().unwrap(), 2);
        });
        assert_eq!(log.find(value("a")), 1, "also once more");
    }

    #[test]
    #[should_panic(expected = "it ended")]
    fn a_program_that_ends_is_not_waited_for() {
        Log::read(&b"{\"a\":1}\n"[..]).find(|line| line["b"].as_u64());
    }
}
