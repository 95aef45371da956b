//! Reading a list as far as it goes: what was whole before it breaks off counts.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{WALS_BYTES_MAX, WALS_MAX, WalEntry, WalIndex, WalsFault};

/// Keys of the list that are written anew each time.
const OWN_KEYS: [&str; 3] = ["version", "timestamp", "wals"];

/// Reads a list. What is wrong with it is in what it gives; it never fails.
pub fn read_wals(bytes: &[u8]) -> WalIndex {
    let mut index = WalIndex::default();
    if bytes.iter().all(u8::is_ascii_whitespace) {
        index.fault = Some(WalsFault::Empty);
        return index;
    }
    let read = bytes.get(..WALS_BYTES_MAX).unwrap_or(bytes);
    let mut json = serde_json::Deserializer::from_slice(read);
    let mut list = List { index: &mut index, has_wals: false };
    let ended = json.deserialize_map(&mut list).and_then(|()| json.end());
    let has_wals = list.has_wals;
    let fault = match ended {
        Err(_) if bytes.len() > read.len() => Some(WalsFault::TooLong),
        Err(error) if error.is_data() => Some(WalsFault::Shape),
        Err(error) => Some(WalsFault::Broken { line: error.line(), column: error.column() }),
        Ok(()) if !has_wals => Some(WalsFault::Shape),
        Ok(()) => None,
    };
    index.fault = fault.or(index.fault);
    index
}

/// Gathers what the list says, so that it is there when the list breaks off.
struct List<'a> {
    index: &'a mut WalIndex,
    has_wals: bool,
}

impl<'de> Visitor<'de> for &mut List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list `wals`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            if key == "wals" {
                self.has_wals = true;
                object.next_value_seed(Entries(self.index))?;
            } else {
                let value: Box<RawValue> = object.next_value()?;
                if !OWN_KEYS.contains(&key.as_str()) {
                    self.index.rest.put(key, value);
                }
            }
        }
        Ok(())
    }
}

struct Entries<'a>(&'a mut WalIndex);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let index = self.0;
        let mut number = 0;
        while number < WALS_MAX {
            let Some(text) = list.next_element::<Box<RawValue>>()? else {
                return Ok(());
            };
            match WalEntry::parse(text.get()) {
                Ok(entry) => index.entries.push(entry),
                Err(fault) => index.unusable.push((number, fault)),
            }
            number += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            index.fault = Some(WalsFault::TooMany);
        }
        Ok(())
    }
}
