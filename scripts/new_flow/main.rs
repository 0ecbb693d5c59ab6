//! Adds a flow as `docs/add-a-flow.md` tells. The text comes from that page: what the page does for its example, this
//! does for a flow of another name.
//!
//! Nothing but the standard library: `scripts/new_flow.sh` compiles it with rustc alone. The order of a run is:
//! check everything, work out the new files in memory, write them, let cargo format them.

mod calls;
mod files;
mod name;
mod options;
mod page;
mod place;
mod words;

use std::process::{Command, ExitCode, Stdio};

use files::Files;
use options::{Action, Options};
use page::Step;

/// Bad usage (`EX_USAGE` of sysexits.h): the arguments, or a name that is taken.
const USAGE: u8 = 64;
/// Bad data (`EX_DATAERR`): the page or a place in the code is not as it was.
const DATA: u8 = 65;
/// A file could not be written (`EX_IOERR`).
const WRITE: u8 = 74;

/// Why nothing was changed: an exit code and the lines that say it.
struct Refused(u8, Vec<String>);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refused(code, faults)) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            eprintln!("Nothing was changed.");
            ExitCode::from(code)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Refused> {
    let options = match options::parse(arguments) {
        Ok(Action::Help) => {
            print!("{}", options::help());
            return Ok(());
        }
        Ok(Action::Add(options)) => options,
        Err(faults) => return Err(Refused(USAGE, faults)),
    };
    let mut files = Files::default();
    let page = files.text(page::PATH).map(str::to_owned);
    let page = page.ok_or_else(|| Refused(DATA, vec![format!("{} is missing.", page::PATH)]))?;
    let steps = page::steps(&page).map_err(|found| Refused(DATA, found))?;
    let example = if options.stream { words::STREAMED } else { words::WHOLE };
    let steps: Vec<Step> = steps.into_iter().filter(|it| it.example == example).collect();
    let mut faults = Vec::new();
    // eject: grpc
    if options.grpc && !steps.iter().any(|it| it.path.starts_with("proto/")) {
        faults.push("--grpc: this project has no gRPC.".into());
    }
    // eject: end
    faults.extend(name::faults(&options.name, &mut files));
    let mut data = words::leftovers(&steps);
    if steps.is_empty() {
        data.push(format!("{} has no example `{example}`.", page::PATH));
    }
    let mut notes = Vec::new();
    let mut added = Vec::new();
    let with_block = |step: Step| {
        let block = words::rename(&step.block, example, &options.name);
        (step, block)
    };
    let steps: Vec<(Step, String)> = steps.into_iter().map(with_block).collect();
    for (step, block) in &steps {
        let path = words::rename(&step.path, example, &options.name);
        match place::put(files.text(&path), &step.place, block) {
            Ok(text) => {
                files.set(&path, text);
                added.push(path);
            }
            // An owner may have other documents; the flow works without its rows.
            Err(why) if step.documents => notes.push(format!("Not documented in {path}: {why}")),
            // The name is taken; that is said above.
            Err(_) if step.place == place::Place::NewFile && !faults.is_empty() => {}
            Err(why) => data.push(format!("{path}: {why} ({}:{})", page::PATH, step.line)),
        }
    }
    if faults.is_empty() && data.is_empty() {
        let calls = calls::calls(&steps, &options.name, options.stream, &mut files);
        return write(&options, &files, &added, &notes, &calls);
    }
    let code = if faults.is_empty() { DATA } else { USAGE };
    Err(Refused(code, [faults, data].concat()))
}

fn write(
    options: &Options,
    files: &Files,
    added: &[String],
    notes: &[String],
    calls: &str,
) -> Result<(), Refused> {
    let would = if options.dry_run { "would " } else { "" };
    for (path, is_new) in files.changed() {
        let places = added.iter().filter(|it| *it == path).count();
        let what = if is_new { "write" } else { "edit" };
        println!("{would}{what} {path}{}", if is_new { String::new() } else { format!(" ({places})") });
    }
    for note in notes {
        println!("{note}");
    }
    if options.dry_run {
        return Ok(());
    }
    files.write().map_err(|why| Refused(WRITE, vec![why]))?;
    let mut format = Command::new("cargo");
    format.args(["fmt", "--all"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !format.status().is_ok_and(|it| it.success()) {
        println!("The code could not be formatted; `cargo fmt --all` says why.");
    }
    let name = &options.name;
    println!(
        "\nThe flow works as it is. Test it: cargo test --all-features --test flows\n\
         Start the server with scripts/run.sh. Then, in a second terminal:\n\n\
         {calls}\
         Now make it yours: the types in api/src/{name}.rs, the prompt in src/flows/{name}.rs.\n\
         The doc comment of its method in api/src/lib.rs is its summary in OpenAPI.\n\
         {} says where a change of a type must be repeated.",
        page::PATH
    );
    Ok(())
}
