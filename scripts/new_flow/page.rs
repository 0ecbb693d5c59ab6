//! The page that says how to add a flow: which block goes where.

use crate::place::Place;

pub const PATH: &str = "docs/add-a-flow.md";

/// One block of the page.
pub struct Step {
    /// The flow that the page adds.
    pub example: String,
    pub path: String,
    pub place: Place,
    pub block: String,
    /// Whether it is a row of a document, or a call of a script, and not part of the flow.
    pub documents: bool,
    /// The line of its `place` comment.
    pub line: usize,
}

/// The steps of the page. An error is the list of all that is wrong with it.
///
/// Below `## Example: ` and a flow's name are the steps of that flow; below `## Document it` a flow's name has a
/// heading of its own. A comment `place: PATH, PLACE` says where the next fenced block goes.
pub fn steps(page: &str) -> Result<Vec<Step>, Vec<String>> {
    let mut steps = Vec::new();
    let mut faults = Vec::new();
    let mut example: Option<&str> = None;
    let mut documents = false;
    let mut open: Option<(usize, &str, Place)> = None;
    let mut lines = page.lines().enumerate().map(|(index, line)| (index + 1, line));
    while let Some((number, line)) = lines.next() {
        let mut fault = |why: &str| faults.push(format!("{PATH}:{number}: {why}"));
        if let Some(heading) = line.strip_prefix("## ") {
            example = heading.strip_prefix("Example: ").and_then(quoted);
            documents = heading == "Document it";
        } else if let Some(heading) = line.strip_prefix("### ") {
            if documents {
                example = quoted(heading);
            }
        } else if let Some(comment) = line.strip_prefix("<!-- place: ") {
            let place = comment.strip_suffix(" -->").and_then(|it| it.split_once(", "));
            match place.and_then(|(path, place)| Some((path, Place::parse(place)?))) {
                _ if open.is_some() => fault("the place before has no block"),
                Some((path, place)) => open = Some((number, path, place)),
                None => fault("a place is `<!-- place: PATH, WHERE -->`"),
            }
        } else if line.starts_with("```") {
            let fence = &line[..line.len() - line.trim_start_matches('`').len()];
            let mut block = String::new();
            let mut closed = false;
            for (_, line) in lines.by_ref() {
                if line == fence {
                    closed = true;
                    break;
                }
                block += line;
                block.push('\n');
            }
            if !closed {
                fault("this block is not closed");
            }
            match (open.take(), example) {
                (None, _) => {}
                (Some(_), None) => fault("this place belongs to no example"),
                (Some((line, path, place)), Some(example)) => {
                    let (example, path) = (example.to_owned(), path.to_owned());
                    steps.push(Step { example, path, place, block, documents, line });
                }
            }
        }
    }
    faults.extend(open.map(|(line, ..)| format!("{PATH}:{line}: this place has no block")));
    if faults.is_empty() { Ok(steps) } else { Err(faults) }
}

fn quoted(heading: &str) -> Option<&str> {
    heading.strip_prefix('`')?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(page: &str) -> Vec<String> {
        steps(page).err().unwrap_or_default()
    }

    #[test]
    fn a_block_below_a_place_is_a_step_and_others_are_not() {
        let page = "```bash\nls\n```\n## Example: `a_b`\n### 1. A file\n<!-- place: a.rs, new file -->\n```rust\n// a\n```\n\
                    ## Document it\n### `a_b`\n<!-- place: b.md, end of file -->\n````md\n```\nb\n```\n````\n";
        let found = steps(page).unwrap();
        let first =
            (&*found[0].example, &*found[0].path, &*found[0].block, found[0].documents, found[0].line);
        assert_eq!(first, ("a_b", "a.rs", "// a\n", false, 6));
        assert_eq!(
            (&*found[1].example, &*found[1].block, found[1].documents),
            ("a_b", "```\nb\n```\n", true)
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_is_wrong_with_the_page_is_named_with_its_line() {
        let place = "<!-- place: a.rs, new file -->\n";
        let line = |page: &str| faults(page)[0].split(':').nth(1).unwrap().parse::<usize>().unwrap();
        assert_eq!(line(&format!("{place}```\na\n```\n")), 2, "no example");
        assert_eq!(line(&format!("## Example: `a`\n{place}")), 2, "no block");
        assert_eq!(
            line(&format!("## Example: `a`\n{place}{place}```\n```\n")),
            3,
            "no block before the next"
        );
        assert_eq!(line("## Example: `a`\n<!-- place: a.rs, somewhere -->\n"), 2, "no such place");
        assert_eq!(line("## Example: `a`\n```rust\n"), 2, "not closed");
    }
}
