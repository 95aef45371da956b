//! Compares a report with what was expected of it.

use serde_json::{Map, Number, Value};

use super::{Expected, Range};
use crate::feed::micros;

/// The most elements of a list that a verdict repeats although nothing was expected of them.
const FOUND_ELEMENTS_MAX: usize = 16;

impl Expected {
    /// The part of what was found that differs; `None` when all is as expected.
    pub(super) fn difference(&self, found: &Value) -> Option<Value> {
        match self {
            Self::Same(expected) => (expected != found).then(|| found.clone()),
            Self::Number(expected) => {
                let same = as_number(found).is_some_and(|found| equal(expected, found));
                (!same).then(|| found.clone())
            }
            Self::Range(range) => {
                let within = as_number(found).is_some_and(|found| range.holds(found));
                (!within).then(|| found.clone())
            }
            Self::Count(expected) => count_difference(expected, found),
            Self::List(expected) => list_difference(expected, found),
            Self::Object(expected) => object_difference(expected, found),
        }
    }
}

impl Range {
    fn holds(&self, found: &Number) -> bool {
        let above = self.min.as_ref().is_none_or(|min| equal(min, found) || less(min, found));
        let below = self.max.as_ref().is_none_or(|max| equal(max, found) || less(found, max));
        above && below
    }
}

const fn as_number(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => Some(number),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// Whole numbers are equal exactly, others to the microsecond, which is as fine as a report counts.
fn equal(expected: &Number, found: &Number) -> bool {
    if let (Some(expected), Some(found)) = (expected.as_i128(), found.as_i128()) {
        return expected == found;
    }
    match (expected.as_f64(), found.as_f64()) {
        (Some(expected), Some(found)) => match (micros(expected), micros(found)) {
            (Some(expected), Some(found)) => expected.abs_diff(found) <= 1,
            (None, _) | (_, None) => expected == found,
        },
        (None, _) | (_, None) => false,
    }
}

fn less(left: &Number, right: &Number) -> bool {
    left.as_f64() < right.as_f64()
}

fn count_difference(expected: &Expected, found: &Value) -> Option<Value> {
    let Value::Array(elements) = found else {
        return Some(found.clone());
    };
    expected.difference(&Value::from(elements.len())).map(|count| labelled("count", count))
}

/// Differing elements under their index; with another count, that and the elements left over too.
fn list_difference(expected: &[Expected], found: &Value) -> Option<Value> {
    let Value::Array(elements) = found else {
        return Some(found.clone());
    };
    let pairs = expected.iter().zip(elements).enumerate();
    let mut differing: Map<_, _> = pairs
        .filter_map(|(index, (expected, found))| {
            expected.difference(found).map(|found| (index.to_string(), found))
        })
        .collect();
    if expected.len() != elements.len() {
        differing.insert(String::from("count"), Value::from(elements.len()));
        let left_over = elements.iter().enumerate().skip(expected.len());
        differing.extend(
            left_over
                .take(FOUND_ELEMENTS_MAX)
                .map(|(index, found)| (index.to_string(), found.clone())),
        );
    }
    (!differing.is_empty()).then_some(Value::Object(differing))
}

fn object_difference(expected: &[(String, Expected)], found: &Value) -> Option<Value> {
    let Value::Object(fields) = found else {
        return Some(found.clone());
    };
    let differing: Map<_, _> = expected
        .iter()
        .filter_map(|(name, expected)| {
            let found = fields.get(name).unwrap_or(&Value::Null);
            expected.difference(found).map(|found| (name.clone(), found))
        })
        .collect();
    (!differing.is_empty()).then_some(Value::Object(differing))
}

fn labelled(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}
