//! A greeting in the programming languages that people ask for.

/// A programming language the demo model can greet in.
#[derive(Clone, Copy)]
pub(super) struct Language {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    comment: &'static str,
    body: &'static str,
}

/// Names by which each language is asked for, most telling first.
const LANGUAGES: &[(&[&str], Language)] = &[
    (&["python"], PYTHON),
    (
        &["rust"],
        language("rust", "demo.rs", "//", "fn main() {\n    println!(\"Hello from the demo model\");\n}\n"),
    ),
    (
        &["typescript", "ts"],
        language(
            "typescript",
            "demo.ts",
            "//",
            "export const greet = (): string => \"Hello from the demo model\";\n",
        ),
    ),
    (
        &["javascript", "js"],
        language(
            "javascript",
            "demo.js",
            "//",
            "export const greet = () => \"Hello from the demo model\";\n",
        ),
    ),
    (
        &["java"],
        language(
            "java",
            "Demo.java",
            "//",
            "class Demo {\n    public static void main(String[] args) {\n        System.out.println(\"Hello from the demo model\");\n    }\n}\n",
        ),
    ),
    (
        &["c++", "cpp"],
        language(
            "c++",
            "demo.cpp",
            "//",
            "#include <iostream>\n\nint main() {\n    std::cout << \"Hello from the demo model\\n\";\n}\n",
        ),
    ),
    (
        &["c#", "csharp"],
        language("c#", "Demo.cs", "//", "System.Console.WriteLine(\"Hello from the demo model\");\n"),
    ),
    (&["ruby"], language("ruby", "demo.rb", "#", "puts \"Hello from the demo model\"\n")),
    (&["bash", "shell"], language("bash", "demo.sh", "#", "echo \"Hello from the demo model\"\n")),
    (
        &["golang", "go"],
        language(
            "go",
            "demo.go",
            "//",
            "package main\n\nfunc main() {\n\tprintln(\"Hello from the demo model\")\n}\n",
        ),
    ),
];

const PYTHON: Language =
    language("python", "demo.py", "#", "def greet():\n    return \"Hello from the demo model\"\n");

impl Language {
    /// The first language that `text` names as a word of its own.
    pub(super) fn asked_for(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let words: Vec<&str> =
            text.split(|it: char| !it.is_alphanumeric() && it != '#' && it != '+').collect();
        let named = |names: &[&str]| names.iter().any(|name| words.contains(name));
        LANGUAGES.iter().find(|(names, _)| named(names)).map(|(_, language)| *language)
    }

    /// A small program that says in a comment what it should have been about.
    pub(super) fn program(&self, subject: &str) -> String {
        format!("{} Asked for: {subject}\n{}", self.comment, self.body)
    }
}

impl Default for Language {
    fn default() -> Self {
        PYTHON
    }
}

const fn language(
    name: &'static str,
    file: &'static str,
    comment: &'static str,
    body: &'static str,
) -> Language {
    Language { name, file, comment, body }
}
