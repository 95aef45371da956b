//! Reads what a feed expects, against the report's shape.

use serde_json::{Map, Number, Value};

use super::shape::Shape;
use super::{ExpectationError, Expected, Range};
use crate::feed::{nearest, shown};

type Fields = &'static [(&'static str, Shape)];

/// Reads the expectation of an object's named fields; `place` is the object's own, with a last dot.
pub(super) fn object(
    fields: Fields,
    open: bool,
    object: &Map<String, Value>,
    place: &str,
) -> Result<Vec<(String, Expected)>, ExpectationError> {
    let field = |(name, value): (&String, &Value)| {
        let known = fields.iter().find(|(known, _)| known == name);
        let shape = match known {
            Some((_, shape)) => *shape,
            None if open => Shape::Any,
            None => return Err(unknown(fields, name, place)),
        };
        Ok((name.clone(), expected(shape, value, &format!("{place}{name}"))?))
    };
    object.iter().map(field).collect()
}

fn unknown(fields: Fields, name: &str, place: &str) -> ExpectationError {
    let known: Vec<_> = fields.iter().map(|(known, _)| *known).collect();
    ExpectationError::UnknownField {
        place: place.strip_suffix('.').map_or_else(String::new, |of| format!(" of \"{of}\"")),
        field: shown(&Value::from(name)),
        nearest: nearest(name, &known),
        known,
    }
}

/// Reads what is expected of one part of the report.
fn expected(shape: Shape, value: &Value, place: &str) -> Result<Expected, ExpectationError> {
    let refused = |wanted: &str| ExpectationError::Value {
        place: place.to_owned(),
        found: shown(value),
        expected: wanted.to_owned(),
    };
    match shape {
        Shape::Whole => whole(value, place),
        Shape::Seconds => number(value, place, "a number of seconds"),
        Shape::Flag => same(value, Value::is_boolean).ok_or_else(|| refused("true or false")),
        Shape::Text => same(value, Value::is_string).ok_or_else(|| refused("a text")),
        Shape::Word(words) => {
            word(value, words).ok_or_else(|| refused(&format!("one of {}", words.join(", "))))
        }
        Shape::WholeOrWord(words) => word(value, words)
            .map_or_else(|| whole(value, place), Ok)
            .map_err(|_| refused(&format!("a whole number or one of {}", words.join(", ")))),
        Shape::Nullable(_) if value.is_null() => Ok(Expected::Same(Value::Null)),
        Shape::Nullable(inner) => expected(*inner, value, place).map_err(or_null),
        Shape::List(element) => list(*element, value, place),
        Shape::Object(fields) => {
            let given = value.as_object().ok_or_else(|| refused("an object"))?;
            object(fields, false, given, &format!("{place}.")).map(Expected::Object)
        }
        Shape::Open(fields) => {
            let given = value.as_object().ok_or_else(|| refused("an object"))?;
            object(fields, true, given, &format!("{place}.")).map(Expected::Object)
        }
        Shape::Any => any(value, place),
    }
}

fn or_null(error: ExpectationError) -> ExpectationError {
    match error {
        ExpectationError::Value { place, found, expected } => {
            ExpectationError::Value { place, found, expected: format!("{expected}, or null") }
        }
        unknown @ ExpectationError::UnknownField { .. } => unknown,
    }
}

fn same(value: &Value, fits: fn(&Value) -> bool) -> Option<Expected> {
    fits(value).then(|| Expected::Same(value.clone()))
}

fn word(value: &Value, words: &[&str]) -> Option<Expected> {
    let word = value.as_str()?;
    words.contains(&word).then(|| Expected::Same(value.clone()))
}

fn whole(value: &Value, place: &str) -> Result<Expected, ExpectationError> {
    let wanted = "a whole number";
    let number = number(value, place, wanted)?;
    let is_whole = |number: &Number| {
        number.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
    };
    let fits = match &number {
        Expected::Number(number) => is_whole(number),
        Expected::Range(Range { min, max }) => [min, max].into_iter().flatten().all(is_whole),
        Expected::Same(_) | Expected::Count(_) | Expected::List(_) | Expected::Object(_) => false,
    };
    fits.then_some(number).ok_or_else(|| ExpectationError::Value {
        place: place.to_owned(),
        found: shown(value),
        expected: format!("{wanted} not below 0, or {RANGE}"),
    })
}

const RANGE: &str = "{\"min\", \"max\"} of such numbers";

fn number(value: &Value, place: &str, wanted: &str) -> Result<Expected, ExpectationError> {
    let refused = || ExpectationError::Value {
        place: place.to_owned(),
        found: shown(value),
        expected: format!("{wanted}, or {RANGE}"),
    };
    match value {
        Value::Number(number) => Ok(Expected::Number(number.clone())),
        Value::Object(object) => range(object).map(Expected::Range).ok_or_else(refused),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => Err(refused()),
    }
}

/// A range, when the object is one: `min`, `max` or both, numbers, and not crossed.
fn range(object: &Map<String, Value>) -> Option<Range> {
    let known = object.keys().all(|key| key == "min" || key == "max");
    let bound = |name: &str| match object.get(name) {
        None => Some(None),
        Some(Value::Number(number)) => Some(Some(number.clone())),
        Some(_) => None,
    };
    let (min, max) = (bound("min")?, bound("max")?);
    let crossed = match (&min, &max) {
        (Some(min), Some(max)) => min.as_f64() > max.as_f64(),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => return None,
    };
    (known && !crossed).then_some(Range { min, max })
}

fn list(element: Shape, value: &Value, place: &str) -> Result<Expected, ExpectationError> {
    match value {
        Value::Array(elements) => {
            let each = elements
                .iter()
                .enumerate()
                .map(|(index, value)| expected(element, value, &format!("{place}[{index}]")));
            each.collect::<Result<_, _>>().map(Expected::List)
        }
        Value::Object(object) if object.len() == 1 && object.contains_key("count") => {
            let count = whole(&object["count"], &format!("{place}.count"))?;
            Ok(Expected::Count(Box::new(count)))
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(ExpectationError::Value {
                place: place.to_owned(),
                found: shown(value),
                expected: String::from("a list, or {\"count\"}"),
            })
        }
    }
}

/// Where the report may hold anything, an object that reads as a range or a count is one.
fn any(value: &Value, place: &str) -> Result<Expected, ExpectationError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(Expected::Same(value.clone())),
        Value::Number(number) => Ok(Expected::Number(number.clone())),
        Value::Array(_) => list(Shape::Any, value, place),
        Value::Object(given) => match range(given) {
            Some(range) => Ok(Expected::Range(range)),
            None => list(Shape::Any, value, place)
                .or_else(|_| object(&[], true, given, &format!("{place}.")).map(Expected::Object)),
        },
    }
}
