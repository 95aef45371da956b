//! The language's reference, held against the language.

use serde_json::Value;

use super::*;
use crate::report::tests::REPORT;

const REFERENCE: &str = include_str!("../../../../../docs/feeds.md");

#[test]
fn every_example_of_the_reference_is_a_feed() {
    let blocks = REFERENCE.split("```").skip(1).step_by(2);
    let feeds: Vec<_> = blocks.filter(|block| block.contains("{\"at\"")).collect();
    assert!(feeds.len() >= 2);
    for block in feeds {
        let text = block.strip_prefix("text\n").unwrap();
        if let Err(error) = Feed::parse("docs/feeds.md", text) {
            panic!("{error}");
        }
    }
}

#[test]
fn every_action_is_in_the_reference() {
    for action in read::names() {
        assert!(REFERENCE.contains(&format!("`{action}`")), "{action}");
    }
}

#[test]
fn every_field_of_the_report_is_in_the_reference() {
    fn look(value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                assert!(REFERENCE.contains(&format!("`{name}`")), "{name}");
                look(value);
            }),
            Value::Array(elements) => elements.iter().for_each(look),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    look(&serde_json::from_str(REPORT).unwrap());
}
