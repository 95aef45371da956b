//! What came of the hunts for each bug, as a table.

use super::crew::End;
use super::hunt::Caught;
use super::table::{Bug, Layer};

/// What came of all hunts of one layer for one bug.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: usize,
    pub(super) bug: Bug,
    /// The layer's place among the bug's.
    pub(super) place: usize,
    pub(super) layer: Layer,
    pub(super) ends: Vec<End>,
}

impl Row {
    /// A row for each layer that hunts for a bug.
    pub(super) fn of(number: usize, bug: Bug) -> impl Iterator<Item = Self> {
        let layers = bug.layers.iter().copied().enumerate();
        layers.map(move |(place, layer)| Self { number, bug, place, layer, ends: Vec::new() })
    }

    fn caught(&self) -> impl Iterator<Item = &Caught> {
        self.ends.iter().filter_map(|end| match end {
            End::Caught(caught) => Some(caught),
            End::Nothing | End::Broken(_) => None,
        })
    }

    /// Whether every hunt has caught it.
    pub(super) fn is_caught(&self) -> bool {
        !self.ends.is_empty() && self.caught().count() == self.ends.len()
    }

    /// The most that any hunt has tried until it caught it.
    pub(super) fn longest(&self) -> u64 {
        self.caught().map(|caught| caught.after).max().unwrap_or(0)
    }

    /// The middle one of what was tried until it was caught.
    fn median(&self) -> Option<(u64, &'static str)> {
        let mut all: Vec<_> = self.caught().map(|caught| (caught.after, caught.unit)).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    fn to_line(&self) -> String {
        let Bug { name, breaks, wrong, .. } = self.bug;
        let after = match self.median().filter(|_| self.is_caught()) {
            Some((_, "checks")) => String::from("at once"),
            Some((after, unit)) => format!("{after} {unit}"),
            None => String::from("NOT CAUGHT"),
        };
        format!("| `{name}` | {} | {wrong} | {} | {after} |", breaks.id(), self.layer.name())
    }
}

/// The table, in Markdown.
pub(super) fn to_text(rows: &[Row]) -> String {
    let head = "| bug | breaks | what is wrong | caught by | after |\n|---|---|---|---|---|";
    let lines = rows.iter().map(|row| format!("\n{}", row.to_line()));
    format!("{head}{}", lines.collect::<String>())
}
