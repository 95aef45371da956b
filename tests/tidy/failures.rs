//! The table of failures: every one is in it once, and what it names is in the tree and says so.

use std::collections::BTreeMap;

use crate::{Finding, assert_none, tree};

const PAGE: &str = "docs/failures.md";

/// The failures of the list, as the sections of the page have them.
const LIST: [(&str, &[u16]); 10] = [
    ("A", &[1, 2, 3, 5, 6, 8, 9, 11]),
    ("B", &[12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 26, 27, 28, 29, 30, 31, 32, 33]),
    ("C", &[34, 35, 36, 38, 39, 40, 41, 42, 44, 45, 46, 47, 48, 49, 50, 51, 52]),
    (
        "D",
        &[
            54, 55, 56, 57, 59, 60, 62, 64, 66, 67, 69, 70, 71, 73, 74, 75, 76, 77, 78, 79, 80, 81,
            82, 83, 84, 85, 86,
        ],
    ),
    ("E", &[87, 91, 92, 94, 95, 97]),
    (
        "G",
        &[
            108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124,
            125, 126, 127,
        ],
    ),
    ("H", &[128, 129, 131, 132, 134]),
    ("I", &[135, 137, 138, 139, 140]),
    ("J", &[141, 142, 143, 144, 145, 146, 148, 149]),
    ("K", &[152, 153, 154]),
];

/// A row of the table.
struct Row {
    line: usize,
    section: String,
    id: String,
    shown_by: Vec<String>,
    held: String,
}

impl Row {
    fn finding(&self, rule: String) -> Finding {
        Finding { file: String::from(PAGE), line: self.line, rule: format!("{}: {rule}", self.id) }
    }
}

fn rows(page: &str) -> Vec<Row> {
    let mut section = String::new();
    let mut rows = Vec::new();
    for (line, text) in page.lines().enumerate() {
        if let Some((name, _)) = text.strip_prefix("## ").and_then(|title| title.split_once('.')) {
            name.clone_into(&mut section);
        }
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let [_, id, _, shown_by, held, _] = cells[..] else { continue };
        if id.starts_with('F') {
            let named = shown_by.split('`').skip(1).step_by(2).map(String::from).collect();
            let (id, held) = (String::from(id), String::from(held));
            rows.push(Row { line: line + 1, section: section.clone(), id, shown_by: named, held });
        }
    }
    rows
}

/// Whether this text names it, and not just a longer number that begins alike.
fn names(text: &str, id: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == id)
}

/// Why a test or story does not stand for this failure; nothing when it does.
fn complaint(shown_by: &str, id: &str) -> Option<String> {
    let (file, test) = shown_by.split_once("::").map_or((shown_by, None), |(a, b)| (a, Some(b)));
    if !tree::root().join(file).is_file() {
        return Some(format!("there is no {file}"));
    }
    let text = tree::text(file).expect("it is text");
    let (name, beside) = match test {
        Some(test) => match above(&text, test) {
            Some(beside) => (test, beside),
            None => return Some(format!("there is no test {test} in {file}")),
        },
        None => (file.rsplit('/').next().unwrap_or(file), remarks(&text)),
    };
    let bears = name.starts_with(&format!("{}_", id.to_lowercase())) || names(&beside, id);
    (!bears).then(|| format!("{shown_by} does not name it"))
}

/// The remarks at the top of a feed.
fn remarks(feed: &str) -> String {
    feed.lines().take_while(|line| line.starts_with('#')).collect()
}

/// What stands right above a test: its documentation and attributes. Nothing when there is no such
/// test.
fn above(source: &str, test: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let starts = [format!("fn {test}("), format!("async fn {test}(")];
    let at = lines.iter().position(|line| starts.iter().any(|start| line.starts_with(start)))?;
    let is_beside = |line: &&&str| line.starts_with("///") || line.starts_with("#[");
    let beside: Vec<&str> = lines[..at].iter().rev().take_while(is_beside).copied().collect();
    beside.iter().any(|line| line.starts_with("#[")).then(|| beside.join("\n"))
}

#[test]
fn every_failure_of_the_list_is_in_the_table_once_and_in_its_section() {
    let page = tree::text(PAGE).expect("it is text");
    let found: Vec<_> = rows(&page).into_iter().map(|row| (row.section, row.id)).collect();
    let listed = |(section, ids): (&str, &[u16])| {
        let named = ids.iter().map(|id| (String::from(section), format!("F{id:02}")));
        named.collect::<Vec<_>>()
    };
    let expected: Vec<_> = LIST.into_iter().flat_map(listed).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_test_that_the_table_of_failures_names_exists_and_bears_the_failures_name() {
    let page = tree::text(PAGE).expect("it is text");
    let mut findings = Vec::new();
    for row in rows(&page) {
        let complaints = row.shown_by.iter().filter_map(|shown_by| complaint(shown_by, &row.id));
        findings.extend(complaints.map(|rule| row.finding(rule)));
        let begins = |word: &str| row.held.starts_with(word);
        if !["yes", "in part: ", "no: ", "does not apply: "].into_iter().any(begins) {
            findings.push(row.finding(String::from("whether it is held is not said")));
        }
        let needs_a_test = begins("yes") || begins("in part: ");
        if needs_a_test && row.shown_by.is_empty() {
            findings.push(row.finding(String::from("it is held, and nothing shows it")));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_story_named_after_a_failure_is_in_the_table() {
    let page = tree::text(PAGE).expect("it is text");
    let rows: BTreeMap<_, _> = rows(&page).into_iter().map(|row| (row.id.clone(), row)).collect();
    for file in tree::files() {
        let Some(name) = file.strip_prefix("tests/feeds/f") else { continue };
        let number = name.split('_').next().unwrap_or(name);
        let row = rows.get(&format!("F{number}"));
        assert!(row.is_some_and(|row| row.shown_by.contains(&file)), "{file} is not in {PAGE}");
    }
}

#[test]
fn a_complaint_says_what_is_wrong_with_a_named_test() {
    let here = "tests/tidy/failures.rs";
    let of = |shown_by: &str, id| complaint(shown_by, id);
    assert!(of("tests/feeds/none.feed", "F01").is_some_and(|told| told.starts_with("there is no")));
    assert!(of(&format!("{here}::never_written"), "F01").is_some());
    assert!(of(&format!("{here}::remarks"), "F01").is_some(), "no test");
    assert!(
        of("tests/feeds/f127_a_day_without_a_break_leaves_nothing_pending.feed", "F12").is_some()
    );
    assert!(names("/// F34, F36.", "F36") && !names("/// F127.", "F12"));
}
