//! What a run says: what was chosen, how many files that concerns, and what to do next.

use crate::options::Options;
use crate::parts::{Kind, Part, Parts};
use crate::plan::Plan;
use crate::tree::{Change, Tree};

/// What somebody does who has made the project their own.
pub const NEXT: &str = "
Next:
  1. Test it:     cargo test --workspace --all-features    (compiles first, which takes a few minutes)
  2. Run it:      scripts/run.sh                           (then open http://localhost:8080)
  3. README.md:   say what your project does.
     SECURITY.md: say where to report a vulnerability.
  4. Commit it:   git add -A && git commit -m \"My own project\"
  5. Add a flow:  scripts/new_flow.sh NAME                 (docs/getting-started.md, \"Your own flow\")
";

/// What stays and what goes, one line for each kind of part.
pub fn choices(parts: &Parts, plan: &Plan, tree: &Tree, renamed: Option<&str>) -> String {
    let mut text = String::new();
    let mut line = |title: &str, what: &str| text += &format!("{title:<14}{what}\n");
    let kinds =
        [("Frameworks:", Kind::Framework), ("Other parts:", Kind::Option), ("Sample flows:", Kind::Flow)];
    for (title, kind) in kinds {
        let of_kind = parts.0.iter().filter(|it| it.kind == kind);
        let (gone, kept): (Vec<&Part>, Vec<&Part>) = of_kind.partition(|it| is_gone(it, plan, tree));
        let what = match (kept.is_empty(), gone.is_empty()) {
            (true, true) => continue,
            (false, true) => format!("all stay: {}", names(&kept)),
            (true, false) if kind == Kind::Flow && plan.with_overlay => {
                "all go; one small flow takes their place".into()
            }
            (true, false) => format!("all go: {}", names(&gone)),
            (false, false) => format!("kept {}; removed {}", names(&kept), names(&gone)),
        };
        line(title, &what);
    }
    line("Default:", &format!("{} serves, unless FRAMEWORK says otherwise", plan.framework));
    line("Name:", renamed.unwrap_or("stays as it is"));
    text
}

/// How many files go, change and stay.
pub fn files(tree: &Tree, changes: &[Change], options: &Options) -> String {
    let (mut removed, mut changed, mut new) = (0, 0, 0);
    for change in changes {
        match change {
            Change::Remove(_) => removed += 1,
            Change::Write(path, _) if tree.had(path) => changed += 1,
            Change::Write(..) => new += 1,
        }
    }
    if changes.is_empty() {
        return "Files:        nothing to do: all of it is so already".into();
    }
    let same = tree.len() - changed - new;
    let counts = format!("{removed} removed, {changed} changed, {new} new, {same} as they were");
    if options.dry_run {
        format!("Files:        it would be {counts}. Nothing was changed.")
    } else if options.verbose {
        format!("Files:        {counts}")
    } else {
        format!("Files:        {counts} (with --verbose or --dry-run each is named)")
    }
}

/// A part also goes with another one that has all of its files.
fn is_gone(part: &Part, plan: &Plan, tree: &Tree) -> bool {
    let has_files_left = part.paths.is_empty() || part.paths.iter().any(|it| tree.has(it));
    plan.dropped.contains(&part.name) || !has_files_left
}

fn names(parts: &[&Part]) -> String {
    parts.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
}
