//! Ids of tool calls, as strict servers take them.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::answer::is_given;

/// Gives the calls of one request ids of at most 64 letters, digits, `_` and `-`, and each result that of its call.
///
/// References may come from another model's server, which has its own rules, or from us.
#[derive(Default)]
pub(crate) struct Ids {
    invented: HashMap<String, String>,
}

impl Ids {
    pub(crate) fn of<'a>(&mut self, reference: Option<&'a str>) -> Cow<'a, str> {
        let reference = reference.unwrap_or_default();
        let plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        if is_given(reference) && reference.len() <= 64 && reference.chars().all(plain) {
            return reference.into();
        }
        let next = self.invented.len() + 1;
        self.invented.entry(reference.to_owned()).or_insert_with(|| format!("call_{next}")).clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_where_every_server_takes_it_and_else_made() {
        let mut ids = Ids::default();
        assert_eq!(ids.of(Some("toolu_01A-b")), "toolu_01A-b");
        assert_eq!(ids.of(Some("call#x#0")), "call_1");
        assert_eq!(ids.of(Some("local-7")), "call_2");
        assert_eq!(ids.of(Some("call#x#0")), "call_1", "a result has the id of its call");
    }
}
