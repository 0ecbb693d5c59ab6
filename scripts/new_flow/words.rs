//! The page's example under another name: its names, and the sentences that are about the example alone.

use crate::page::{self, Step};

/// The example that answers with an object.
pub const WHOLE: &str = "summarize_invoice";
/// The example that answers with a stream.
pub const STREAMED: &str = "explain_invoice";

/// What stands on the page, and what stands in a new flow. `{sentence}` is the name as words, `{name}` the name.
const SENTENCES: [(&str, &str); 13] = [
    ("Sums up an invoice", "{sentence}"),
    ("Explains an invoice", "{sentence}"),
    ("An invoice, and how to sum it up", "The input of `{name}`"),
    ("An invoice, and for whom to explain it", "The input of `{name}`"),
    ("What is in an invoice", "The output of `{name}`"),
    ("An invoice in simple words", "The output of `{name}`"),
    ("The text of the invoice", "The text"),
    ("The language of the summary", "The language of the answer"),
    ("The whole explanation", "The whole answer"),
    ("A piece of an explanation", "A piece of the answer"),
    ("Sum up this invoice in {}:", "{sentence}. Answer in {}."),
    ("Explain this invoice to {reader}:", "{sentence}. The reader is {reader}."),
    ("Desk, 1 piece, 200.00", "Hello!"),
];

/// What only the example speaks of.
const OWN: [&str; 5] = ["invoice", "expla", "summar", "sum up", "sums up"];

/// A text of the page, for the flow of another name.
pub fn rename(text: &str, example: &str, name: &str) -> String {
    let words = name.replace('_', " ");
    let sentence = capital(&words);
    let mut text = text.to_owned();
    for (old, new) in SENTENCES {
        text = text.replace(old, &new.replace("{sentence}", &sentence).replace("{name}", name));
    }
    for form in [str::to_owned, pascal, |it: &str| it.to_uppercase(), |it: &str| it.replace('_', "-")] {
        text = text.replace(&form(example), &form(name));
    }
    text
}

/// The name as that of a type.
pub fn pascal(name: &str) -> String {
    name.split('_').map(capital).collect()
}

/// Blocks of the page that would still speak of the example: the page has changed, and [`SENTENCES`] has not.
pub fn leftovers(steps: &[Step]) -> Vec<String> {
    let left = |step: &Step| {
        let text = rename(&format!("{}\n{}", step.path, step.block), &step.example, "zz").to_lowercase();
        let word = OWN.iter().find(|it| text.contains(**it))?;
        Some(format!(
            "{}:{}: for another flow this block would still say {word:?}; scripts/new_flow/words.rs has what to replace.",
            page::PATH,
            step.line
        ))
    };
    steps.iter().filter_map(left).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|it| it.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_name_is_replaced() {
        let text = "/summarize-invoice summarize_invoice::run SUMMARIZE_INVOICE SummarizeInvoiceInput";
        assert_eq!(
            rename(text, WHOLE, "plan_a_trip"),
            "/plan-a-trip plan_a_trip::run PLAN_A_TRIP PlanATripInput"
        );
    }

    #[test]
    fn the_prompt_is_made_of_the_name() {
        assert_eq!(
            rename("\"Sum up this invoice in {}:\\n\"", WHOLE, "plan_trip"),
            "\"Plan trip. Answer in {}.\\n\""
        );
    }

    #[test]
    fn nothing_of_the_page_s_examples_is_left_in_a_new_flow() {
        let steps = page::steps(include_str!("../../docs/add-a-flow.md")).unwrap();
        assert_eq!(leftovers(&steps), [""; 0]);
        for example in [WHOLE, STREAMED] {
            assert!(steps.iter().filter(|it| it.example == example).count() >= 8, "{example}");
        }
    }

    #[test]
    fn a_sentence_that_the_page_has_anew_is_noticed() {
        let page = "## Example: `explain_invoice`\n<!-- place: a.rs, new file -->\n```rust\n// Explaining more.\n```\n";
        assert_eq!(leftovers(&page::steps(page).unwrap()).len(), 1);
    }
}
