//! What came of the hunts for each bug, as a table.

use super::crew::End;
use super::hunt::Caught;
use super::table::{Bug, Layer};

/// What came of all hunts for one bug.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: usize,
    pub(super) bug: Bug,
    pub(super) ends: Vec<End>,
}

impl Row {
    fn caught(&self) -> impl Iterator<Item = (usize, &Caught)> {
        self.ends.iter().filter_map(|end| match end {
            End::Caught(layer, caught) => Some((*layer, caught)),
            End::Nothing | End::Broken(_) => None,
        })
    }

    /// Whether every hunt has caught it.
    pub(super) fn is_caught(&self) -> bool {
        !self.ends.is_empty() && self.caught().count() == self.ends.len()
    }

    /// The layer that has caught it, or the first one of those that have.
    pub(super) fn layer(&self) -> Option<Layer> {
        let first = self.caught().map(|(layer, _)| layer).min()?;
        self.bug.layers.get(first).copied()
    }

    /// The most that any hunt has tried until it caught it.
    pub(super) fn longest(&self) -> u64 {
        self.caught().map(|(_, caught)| caught.after).max().unwrap_or(0)
    }

    /// The middle one of what was tried until it was caught.
    fn median(&self) -> Option<(u64, &'static str)> {
        let mut all: Vec<(u64, &'static str)> =
            self.caught().map(|(_, caught)| (caught.after, caught.unit)).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    fn to_line(&self) -> String {
        let Bug { name, breaks, wrong, .. } = self.bug;
        let layer = self.layer().map_or_else(|| String::from("NOBODY"), Layer::name);
        let after = match self.median() {
            Some((1, "checks")) => String::from("at once"),
            Some((after, unit)) => format!("{after} {unit}"),
            None => String::from("never"),
        };
        format!("| `{name}` | {} | {wrong} | {layer} | {after} |", breaks.id())
    }
}

/// The table, in Markdown.
pub(super) fn to_text(rows: &[Row]) -> String {
    let head = "| bug | breaks | what is wrong | caught by | after |\n|---|---|---|---|---|";
    let lines = rows.iter().map(|row| format!("\n{}", row.to_line()));
    format!("{head}{}", lines.collect::<String>())
}
