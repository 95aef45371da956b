//! Fields of foreign JSON that count only when they are what they should be.

use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

use earmark_core::ConversationId;
use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What can be read out of a field. Each method is one JSON type; what a type leaves out reads as
/// absent.
pub(crate) trait Field: Sized {
    /// Reads a text.
    fn from_text(_text: &str) -> Option<Self> {
        None
    }

    /// Reads a number without a fraction and without a sign.
    fn from_whole(_number: u64) -> Option<Self> {
        None
    }

    /// Reads any other number.
    fn from_number(_number: f64) -> Option<Self> {
        None
    }

    /// Reads an object; it must be read to its end.
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny.visit_map(object).map(|_| None)
    }

    /// Reads an array; it must be read to its end.
    fn from_array<'de, A: SeqAccess<'de>>(array: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny.visit_seq(array).map(|_| None)
    }
}

/// Reads a field that is absent when it is of another type than expected. Nothing is kept of such a
/// value; JSON that is no JSON is still an error.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Field,
{
    deserializer.deserialize_any(FieldVisitor(PhantomData))
}

/// A [`Field`] as an element of a list.
pub(crate) struct Lenient<T>(pub(crate) Option<T>);

impl<'de, T: Field> serde::Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient(deserializer).map(Self)
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Field> Visitor<'de> for FieldVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::from_text(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        Ok(T::from_whole(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        Ok(T::from_number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        Ok(T::from_number(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Option<T>, A::Error> {
        T::from_object(object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Option<T>, A::Error> {
        T::from_array(array)
    }
}

impl Field for ConversationId {
    fn from_text(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

/// A count or a whole number of time units. A fraction rounds up, so that a wait never gets
/// shorter.
impl Field for u64 {
    fn from_whole(number: u64) -> Option<Self> {
        Some(number)
    }

    fn from_number(number: f64) -> Option<Self> {
        let whole = number as u64;
        (number >= 0.0).then(|| whole.saturating_add(u64::from(whole as f64 != number)))
    }
}

/// A text cut to so many characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut<const CHARS_MAX: usize>(pub(crate) String);

impl<const CHARS_MAX: usize> Field for Cut<CHARS_MAX> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(cut(text, CHARS_MAX)))
    }
}

/// The first so many characters of a text.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
