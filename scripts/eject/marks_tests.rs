use super::*;

const PARTS: [(&str, Kind); 6] = [
    ("axum", Kind::Framework),
    ("poem", Kind::Framework),
    ("grpc", Kind::Option),
    ("joke", Kind::Flow),
    ("story", Kind::Flow),
    ("chat", Kind::Flow),
];

fn without(names: &[&str], text: &str) -> Result<String, Vec<(usize, String)>> {
    let part = |(name, kind): (&str, Kind)| crate::parts::Part { kind, name: name.into(), paths: Vec::new() };
    let parts = Parts(PARTS.map(part).into());
    let names = names.iter().map(|it| (*it).to_owned()).collect();
    apply(text, &Dropping { parts: &parts, names, framework: "poem".into() }, None)
}

#[test]
fn a_block_goes_with_its_marks_and_the_blank_line_after_it() {
    let text = "a\n\n# eject: grpc\nb\n# eject: end\n\nc\n";
    assert_eq!(without(&["grpc"], text).unwrap(), "a\n\nc\n");
    assert_eq!(without(&["joke"], text).unwrap(), text);
}

#[test]
fn in_a_list_of_flows_the_next_mark_ends_the_last_block() {
    let text = "// eject: joke\na\n// eject: story\nb\n// eject: chat\nc\n// eject: end\nd\n";
    assert_eq!(
        without(&["story"], text).unwrap(),
        "// eject: joke\na\n// eject: chat\nc\n// eject: end\nd\n"
    );
    assert_eq!(without(&["joke", "chat"], text).unwrap(), "// eject: story\nb\n// eject: end\nd\n");
    assert_eq!(without(&["joke", "story", "chat"], text).unwrap(), "d\n");
}

#[test]
fn a_mark_behind_a_line_drops_that_line() {
    let text = "| a | <!-- eject: joke -->\nmod b; // eject: grpc story\nc\n";
    assert_eq!(without(&["joke", "story"], text).unwrap(), "c\n");
    assert_eq!(without(&["grpc"], text).unwrap(), "| a | <!-- eject: joke -->\nc\n");
}

#[test]
fn what_several_parts_need_goes_with_the_last_of_them() {
    let text = "mod a; // eject: joke+story\n// eject: grpc+chat\nb\n// eject: end\n";
    assert_eq!(without(&["joke"], text).unwrap(), text.replace("joke+story", "story"));
    assert_eq!(without(&["joke", "story", "grpc"], text).unwrap(), "// eject: chat\nb\n// eject: end\n");
}

#[test]
fn a_line_of_the_default_names_a_framework_that_stays() {
    let text = "default = [\"axum\"] # eject: default\n";
    assert_eq!(without(&["axum"], text).unwrap(), "default = [\"poem\"] # eject: default\n");
    assert_eq!(without(&["grpc"], text).unwrap(), text);
}

#[test]
fn what_is_malformed_is_named_with_its_line() {
    let line = |text| without(&[], text).unwrap_err()[0].0;
    assert_eq!(line("a\n# eject: grpc\nb\n"), 2, "not closed");
    assert_eq!(line("# eject: grpc\n# eject: joke\n# eject: end\n"), 2, "not closed before the next");
    assert_eq!(line("a\n# eject: end\n"), 2, "not opened");
    assert_eq!(line("a\n# eject: rocket\n# eject: end\n"), 2, "unknown");
    assert_eq!(line("mod a; // eject: rocket\n"), 1, "unknown behind a line");
    assert_eq!(line("# eject: What is this?\n"), 1, "no name");
    assert_eq!(line("# eject:\n"), 1, "nothing");
}

#[test]
fn what_only_speaks_of_marks_is_none() {
    let text = "a line `// eject: NAME` opens\n/// eject: grpc\nlet it = \"// eject: end\";\n";
    assert_eq!(without(&["grpc"], text).unwrap(), text);
}
