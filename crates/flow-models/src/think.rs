//! Thoughts that a model writes in tags before its answer, as models on servers of one's own do.

/// The tags, and what ends them.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Parts a text into thoughts and answer, piece by piece. Only what begins the text is taken for thoughts.
#[derive(Default)]
pub(crate) struct Thoughts {
    state: State,
    /// What cannot be judged yet: the beginning of the text, or what may be the beginning of an end tag.
    held: String,
}

#[derive(Default)]
enum State {
    /// Blanks, or a part of a tag.
    #[default]
    Beginning,
    /// Inside; what ends it.
    Inside(&'static str),
    /// Blanks after the end tag belong to nobody.
    After,
    Answer,
}

/// What a piece of text is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parted {
    pub(crate) thoughts: String,
    pub(crate) answer: String,
}

impl Thoughts {
    /// Takes the next piece.
    pub(crate) fn part(&mut self, piece: &str) -> Parted {
        let mut parted = Parted::default();
        if matches!(self.state, State::Answer) {
            piece.clone_into(&mut parted.answer);
            return parted;
        }
        self.held.push_str(piece);
        loop {
            match self.state {
                State::Beginning => {
                    let text = self.held.trim_start();
                    let begun = TAGS.iter().find(|(begin, _)| text.starts_with(begin));
                    if let Some((begin, end)) = begun {
                        self.held = text[begin.len()..].to_owned();
                        self.state = State::Inside(end);
                    } else if TAGS.iter().any(|(begin, _)| begin.starts_with(text)) {
                        return parted;
                    } else {
                        self.state = State::Answer;
                    }
                }
                State::Inside(end) => {
                    if let Some((inside, after)) = self.held.split_once(end) {
                        parted.thoughts.push_str(inside);
                        self.held = after.to_owned();
                        self.state = State::After;
                    } else {
                        let kept = (1..end.len()).rev().find(|it| self.held.ends_with(&end[..*it]));
                        let rest = self.held.split_off(self.held.len() - kept.unwrap_or(0));
                        parted.thoughts.push_str(&std::mem::replace(&mut self.held, rest));
                        return parted;
                    }
                }
                State::After => {
                    self.held = self.held.trim_start().to_owned();
                    if self.held.is_empty() {
                        return parted;
                    }
                    self.state = State::Answer;
                }
                State::Answer => {
                    parted.answer.push_str(&std::mem::take(&mut self.held));
                    return parted;
                }
            }
        }
    }

    /// What was held back when the text ended. What comes after that is no beginning any more.
    pub(crate) fn end(&mut self) -> Parted {
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.state, State::Answer) {
            State::Inside(_) => Parted { thoughts: held, answer: String::new() },
            _ => Parted { thoughts: String::new(), answer: held },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_at_the_beginning_are_parted_from_the_answer_wherever_the_pieces_are_cut() {
        for (text, thoughts, answer) in [
            ("<think>hm {x}</think>\n\nArr.", "hm {x}", "Arr."),
            ("\n<thinking>a < b</thinking>Yes", "a < b", "Yes"),
            ("<think></think>é", "", "é"),
            ("<think>never ends", "never ends", ""),
            ("plain <think>text</think>", "", "plain <think>text</think>"),
            ("<thin", "", "<thin"),
            ("  indented", "", "  indented"),
            ("", "", ""),
        ] {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let mut reader = Thoughts::default();
                let (first, second) = text.split_at(at);
                let parts = [reader.part(first), reader.part(second), reader.end()];
                let joined = |of: fn(&Parted) -> &str| parts.iter().map(of).collect::<String>();
                assert_eq!(joined(|it| &it.thoughts), thoughts, "{text:?} cut at {at}");
                assert_eq!(joined(|it| &it.answer), answer, "{text:?} cut at {at}");
            }
        }
    }
}
