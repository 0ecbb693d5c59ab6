//! Places in a file, and how a block is put there.

/// Where a block goes.
#[derive(Debug, PartialEq)]
pub enum Place {
    /// The block is the whole file.
    NewFile,
    EndOfFile,
    /// Above the line that has this text.
    Before(String),
    /// Behind this text.
    After(String),
    /// In front of the closing brace of what begins with this text.
    EndOf(String),
}

impl Place {
    /// Reads it as the page writes it.
    pub fn parse(text: &str) -> Option<Self> {
        if let ("new file", place) | ("end of file", place) = (text, text) {
            return Some(if place == "new file" { Self::NewFile } else { Self::EndOfFile });
        }
        let (kind, anchor) = text.strip_suffix('"')?.split_once(" \"")?;
        let anchor = anchor.to_owned();
        match kind {
            _ if anchor.is_empty() => None,
            "before" => Some(Self::Before(anchor)),
            "after" => Some(Self::After(anchor)),
            "end of" => Some(Self::EndOf(anchor)),
            _ => None,
        }
    }
}

/// The file's text with the block in its place. An error says why there is no such place.
pub fn put(text: Option<&str>, place: &Place, block: &str) -> Result<String, String> {
    let text = match (text, place) {
        (Some(_), Place::NewFile) => return Err("this file is there already.".into()),
        (None, Place::NewFile) => return Ok(block.to_owned()),
        (None, _) => return Err("there is no such file.".into()),
        (Some(text), _) => text,
    };
    let (at, block) = match place {
        Place::NewFile | Place::EndOfFile => (text.len(), format!("\n{block}")),
        Place::Before(anchor) => {
            let found = only(text.match_indices(anchor.as_str()).map(|(at, _)| at), anchor)?;
            (text[..found].rfind('\n').map_or(0, |it| it + 1), block.to_owned())
        }
        Place::After(anchor) => {
            let found = only(text.match_indices(anchor.as_str()).map(|(at, _)| at), anchor)?;
            let at = found + anchor.len();
            let end = if text[at..].starts_with('\n') { "" } else { "\n" };
            (at, format!("\n{}{end}", block.trim_end()))
        }
        Place::EndOf(anchor) => (end_of(text, anchor)?, format!("\n{block}")),
    };
    Ok(format!("{}{block}{}", &text[..at], &text[at..]))
}

/// Where the closing brace of the item is: the first one below that is as deep as its beginning.
fn end_of(text: &str, anchor: &str) -> Result<usize, String> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(anchor) && line.trim_end().ends_with('{') {
            starts.push(at);
        }
        at += line.len();
    }
    let start = only(starts.into_iter(), anchor)?;
    let indent = text[start..].len() - text[start..].trim_start().len();
    let closing = format!("\n{}}}", &text[start..start + indent]);
    let found = text[start..].find(&closing);
    found.map(|it| start + it + 1).ok_or(format!("{anchor:?} is not closed."))
}

/// The one of these places; none or several are an error.
fn only(mut places: impl Iterator<Item = usize>, anchor: &str) -> Result<usize, String> {
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (None, _) => Err(format!("it has no {anchor:?}.")),
        (Some(_), Some(_)) => Err(format!("it has {anchor:?} more than once.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &str, text: &str) -> Result<String, String> {
        put(Some(text), &Place::parse(place).unwrap(), "new\n")
    }

    #[test]
    fn a_block_goes_before_or_behind_what_the_page_names() {
        assert_eq!(at("before \"here\"", "a\n// here\nb\n").unwrap(), "a\nnew\n// here\nb\n");
        assert_eq!(at("after \"(\"", "a(\nb)\n").unwrap(), "a(\nnew\nb)\n");
        assert_eq!(at("after \"(\"", "a(b)\n").unwrap(), "a(\nnew\nb)\n");
        assert_eq!(at("end of file", "a\n").unwrap(), "a\n\nnew\n");
    }

    #[test]
    fn the_end_of_an_item_is_its_own_closing_brace() {
        let text = "  impl A {\n    fn a() {\n    }\n  }\n}\n";
        assert_eq!(
            at("end of \"impl A\"", text).unwrap(),
            "  impl A {\n    fn a() {\n    }\n\nnew\n  }\n}\n"
        );
        assert!(at("end of \"impl A\"", "impl A {\n").is_err());
    }

    #[test]
    fn a_place_that_is_missing_or_there_twice_is_refused() {
        assert_eq!(at("before \"x\"", "a\n").unwrap_err(), "it has no \"x\".");
        assert_eq!(at("after \"x\"", "x\nx\n").unwrap_err(), "it has \"x\" more than once.");
        assert!(at("new file", "").is_err());
        assert!(put(None, &Place::EndOfFile, "").is_err());
        assert_eq!(put(None, &Place::NewFile, "new\n").unwrap(), "new\n");
    }

    #[test]
    fn no_other_places_are_understood() {
        for text in ["", "somewhere", "before x", "before \"\"", "above \"x\""] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
