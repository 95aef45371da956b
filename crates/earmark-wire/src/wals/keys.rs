//! The keys of a JSON object with their values as they were written.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{WAL_KEYS_MAX, WalFault};
use crate::field::{Field, Lenient};

/// The keys of an object, each once, in their order, with their values as they were written: no
/// number loses a digit. Of a key that comes twice the latter value counts.
#[derive(Clone, Debug, Default)]
pub struct WalKeys {
    keys: Vec<(String, Box<RawValue>)>,
    /// Whether there were more than are kept.
    pub(super) overflowed: bool,
}

impl WalKeys {
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// [`WalFault::Shape`] when it is none, [`WalFault::TooManyKeys`] when it has too many keys.
    pub fn parse(text: &str) -> Result<Self, WalFault> {
        let keys: Self = serde_json::from_str(text).map_err(|_| WalFault::Shape)?;
        if keys.overflowed { Err(WalFault::TooManyKeys) } else { Ok(keys) }
    }

    /// The value of a key as it was written.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(known, _)| known == key).map(|(_, value)| value.get())
    }

    /// Sets a key to a text, a number or nothing, which never fails to have a JSON form.
    pub(super) fn set(&mut self, key: &str, value: impl Serialize) {
        let value = serde_json::value::to_raw_value(&value).expect("it has a JSON form");
        self.put(String::from(key), value);
    }

    pub(super) fn put(&mut self, key: String, value: Box<RawValue>) {
        if let Some((_, old)) = self.keys.iter_mut().find(|(known, _)| *known == key) {
            *old = value;
        } else if self.keys.len() < WAL_KEYS_MAX {
            self.keys.push((key, value));
        } else {
            self.overflowed = true;
        }
    }

    /// Takes the keys of another object in, over those of the same name.
    pub fn extend(&mut self, other: &Self) {
        for (key, value) in &other.keys {
            self.put(key.clone(), value.clone());
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What can be read out of a key's value.
    pub(super) fn read<T: Field>(&self, key: &str) -> Option<T> {
        let value: Lenient<T> = serde_json::from_str(self.get(key)?).ok()?;
        value.0
    }

    /// The object's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("what was JSON is JSON")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.keys.iter().map(|(key, value)| (key.as_str(), &**value))
    }
}

impl Serialize for WalKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.keys.len()))?;
        self.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for WalKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = WalKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<WalKeys, A::Error> {
        let mut keys = WalKeys::default();
        while let Some((key, value)) = object.next_entry()? {
            keys.put(key, value);
        }
        Ok(keys)
    }
}
