//! The numbers by which a store knows its captures, sessions and recordings.
//!
//! An id is the random incarnation of the store that gave it and a number that rises within it. It
//! is never taken from a clock, a device or a server, so it can stand in a file name, and it never
//! recurs.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text is no id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id of this kind reads `{letter}-1f3a9c2e-7`: {letter}, eight hexadecimal digits, a number"
)]
pub struct IdError {
    letter: char,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            incarnation: u32,
            number: u32,
        }

        impl $name {
            /// The id with this number in the store of this incarnation.
            pub const fn new(incarnation: u32, number: u32) -> Self {
                Self { incarnation, number }
            }

            /// The incarnation of the store that gave the id.
            pub const fn incarnation(self) -> u32 {
                self.incarnation
            }

            /// The number within the store, rising in the order in which ids were given.
            pub const fn number(self) -> u32 {
                self.number
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{:08x}-{}", $letter, self.incarnation, self.number)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text, $letter)
                    .map(|(incarnation, number)| Self { incarnation, number })
                    .ok_or(IdError { letter: $letter })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                (self.incarnation, self.number).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("an id that begins with `", $letter, "-`"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                if deserializer.is_human_readable() {
                    return deserializer.deserialize_str(Text);
                }
                let (incarnation, number) = Deserialize::deserialize(deserializer)?;
                Ok(Self { incarnation, number })
            }
        }
    };
}

id! {
    /// One run of capture of a device, from its start to its stop: the scope of frame numbers.
    CaptureId, 'c'
}
id! {
    /// One session: a run of capture that a boundary, a stop or a gap of 120 s ends.
    SessionId, 's'
}
id! {
    /// One recording: about a minute of one session's frames, sealed into one file.
    RecordingId, 'r'
}

fn parse(text: &str, letter: char) -> Option<(u32, u32)> {
    let (incarnation, number) = text.strip_prefix(letter)?.strip_prefix('-')?.split_once('-')?;
    let canonical = number == "0" || !number.starts_with('0');
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if incarnation.len() != 8 || !incarnation.bytes().all(hex) || !canonical || !digits {
        return None;
    }
    Some((u32::from_str_radix(incarnation, 16).ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = RecordingId::new(0x1f3a_9c2e, 7);
        assert_eq!(id.to_string(), "r-1f3a9c2e-7");
        assert_eq!("r-1f3a9c2e-7".parse(), Ok(id));
    }

    #[test]
    fn an_id_reads_back_for_people_and_for_programs() {
        let id = SessionId::new(0x1f3a_9c2e, 7);
        let text = serde_json::to_string(&id).expect("it has a form");
        assert_eq!(text, "\"s-1f3a9c2e-7\"");
        assert_eq!(serde_json::from_str::<SessionId>(&text).expect("it is one"), id);
        let other = serde_json::from_str::<CaptureId>(&text).expect_err("it is of another kind");
        assert!(other.to_string().contains("c-1f3a9c2e-7"), "{other}");
        assert!(serde_json::from_str::<CaptureId>("7").is_err());
        let bytes = postcard::to_allocvec(&id).expect("it has a form");
        assert!(bytes.len() < text.len());
        assert_eq!(postcard::from_bytes::<SessionId>(&bytes).expect("it is one"), id);
    }

    #[test]
    fn an_id_that_ends_with_nought_is_one() {
        assert_eq!("r-00000000-0".parse(), Ok(RecordingId::new(0, 0)));
        assert_eq!("r-9abcdef0-10".parse(), Ok(RecordingId::new(0x9abc_def0, 10)));
    }

    #[test]
    fn a_text_that_no_store_would_write_is_no_id() {
        for text in [
            "",
            "r",
            "r-",
            "s-1f3a9c2e-7",
            "r-1F3A9C2E-7",
            "r-1f3a9c2e-07",
            "r-1f3a9c2e-+7",
            "r-1f3a9c2e-",
            "r-1f3a9c2e-4294967296",
            "r-../../etc-1",
            "r-1f3a9c2e-7\0",
        ] {
            assert!(text.parse::<RecordingId>().is_err(), "{text:?}");
        }
    }
}
