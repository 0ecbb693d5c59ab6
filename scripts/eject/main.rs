//! Makes a copy of the template a project of its own. `docs/eject.md` says what the options and the marks mean.
//!
//! Nothing but the standard library: `scripts/eject.sh` compiles it with rustc alone. The order of a run is:
//! check everything, work out the new tree in memory, write it, let cargo mend what is cargo's.

mod after;
mod lock;
mod marks;
mod name;
mod options;
mod overlay;
mod parts;
mod plan;
mod summary;
mod tree;

use std::process::ExitCode;

use options::{Action, Options};
use parts::Parts;
use plan::Plan;
use tree::Tree;

/// Bad usage (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.trim_end());
            ExitCode::from(USAGE)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let mut tree = Tree::read(std::path::Path::new("."))?;
    let parts = Parts::read(&tree)?;
    let options = match options::parse(arguments, &parts)? {
        Action::Help => {
            print!("{}", options::help(&parts));
            return Ok(());
        }
        Action::Check => {
            plan::check(&tree, &parts)?;
            println!("The marks are in order: {} files have some.", marks::count(&tree));
            return Ok(());
        }
        Action::Eject(options) => options,
    };
    plan::check(&tree, &parts)?;
    let plan = Plan::new(&options, &parts)?;
    if !options.force && !options.dry_run {
        tree::refuse_uncommitted_changes()?;
    }
    plan.apply(&mut tree, &parts)?;
    let renamed = rename(&mut tree, &options)?;
    for note in &plan.notes {
        println!("{note}");
    }
    let changes = tree.changes();
    if options.dry_run || options.verbose {
        let would = if options.dry_run { "would " } else { "" };
        for change in &changes {
            println!("{would}{change}");
        }
    }
    print!("{}", summary::choices(&parts, &plan, &tree, renamed.as_deref()));
    println!("{}", summary::files(&tree, &changes, &options));
    if options.dry_run {
        return Ok(());
    }
    tree::write(&changes)?;
    println!("Bringing Cargo.lock up to date and formatting the code…");
    after::mend();
    print!("{}", summary::NEXT);
    Ok(())
}

/// Gives the project its new name, if it has not got it yet. Says so in words; nothing, if the name stays.
fn rename(tree: &mut Tree, options: &Options) -> Result<Option<String>, String> {
    let Some(new) = &options.name else { return Ok(None) };
    let old = name::current(tree)?;
    if *new == old {
        return Ok(None);
    }
    name::check(new, &old, tree, options.force)?;
    let files = name::replace(tree, &old, new);
    lock::sort(tree);
    Ok(Some(format!("{old} becomes {new}, in {files} files")))
}
