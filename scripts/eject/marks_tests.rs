use super::*;

const PARTS: [(&str, Kind); 6] = [
    ("first", Kind::Framework),
    ("second", Kind::Framework),
    ("wire", Kind::Option),
    ("ant", Kind::Flow),
    ("bee", Kind::Flow),
    ("cat", Kind::Flow),
];

fn without(names: &[&str], text: &str) -> Result<String, Vec<(usize, String)>> {
    let part = |(name, kind): (&str, Kind)| crate::parts::Part { kind, name: name.into(), paths: Vec::new() };
    let parts = Parts(PARTS.map(part).into());
    let names = names.iter().map(|it| (*it).to_owned()).collect();
    apply(text, &Dropping { parts: &parts, names, framework: "second".into() }, None)
}

#[test]
fn a_block_goes_with_its_marks_and_the_blank_line_after_it() {
    let text = "a\n\n# eject: wire\nb\n# eject: end\n\nc\n";
    assert_eq!(without(&["wire"], text).unwrap(), "a\n\nc\n");
    assert_eq!(without(&["ant"], text).unwrap(), text);
}

#[test]
fn in_a_list_of_flows_the_next_mark_ends_the_last_block() {
    let text = "// eject: ant\na\n// eject: bee\nb\n// eject: cat\nc\n// eject: end\nd\n";
    assert_eq!(without(&["bee"], text).unwrap(), "// eject: ant\na\n// eject: cat\nc\n// eject: end\nd\n");
    assert_eq!(without(&["ant", "cat"], text).unwrap(), "// eject: bee\nb\n// eject: end\nd\n");
    assert_eq!(without(&["ant", "bee", "cat"], text).unwrap(), "d\n");
}

#[test]
fn a_mark_behind_a_line_drops_that_line() {
    let text = "| a | <!-- eject: ant -->\nmod b; // eject: wire bee\nc\n";
    assert_eq!(without(&["ant", "bee"], text).unwrap(), "c\n");
    assert_eq!(without(&["wire"], text).unwrap(), "| a | <!-- eject: ant -->\nc\n");
}

#[test]
fn what_several_parts_need_goes_with_the_last_of_them() {
    let text = "mod a; // eject: ant+bee\n// eject: wire+cat\nb\n// eject: end\n";
    assert_eq!(without(&["ant"], text).unwrap(), text.replace("ant+bee", "bee"));
    assert_eq!(without(&["ant", "bee", "wire"], text).unwrap(), "// eject: cat\nb\n// eject: end\n");
}

#[test]
fn a_line_of_the_default_names_a_framework_that_stays() {
    let text = "default = [\"first\"] # eject: default\n";
    assert_eq!(without(&["first"], text).unwrap(), "default = [\"second\"] # eject: default\n");
    assert_eq!(without(&["wire"], text).unwrap(), text);
}

#[test]
fn what_is_malformed_is_named_with_its_line() {
    let line = |text| without(&[], text).unwrap_err()[0].0;
    assert_eq!(line("a\n# eject: wire\nb\n"), 2, "not closed");
    assert_eq!(line("# eject: wire\n# eject: ant\n# eject: end\n"), 2, "not closed before the next");
    assert_eq!(line("a\n# eject: end\n"), 2, "not opened");
    assert_eq!(line("a\n# eject: rocket\n# eject: end\n"), 2, "unknown");
    assert_eq!(line("mod a; // eject: rocket\n"), 1, "unknown behind a line");
    assert_eq!(line("# eject: What is this?\n"), 1, "no name");
    assert_eq!(line("# eject:\n"), 1, "nothing");
}

#[test]
fn what_only_speaks_of_marks_is_none() {
    let text = "a line `// eject: NAME` opens\n/// eject: wire\nlet it = \"// eject: end\";\n";
    assert_eq!(without(&["wire"], text).unwrap(), text);
}
