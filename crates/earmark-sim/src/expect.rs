//! What a feed expects of the report at a moment.
//!
//! An expectation names parts of the report, and only those are compared. It is read against the
//! report's shape before a feed runs, so that a misspelt field fails at once and not after an hour.

mod check;
mod loosen;
mod read;
mod shape;

use serde_json::{Map, Number, Value};

use crate::feed::or_nearest;
use crate::report::{Report, Verdict};

/// Parts of the report, and what each should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    parts: Vec<(String, Expected)>,
}

/// What is expected of one part of the report.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    /// Exactly this `null`, flag or text.
    Same(Value),
    /// This number: `3` and `3.0` are the same one.
    Number(Number),
    /// A number within these bounds.
    Range(Range),
    /// A list of so many elements.
    Count(Box<Self>),
    /// A list of exactly such elements, in this order.
    List(Vec<Self>),
    /// An object in which these fields are so.
    Object(Vec<(String, Self)>),
}

/// Inclusive bounds, of which at least one is given.
#[derive(Clone, Debug, PartialEq)]
struct Range {
    min: Option<Number>,
    max: Option<Number>,
}

/// An expectation asks for what no report holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationError {
    /// The report has no such field.
    #[error(
        "{field} is no field of the report{place}: expected one of {}{}",
        known.join(", "),
        or_nearest(*nearest)
    )]
    UnknownField {
        /// Which part of the report: empty, or ` of "recordings[0]"`.
        place: String,
        /// What stands there, quoted.
        field: String,
        /// The fields that this part has.
        known: Vec<&'static str>,
        /// The field that looks most like it.
        nearest: Option<&'static str>,
    },
    /// The field can never have such a value.
    #[error("\"{place}\" is {found}: expected {expected}")]
    Value {
        /// Which field, with its place.
        place: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
}

impl Expectation {
    /// Reads the fields of an `expect` line; `at` and `do` are no part of them.
    ///
    /// # Errors
    ///
    /// [`ExpectationError`] for the first field that no report has, and the first value that such a
    /// field never has.
    pub fn parse(fields: &Map<String, Value>) -> Result<Self, ExpectationError> {
        let parts = read::object(shape::REPORT, false, fields, "")?;
        Ok(Self { parts })
    }

    /// The fields that [`Self::parse`] reads back as this expectation.
    pub fn fields(&self) -> Map<String, Value> {
        fields(&self.parts)
    }

    /// Compares a report with what was expected of it on a line of the feed.
    pub fn check(&self, line: usize, report: &Report) -> Verdict {
        let found = serde_json::to_value(report)
            .expect("a report has text keys only and no number that JSON lacks");
        let differences = self.parts.iter().filter_map(|(name, expected)| {
            let found = found.get(name).unwrap_or(&Value::Null);
            expected.difference(found).map(|found| (name.clone(), found))
        });
        let differences: Map<_, _> = differences.collect();
        let held = differences.is_empty();
        let found = if held { Value::Null } else { Value::Object(differences) };
        Verdict { line, held, found }
    }
}

impl Expected {
    fn value(&self) -> Value {
        match self {
            Self::Same(value) => value.clone(),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Range(Range { min, max }) => {
                let bound = |name: &str, bound: &Option<Number>| {
                    bound.clone().map(|number| (name.to_owned(), Value::Number(number)))
                };
                Value::Object(bound("min", min).into_iter().chain(bound("max", max)).collect())
            }
            Self::Count(count) => {
                Value::Object(Map::from_iter([(String::from("count"), count.value())]))
            }
            Self::List(elements) => elements.iter().map(Self::value).collect(),
            Self::Object(parts) => Value::Object(fields(parts)),
        }
    }
}

fn fields(parts: &[(String, Expected)]) -> Map<String, Value> {
    let field = |(name, expected): &(String, Expected)| (name.clone(), expected.value());
    parts.iter().map(field).collect()
}

#[cfg(test)]
mod tests;
