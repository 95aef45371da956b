//! Changes to the text of a file, made where they were meant to be or not at all.

use std::ops::Range;

use super::table::{Bug, PLACEHOLDER};

/// One change of a file.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Whose change it is.
    pub(crate) name: String,
    pub(crate) file: String,
    /// What stands there, exactly once.
    pub(crate) text: String,
    /// What comes in its place.
    pub(crate) with: String,
}

/// A change that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// Nobody knows which place is meant.
    #[error("{name}: its text stands {found} times in {file}, and must stand there once")]
    Place { name: String, file: String, found: usize },
    /// Two changes would undo each other.
    #[error("{one} and {other} change the same text of {file}")]
    Overlap { one: String, other: String, file: String },
}

impl Change {
    /// The change that makes a bug; the number switches it on.
    pub(crate) fn of(bug: &Bug, number: usize) -> Self {
        let is_core = bug.file.starts_with("crates/earmark-core/");
        let path = if is_core { "crate" } else { "earmark_core" };
        Self {
            name: bug.name.to_owned(),
            file: bug.file.to_owned(),
            text: bug.text.to_owned(),
            with: bug.with.replace(PLACEHOLDER, &format!("{path}::planted::is({number})")),
        }
    }

    fn place(&self, text: &str) -> Result<Range<usize>, Unfit> {
        let mut places = text.match_indices(&self.text).map(|(at, _)| at);
        match (places.next(), places.count()) {
            (Some(at), 0) => Ok(at..at + self.text.len()),
            (first, more) => Err(Unfit::Place {
                name: self.name.clone(),
                file: self.file.clone(),
                found: usize::from(first.is_some()) + more,
            }),
        }
    }
}

/// The text of a file with all changes of it.
pub(crate) fn patched(file: &str, text: &str, changes: &[Change]) -> Result<String, Unfit> {
    let own = changes.iter().filter(|change| change.file == file);
    let placed = own.map(|change| Ok((change.place(text)?, change)));
    let mut placed: Vec<(Range<usize>, &Change)> = placed.collect::<Result<_, Unfit>>()?;
    placed.sort_by_key(|(place, _)| place.start);
    let (mut out, mut end, mut before) = (String::new(), 0, None);
    for (place, change) in placed {
        if let Some(other) = before.filter(|_: &&Change| place.start < end) {
            let (one, other) = (change.name.clone(), other.name.clone());
            return Err(Unfit::Overlap { one, other, file: file.to_owned() });
        }
        out += &text[end..place.start];
        out += &change.with;
        (end, before) = (place.end, Some(change));
    }
    out += &text[end..];
    Ok(out)
}
