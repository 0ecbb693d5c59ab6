//! Templates in which nothing is wrong, made from nothing but random numbers.

use std::fmt::Write;

use arbitrary::Arbitrary;
use dotprompt::RenderData;
use serde_json::json;

/// A template and what it is rendered with.
#[derive(Arbitrary, Debug)]
pub struct Template {
    nodes: Vec<Node>,
    texts: [String; 4],
    number: i16,
    yes: bool,
    items: u8,
}

#[derive(Arbitrary, Debug)]
enum Node {
    Text(Text),
    Comment(Text),
    Value(Path, Form),
    Role(u8),
    History,
    Media(Path),
    Section(u8),
    Json(Path, Option<u8>),
    Lookup(Path, u8),
    Block { kind: Kind, on: Path, strip: u8, inner: Vec<Node>, other: Option<Vec<Node>> },
    ElseIf { on: [Path; 2], inner: [Vec<Node>; 2] },
    Inline { name: u8, inner: Vec<Node> },
    Partial { name: u8, on: Option<Path>, with: Option<Path> },
    PartialBlock { name: u8, inner: Vec<Node> },
}

#[derive(Arbitrary, Debug)]
enum Text {
    Words(u8),
    Line(u8),
    Free(String),
}

#[derive(Arbitrary, Debug)]
enum Form {
    Plain,
    Triple,
    Ampersand,
    Stripped,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    If,
    Unless,
    Each,
    EachAs,
    With,
    WithAs,
    Section,
    Inverse,
    IfEquals(Path),
    UnlessEquals(Path),
}

#[derive(Arbitrary, Debug)]
struct Path {
    up: u8,
    start: u8,
    steps: [u8; 2],
}

/// How many nodes deep: what is below is left out. A prompt is no program, and the products of nested loops are
/// their author's.
const DEEPEST: usize = 5;

/// No author asks for more than a few repetitions, each of which repeats the rest.
const ITEMS: u8 = 4;

impl Template {
    pub fn source(&self) -> String {
        let mut out = Writer { out: String::new(), inline: 0 };
        // A partial must be known before it is named.
        for name in PARTIALS {
            let _ =
                write!(out.out, "{{{{#*inline \"{name}\"}}}}{name} {{{{this}}}}\n{{{{a}}}}{{{{/inline}}}}");
        }
        out.nodes(&self.nodes, 0);
        out.out
    }

    pub fn data(&self) -> RenderData {
        let [a, b, c, d] = &self.texts;
        let item = json!({"name": b, "list": [1, c], "yes": self.yes});
        let input = json!({
            "a": a,
            "obj": item,
            "list": vec![item.clone(); usize::from(self.items % ITEMS)],
            "number": self.number,
            "yes": self.yes,
            "none": null,
            "b c": b,
        });
        let data = json!({"input": input, "context": {"auth": {"name": d}}, "messages": [
            {"role": "user", "content": [{"text": "said before"}]},
            {"role": "model", "content": [{"text": "answered"}]},
        ]});
        serde_json::from_value(data).expect("render data")
    }
}

const PARTIALS: [&str; 3] = ["p", "q", "r-s"];
const ROLES: [&str; 4] = ["system", "user", "model", "tool"];
const STARTS: [&str; 12] =
    ["a", "obj", "list", "number", "yes", "none", "this", ".", "@root", "@auth", "@index", "v"];
const STEPS: [&str; 8] = ["", "", "name", "list", "length", "0", "[b c]", "yes"];
const WORDS: [&str; 12] = [
    " ",
    "\n",
    "\r\n",
    "  \n\t",
    "Hello",
    "\\",
    "{ }",
    "}}",
    "é🐱",
    "<<<dotprompt:role:system>>>",
    "\u{fdd1}\"History\"\u{fdd2}",
    "\\{{a}} ",
];

struct Writer {
    out: String,
    inline: usize,
}

impl Writer {
    fn nodes(&mut self, nodes: &[Node], depth: usize) {
        if depth < DEEPEST {
            nodes.iter().for_each(|it| self.node(it, depth + 1));
        }
    }

    fn push(&mut self, text: &str) {
        // A backslash before a tag would make it text.
        if text.starts_with("{{") && self.out.ends_with('\\') {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn node(&mut self, node: &Node, depth: usize) {
        match node {
            Node::Text(text) => self.text(text),
            Node::Comment(text) => {
                self.push("{{!-- ");
                let start = self.out.len();
                self.text(text);
                // What ends a comment early is no longer part of it.
                let inner = self.out.split_off(start).replace('}', ")");
                self.push(&inner);
                self.push(" --}}");
            }
            Node::Value(path, form) => {
                let path = path.text();
                self.push(&match form {
                    Form::Plain => format!("{{{{{path}}}}}"),
                    Form::Triple => format!("{{{{{{{path}}}}}}}"),
                    Form::Ampersand => format!("{{{{&{path}}}}}"),
                    Form::Stripped => format!("{{{{~{path}~}}}}"),
                });
            }
            Node::Role(role) => self.push(&format!("{{{{role \"{}\"}}}}", pick(*role, &ROLES))),
            Node::History => self.push("{{history}}"),
            Node::Media(url) => self.push(&format!("{{{{media url={}}}}}", url.text())),
            Node::Section(name) => self.push(&format!("{{{{section \"{}\"}}}}", pick(*name, &PARTIALS))),
            Node::Json(path, None) => self.push(&format!("{{{{json {}}}}}", path.text())),
            Node::Json(path, Some(indent)) => {
                self.push(&format!("{{{{json {} indent={indent}}}}}", path.text()))
            }
            Node::Lookup(path, key) => {
                self.push(&format!("{{{{lookup {} '{}'}}}}", path.text(), pick(*key, &STEPS)));
            }
            Node::Block { kind, on, strip, inner, other } => {
                self.block(kind, on, *strip, inner, other, depth)
            }
            Node::ElseIf { on: [first, second], inner: [yes, no] } => {
                self.push(&format!("{{{{#if {}}}}}", first.text()));
                self.nodes(yes, depth);
                self.push(&format!("{{{{else if {}}}}}", second.text()));
                self.nodes(no, depth);
                self.push("{{else}}");
                self.push("{{/if}}");
            }
            Node::Inline { name, inner } => {
                self.inline += 1;
                self.push(&format!("{{{{#*inline \"{}\"}}}}", pick(*name, &PARTIALS)));
                self.nodes(inner, depth);
                self.push("{{/inline}}");
                self.inline -= 1;
            }
            Node::Partial { name, on, with } => {
                // One in the definition of another is no circle that ends.
                if self.inline == 0 {
                    let on = on.as_ref().map(|it| format!(" {}", it.text())).unwrap_or_default();
                    let with = with.as_ref().map(|it| format!(" v={}", it.text())).unwrap_or_default();
                    self.push(&format!("{{{{> {}{on}{with}}}}}", pick(*name, &PARTIALS)));
                }
            }
            Node::PartialBlock { name, inner } => {
                if self.inline == 0 {
                    let name = pick(*name, &PARTIALS);
                    self.push(&format!("{{{{#> {name}}}}}"));
                    self.nodes(inner, depth);
                    self.push(&format!("{{{{/{name}}}}}"));
                }
            }
        }
    }

    fn block(
        &mut self,
        kind: &Kind,
        on: &Path,
        strip: u8,
        inner: &[Node],
        other: &Option<Vec<Node>>,
        depth: usize,
    ) {
        let name = pick(on.start, &STARTS);
        let plain = if name.starts_with(['@', '.']) || name == "this" { "obj" } else { name };
        let (open, close) = match kind {
            Kind::If => (format!("#if {}", on.text()), "if"),
            Kind::Unless => (format!("#unless {}", on.text()), "unless"),
            Kind::Each => (format!("#each {}", on.text()), "each"),
            Kind::EachAs => (format!("#each {} as |v k|", on.text()), "each"),
            Kind::With => (format!("#with {}", on.text()), "with"),
            Kind::WithAs => (format!("#with {} as |v|", on.text()), "with"),
            Kind::Section => (format!("#{plain}"), plain),
            Kind::Inverse => (format!("^{plain}"), plain),
            Kind::IfEquals(to) => (format!("#ifEquals {} {}", on.text(), to.text()), "ifEquals"),
            Kind::UnlessEquals(to) => (format!("#unlessEquals {} {}", on.text(), to.text()), "unlessEquals"),
        };
        let tilde = |bit: u8| if strip & 1 << bit != 0 { "~" } else { "" };
        self.push(&format!("{{{{{}{open}{}}}}}", tilde(0), tilde(1)));
        self.nodes(inner, depth);
        if let Some(other) = other.as_ref().filter(|_| !matches!(kind, Kind::Inverse)) {
            self.push(&format!("{{{{{}else{}}}}}", tilde(2), tilde(3)));
            self.nodes(other, depth);
        }
        self.push(&format!("{{{{{}/{close}{}}}}}", tilde(4), tilde(5)));
    }

    fn text(&mut self, text: &Text) {
        match text {
            Text::Words(it) => self.push(pick(*it, &WORDS)),
            Text::Line(it) => {
                self.push("\n");
                self.push(pick(*it, &WORDS));
                self.push("\n");
            }
            // No tags but those that are meant.
            Text::Free(it) => self.push(&it.replace("{", "(")),
        }
    }
}

impl Path {
    fn text(&self) -> String {
        let start = pick(self.start, &STARTS);
        let up = if start.starts_with(['@', '.']) { "" } else { &"../../"[..usize::from(self.up % 3) * 3] };
        let mut text = format!("{up}{start}");
        if start == "." || start == "@index" {
            return text;
        }
        for step in self.steps {
            let step = pick(step, &STEPS);
            if !step.is_empty() {
                text.push('.');
                text.push_str(step);
            }
        }
        text
    }
}

fn pick<'a>(number: u8, choices: &[&'a str]) -> &'a str {
    choices[usize::from(number) % choices.len()]
}
