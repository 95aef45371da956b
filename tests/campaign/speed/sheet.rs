//! What was measured, and what it had to be.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::outcome::Outcome;

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    /// It is told, and that is all.
    None,
}

/// How far a figure can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is counted and the same in every run.
    Exact,
    /// It is timed; what else the machine does moves it.
    Timed,
}

/// One figure.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) topic: &'static str,
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) limit: Limit,
    pub(super) kind: Kind,
}

impl Figure {
    pub(super) fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.value >= limit,
            Limit::AtMost(limit) => self.value <= limit,
            Limit::None => true,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, "at least {}", number(*limit)),
            Self::AtMost(limit) => write!(f, "at most {}", number(*limit)),
            Self::None => f.write_str("–"),
        }
    }
}

/// A table of text, for the document.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) topic: &'static str,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A picture, for the document.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) topic: &'static str,
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) svg: String,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) figures: Vec<Figure>,
    pub(super) tables: Vec<Table>,
    pub(super) plots: Vec<Plot>,
    is_silent: bool,
}

impl Sheet {
    /// One that tells nobody.
    pub(super) fn silent() -> Self {
        Self { is_silent: true, ..Self::default() }
    }

    /// Notes a figure, and tells it at once.
    pub(super) fn note(
        &mut self,
        (topic, kind): (&'static str, Kind),
        name: impl Into<String>,
        (value, unit): (f64, &'static str),
        limit: Limit,
    ) {
        let figure = Figure { topic, name: name.into(), value, unit, limit, kind };
        if !self.is_silent {
            let verdict = if figure.is_met() { "" } else { "  MISSED" };
            eprintln!("{}: {} {unit} ({limit}){verdict}", figure.name, number(value));
        }
        self.figures.push(figure);
    }

    /// Figures whose limits are not met: the counted ones always, the timed ones when somebody
    /// asked for a long run.
    pub(super) fn missed(&self, is_long: bool) -> impl Iterator<Item = &Figure> {
        let counts = move |figure: &&Figure| is_long || figure.kind == Kind::Exact;
        self.figures.iter().filter(counts).filter(|figure| !figure.is_met())
    }

    pub(super) fn write(&self, is_long: bool, outcome: &mut Outcome) {
        outcome.checked = self.figures.len() as u64;
        outcome.violations = self.missed(is_long).count() as u64;
        let value = |figure: &Figure| (figure.name.clone(), json!(rounded(figure.value)));
        let figures: Map<String, Value> = self.figures.iter().map(value).collect();
        outcome.more.insert(String::from("figures"), Value::Object(figures));
        let missed = |is_long| -> Vec<_> {
            self.missed(is_long).map(|figure| figure.name.as_str()).collect()
        };
        outcome.more.insert(String::from("missed"), json!(missed(true)));
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// A number as people write it: three figures that matter.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    let text = match magnitude {
        _ if magnitude >= 100.0 => format!("{value:.0}"),
        _ if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    grouped(&text)
}

/// Thousands apart.
fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left.is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
