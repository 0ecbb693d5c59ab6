// eject: generate_code+review_code
//! A greeting in the programming languages that people ask for.

/// A programming language the demo model can greet in.
pub(super) struct Language {
    /// The words by which it is asked for; the first is its name.
    names: &'static [&'static str],
    pub(super) file: &'static str,
    comment: &'static str,
    body: &'static str,
}

/// The first one stands in for a language that is not here.
const LANGUAGES: &[Language] = &[
    Language {
        names: &["python"],
        file: "demo.py",
        comment: "#",
        body: "def greet():\n    return \"Hello from the demo model\"\n",
    },
    Language {
        names: &["rust"],
        file: "demo.rs",
        comment: "//",
        body: "fn main() {\n    println!(\"Hello from the demo model\");\n}\n",
    },
    Language {
        names: &["typescript", "ts"],
        file: "demo.ts",
        comment: "//",
        body: "export const greet = (): string => \"Hello from the demo model\";\n",
    },
    Language {
        names: &["javascript", "js"],
        file: "demo.js",
        comment: "//",
        body: "export const greet = () => \"Hello from the demo model\";\n",
    },
    Language {
        names: &["java"],
        file: "Demo.java",
        comment: "//",
        body: "class Demo {\n    public static void main(String[] args) {\n        System.out.println(\"Hello from the demo model\");\n    }\n}\n",
    },
    Language {
        names: &["c++", "cpp"],
        file: "demo.cpp",
        comment: "//",
        body: "#include <iostream>\n\nint main() {\n    std::cout << \"Hello from the demo model\\n\";\n}\n",
    },
    Language {
        names: &["c#", "csharp"],
        file: "Demo.cs",
        comment: "//",
        body: "System.Console.WriteLine(\"Hello from the demo model\");\n",
    },
    Language {
        names: &["ruby"],
        file: "demo.rb",
        comment: "#",
        body: "puts \"Hello from the demo model\"\n",
    },
    Language {
        names: &["bash", "shell"],
        file: "demo.sh",
        comment: "#",
        body: "echo \"Hello from the demo model\"\n",
    },
    Language {
        names: &["golang", "go"],
        file: "demo.go",
        comment: "//",
        body: "package main\n\nfunc main() {\n\tprintln(\"Hello from the demo model\")\n}\n",
    },
];

impl Language {
    /// The first language that one of the texts names as a word of its own.
    pub(super) fn named_in(texts: [&str; 2]) -> &'static Self {
        texts.into_iter().find_map(Self::in_text).unwrap_or(&LANGUAGES[0])
    }

    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }

    /// A small program that says in a comment what it should have been about.
    pub(super) fn program(&self, subject: &str) -> String {
        format!("{} Asked for: {subject}\n{}", self.comment, self.body)
    }

    fn in_text(text: &str) -> Option<&'static Self> {
        let text = text.to_lowercase();
        let words: Vec<&str> =
            text.split(|it: char| !it.is_alphanumeric() && it != '#' && it != '+').collect();
        LANGUAGES.iter().find(|it| it.names.iter().any(|name| words.contains(name)))
    }
}
// eject: end
