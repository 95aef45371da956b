//! A value as the file or the environment gives it, and as its key wants it.

use std::borrow::Cow;

use toml::de::DeValue;

use super::key::Shape;

/// A value of the shape that its key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Datum {
    Text(String),
    Whole(u64),
    Flag(bool),
    List(Vec<String>),
}

/// Names of units, and how many bytes each has.
const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A value of the file.
pub(crate) fn of_file(value: &DeValue<'_>, shape: Shape) -> Result<Datum, String> {
    match value {
        DeValue::String(text) => of_text(text, shape, false),
        DeValue::Integer(number) => whole(number.as_str(), number.radix(), shape),
        DeValue::Boolean(flag) if shape == Shape::Flag => Ok(Datum::Flag(*flag)),
        DeValue::Array(list) if shape == Shape::Command => {
            let texts = list.iter().map(|one| match one.get_ref() {
                DeValue::String(text) => Ok(text.clone().into_owned()),
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => Err(String::from("a list of texts alone is expected")),
            });
            command(texts.collect::<Result<_, _>>()?)
        }
        DeValue::Boolean(_)
        | DeValue::Array(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => Err(format!("{} is expected", expected(shape))),
    }
}

/// A value of an environment variable, which is a text whatever it means.
pub(crate) fn of_variable(text: &str, shape: Shape) -> Result<Datum, String> {
    of_text(text, shape, true)
}

fn of_text(text: &str, shape: Shape, is_all_text: bool) -> Result<Datum, String> {
    let refused = || format!("{text:?} is not taken; {} is expected", expected(shape));
    match shape {
        Shape::Text | Shape::Path if text.trim().is_empty() => {
            Err(format!("it is empty; {} is expected", expected(shape)))
        }
        Shape::Text | Shape::Path => Ok(Datum::Text(text.to_owned())),
        Shape::OneOf(words) if words.contains(&text) => Ok(Datum::Text(text.to_owned())),
        Shape::OneOf(words) => Err(super::fault::unknown("choice", text, words)),
        Shape::Bytes => bytes(text).map(Datum::Whole).ok_or_else(refused),
        Shape::Flag if is_all_text => text.parse().map(Datum::Flag).map_err(|_| refused()),
        Shape::Whole(..) if is_all_text => whole(text, 10, shape),
        Shape::Command if is_all_text => command(text.split(' ').map(String::from).collect()),
        Shape::Flag | Shape::Whole(..) | Shape::Command => Err(refused()),
    }
}

fn command(words: Vec<String>) -> Result<Datum, String> {
    let has_program = words.first().is_some_and(|program| !program.trim().is_empty());
    if has_program { Ok(Datum::List(words)) } else { Err(String::from("it names no program")) }
}

fn whole(digits: &str, radix: u32, shape: Shape) -> Result<Datum, String> {
    let refused = || format!("{digits} is not taken; {} is expected", expected(shape));
    let number = u64::from_str_radix(digits, radix).map_err(|_| refused())?;
    match shape {
        Shape::Whole(min, max) if (min..=max).contains(&number) => Ok(Datum::Whole(number)),
        Shape::Bytes => Ok(Datum::Whole(number)),
        Shape::Text
        | Shape::Path
        | Shape::Flag
        | Shape::OneOf(_)
        | Shape::Command
        | Shape::Whole(..) => Err(refused()),
    }
}

/// Bytes from a text such as `20 GiB`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    digits.parse::<u64>().ok()?.checked_mul(*size)
}

/// What a shape wants, in words.
pub(crate) fn expected(shape: Shape) -> Cow<'static, str> {
    match shape {
        Shape::Text => "a text".into(),
        Shape::Path => "a path".into(),
        Shape::Flag => "true or false".into(),
        Shape::Whole(min, max) => format!("a whole number from {min} to {max}").into(),
        Shape::Bytes => "a number of bytes, or a text such as \"20 GiB\"".into(),
        Shape::OneOf(words) => format!("one of {}", words.join(", ")).into(),
        Shape::Command => "a list of texts: a program and its arguments".into(),
    }
}
