//! What came of a campaign.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// This machine lacks something, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CannotRun(pub(crate) String);

/// The counts of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) checked: u64,
    pub(crate) unit: &'static str,
    pub(crate) violations: u64,
    /// Bugs that were planted to see whether the checks notice, and those that were noticed.
    pub(crate) planted: u64,
    pub(crate) caught: u64,
    /// What this campaign alone counts.
    pub(crate) more: Map<String, Value>,
}

impl Outcome {
    /// Whether nothing was violated and the checks can see.
    pub(crate) const fn holds(&self) -> bool {
        self.violations == 0 && self.caught == self.planted && self.checked > 0
    }

    /// One line; the common fields come first.
    pub(crate) fn to_json(&self, name: &str, took: Duration) -> String {
        let seconds = (took.as_secs_f64() * 10.0).round() / 10.0;
        // As a list and not as an object, whose order would be the alphabet's.
        let mut fields = vec![
            (String::from("campaign"), json!(name).to_string()),
            (String::from("checked"), json!(self.checked).to_string()),
            (String::from("unit"), json!(self.unit).to_string()),
            (String::from("seconds"), json!(seconds).to_string()),
            (String::from("violations"), json!(self.violations).to_string()),
        ];
        let controls = format!(r#"{{"planted":{},"caught":{}}}"#, self.planted, self.caught);
        let more = self.more.iter().map(|(key, value)| (key.clone(), value.to_string()));
        fields.push((String::from("controls"), controls));
        fields.extend(more);
        let field = |(key, value): &(String, String)| format!("{}:{value}", json!(key));
        let fields: Vec<String> = fields.iter().map(field).collect();
        format!("{{{}}}", fields.join(","))
    }
}

/// A line of results. Whoever closed the pipe does not want it.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
