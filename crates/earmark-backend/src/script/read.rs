//! Reads fields of a JSON object and names exactly what is wrong with one.

use std::time::Duration;

use earmark_core::Device;
use serde_json::{Map, Value};

use super::{ANSWER_HEADER_BYTES_MAX, ANSWER_HEADERS_MAX, FieldError};

/// How much of an unusable value an error repeats.
const FOUND_CHARS_MAX: usize = 80;
/// Fields that every line has and that are read elsewhere.
const LINE_FIELDS: [&str; 2] = ["at", "do"];
/// Headers that frame the message itself; a script reaches them through `body` and `fault` only.
const FRAMING_HEADERS: [&str; 4] = ["connection", "content-length", "transfer-encoding", "upgrade"];

/// The fields of one object, and where that object stands.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    place: String,
    skipped: &'static [&'static str],
}

impl<'a> Fields<'a> {
    /// The fields of a whole line.
    pub(super) const fn of_line(object: &'a Map<String, Value>) -> Self {
        Self { object, place: String::new(), skipped: &LINE_FIELDS }
    }

    /// Refuses any field that is not listed.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), FieldError> {
        let is_known = |name: &str| known.contains(&name) || self.skipped.contains(&name);
        match self.object.iter().find(|(name, _)| !is_known(name)) {
            None => Ok(()),
            Some((name, _)) => Err(FieldError {
                field: shortened(&format!("{}{name}", self.place)),
                found: String::from("an unknown field"),
                expected: format!("one of {}", known.join(", ")),
            }),
        }
    }

    pub(super) fn wrong(&self, name: &str, found: &str, expected: &str) -> FieldError {
        FieldError {
            field: format!("{}{name}", self.place),
            found: shortened(found),
            expected: String::from(expected),
        }
    }

    fn refuse(&self, name: &str, value: &Value, expected: &str) -> FieldError {
        self.wrong(name, &value.to_string(), expected)
    }

    /// The value of a field; `null` stands for a field that was left out.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn device(&self) -> Result<Option<String>, FieldError> {
        let Some(value) = self.value("device") else {
            return Ok(None);
        };
        match value.as_str().map(Device::new) {
            Some(Ok(device)) => Ok(Some(String::from(device.as_str()))),
            Some(Err(_)) | None => {
                let expected = format!("a text of 1 to {} bytes", Device::BYTES_MAX);
                Err(self.refuse("device", value, &expected))
            }
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, FieldError> {
        self.value(name)
            .map(|value| value.as_bool().ok_or_else(|| self.refuse(name, value, "true or false")))
            .transpose()
    }

    pub(super) fn status(&self, name: &str) -> Result<Option<u16>, FieldError> {
        self.value(name)
            .map(|value| {
                let code = value.as_u64().filter(|code| (200..=599).contains(code));
                code.and_then(|code| u16::try_from(code).ok())
                    .ok_or_else(|| self.refuse(name, value, "a whole number from 200 to 599"))
            })
            .transpose()
    }

    pub(super) fn seconds(&self, name: &str, most: u64) -> Result<Duration, FieldError> {
        let Some(value) = self.value(name) else {
            return Ok(Duration::ZERO);
        };
        value
            .as_f64()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|wait| *wait <= Duration::from_secs(most))
            .ok_or_else(|| self.refuse(name, value, &format!("seconds from 0 to {most}")))
    }

    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        named: fn(T) -> &'static str,
    ) -> Result<Option<T>, FieldError> {
        self.value(name)
            .map(|value| {
                let chosen = all.iter().find(|choice| value.as_str() == Some(named(**choice)));
                chosen.copied().ok_or_else(|| {
                    let names: Vec<_> = all.iter().map(|choice| named(*choice)).collect();
                    self.refuse(name, value, &format!("one of {}", names.join(", ")))
                })
            })
            .transpose()
    }

    /// A text that is required: a string as it is, or any other JSON value, `null` included, in its
    /// compact form.
    pub(super) fn text(&self, name: &str, bytes_max: usize) -> Result<String, FieldError> {
        match self.object.get(name) {
            Some(value) => self.rendered(name, value, bytes_max),
            None => {
                let expected = "a JSON value, or a string that is sent as it is";
                Err(self.wrong(name, "missing", expected))
            }
        }
    }

    /// The same, when it may be left out.
    pub(super) fn optional_text(
        &self,
        name: &str,
        bytes_max: usize,
    ) -> Result<Option<String>, FieldError> {
        self.value(name).map(|value| self.rendered(name, value, bytes_max)).transpose()
    }

    fn rendered(&self, name: &str, value: &Value, bytes_max: usize) -> Result<String, FieldError> {
        let text = value.as_str().map_or_else(|| value.to_string(), String::from);
        if text.len() > bytes_max {
            let found = format!("{} bytes long", text.len());
            return Err(self.wrong(name, &found, &format!("at most {bytes_max} bytes")));
        }
        Ok(text)
    }

    /// The objects of a list.
    pub(super) fn list(&self, name: &str, most: usize) -> Result<Vec<Fields<'a>>, FieldError> {
        let expected = format!("a list of at most {most} objects");
        let Some(value) = self.value(name) else {
            return Err(self.wrong(name, "missing", &expected));
        };
        let Some(list) = value.as_array() else {
            return Err(self.refuse(name, value, &expected));
        };
        if list.len() > most {
            return Err(self.wrong(name, &format!("{} objects long", list.len()), &expected));
        }
        let item = |(index, value): (usize, &'a Value)| match value.as_object() {
            Some(object) => Ok(Fields {
                object,
                place: format!("{}{name}[{index}].", self.place),
                skipped: &[],
            }),
            None => Err(self.refuse(&format!("{name}[{index}]"), value, "an object")),
        };
        list.iter().enumerate().map(item).collect()
    }

    /// An object of headers, each a text or a number.
    pub(super) fn headers(&self, name: &str) -> Result<Vec<(String, String)>, FieldError> {
        let Some(value) = self.value(name) else {
            return Ok(Vec::new());
        };
        let expected = format!("an object of at most {ANSWER_HEADERS_MAX} headers");
        let Some(object) = value.as_object().filter(|all| all.len() <= ANSWER_HEADERS_MAX) else {
            return Err(self.refuse(name, value, &expected));
        };
        let header = |(key, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            };
            text.filter(|text| is_header_name(key) && is_header_value(text))
                .map(|text| (key.to_ascii_lowercase(), text))
                .ok_or_else(|| {
                    let expected =
                        "a header that HTTP can carry, other than those that frame a message";
                    self.refuse(&format!("{name}.{}", shortened(key)), value, expected)
                })
        };
        object.iter().map(header).collect()
    }
}

fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=ANSWER_HEADER_BYTES_MAX).contains(&name.len())
        && name.bytes().all(is_token)
        && !FRAMING_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

fn is_header_value(value: &str) -> bool {
    value.len() <= ANSWER_HEADER_BYTES_MAX
        && value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        None => String::from(text),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
