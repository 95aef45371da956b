//! Texts that come from hosts, devices and servers, bounded where they enter.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the {kind} is empty")]
    Empty {
        /// What was to be named.
        kind: &'static str,
    },
    /// More bytes than a name of this kind may have.
    #[error("the {kind} has {bytes} bytes; at most {limit} are taken")]
    TooLong {
        /// What was to be named.
        kind: &'static str,
        /// How many bytes were given.
        bytes: usize,
        /// How many are taken.
        limit: usize,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most bytes that such a name may have.
            pub const BYTES_MAX: usize = $limit;

            /// Takes a text as it is, if it has between one and [`Self::BYTES_MAX`] bytes.
            ///
            /// # Errors
            ///
            /// [`NameError`] when it is empty or longer.
            pub fn new(text: &str) -> Result<Self, NameError> {
                match text.len() {
                    0 => Err(NameError::Empty { kind: $kind }),
                    bytes if bytes > $limit => {
                        Err(NameError::TooLong { kind: $kind, bytes, limit: $limit })
                    }
                    _ => Ok(Self(Arc::from(text))),
                }
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // A control or format character of a device's or server's name must not reach a
                // terminal.
                let shown = self.0.chars().flat_map(visible);
                shown.map(|letter| fmt::Write::write_char(f, letter)).collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("a ", $kind))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::new(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

name! {
    /// What a host calls a device: a Bluetooth address, `phone-mic`, whatever it likes.
    Device, "device", 128
}
name! {
    /// What a host calls the account that owns a recording.
    Account, "account", 128
}
name! {
    /// What a server calls a conversation.
    ConversationId, "conversation id", 256
}

/// The device's name as it stands in an upload's file name: ASCII letters and digits, lower-cased,
/// everything else left out; `unknown` when nothing is left.
pub fn slug(device: &str) -> String {
    let kept = device.chars().filter(char::is_ascii_alphanumeric).take(64);
    let slug: String = kept.map(|letter| letter.to_ascii_lowercase()).collect();
    if slug.is_empty() { String::from("unknown") } else { slug }
}

/// Whether a character could steer a terminal or the direction of a text instead of being shown.
pub(crate) fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn visible(letter: char) -> impl Iterator<Item = char> {
    let hidden = steers(letter);
    let plain = (!hidden).then_some(letter);
    let escaped = hidden.then(|| letter.escape_unicode()).into_iter().flatten();
    plain.into_iter().chain(escaped)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_name_is_kept_as_it_was_given_and_shown_without_control_characters() {
        let device = Device::new("pen\u{1b}[31m\u{202e}dant").expect("short enough");
        assert_eq!(device.as_str(), "pen\u{1b}[31m\u{202e}dant");
        assert_eq!(device.to_string(), "pen\\u{1b}[31m\\u{202e}dant");
    }

    #[test]
    fn a_name_reads_back_as_it_was_written_and_a_bad_one_is_refused_with_the_reason() {
        let account = Account::new("who\u{202e}").expect("short enough");
        let text = serde_json::to_string(&account).expect("it has a form");
        assert_eq!(serde_json::from_str::<Account>(&text).expect("it is one"), account);
        let empty = serde_json::from_str::<Account>("\"\"").expect_err("it is empty");
        assert!(empty.to_string().contains("the account is empty"), "{empty}");
        let number = serde_json::from_str::<Account>("5").expect_err("it is no text");
        assert!(number.to_string().contains("account"), "{number}");
    }

    #[test]
    fn a_name_of_just_so_many_bytes_is_taken() {
        assert!(Device::new(&"x".repeat(128)).is_ok());
        assert!(ConversationId::new(&"x".repeat(256)).is_ok());
    }

    #[test]
    fn what_steers_is_shown_as_what_it_is_and_letters_are_left_alone() {
        let steering =
            ['\u{7}', '\u{85}', '\u{200b}', '\u{200f}', '\u{2028}', '\u{2069}', '\u{feff}'];
        assert!(steering.into_iter().all(steers));
        let shown = ['a', 'ä', ' ', '\u{2010}', '\u{2030}', '\u{206a}', '\u{1f600}'];
        assert!(!shown.into_iter().any(steers));
    }

    #[test]
    fn empty_and_overlong_names_are_refused() {
        assert!(ConversationId::new("").is_err());
        assert!(Device::new(&"x".repeat(129)).is_err());
    }

    #[test]
    fn a_device_address_becomes_the_letters_and_digits_of_it() {
        assert_eq!(slug("AA:BB:0c"), "aabb0c");
        assert_eq!(slug("phone-mic"), "phonemic");
        assert_eq!(slug("../../é"), "unknown");
    }
}
