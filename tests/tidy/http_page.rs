//! The page about servers says what the table in code says.

use earmark_tests::http::page;
use earmark_tests::http::table::{GENERAL, Group, all};

use crate::tree;

const PAGE: &str = "docs/http.md";

#[test]
fn the_page_about_servers_has_the_table_of_the_code() {
    let found = tree::text(PAGE).unwrap_or_default();
    let (expected, mut found) = (page::table(), found.lines().skip_while(|line| !is_row(line)));
    for line in expected.lines() {
        let instead = found.next().unwrap_or("nothing");
        assert_eq!(line, instead, "{PAGE} differs; the whole table is\n\n{expected}");
    }
    assert!(!found.next().is_some_and(is_row), "{PAGE} has rows that the code has not");
}

fn is_row(line: &str) -> bool {
    line.starts_with("| ") && line.contains(" behaviour | what comes ") || line.starts_with("| + ")
}

#[test]
fn every_behaviour_has_one_name_and_the_general_ones_come_first() {
    let mut names: Vec<&str> = all().iter().map(|one| one.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all().len(), "a name stands twice");
    let first_further = all().iter().position(|one| one.group == Group::Further);
    assert_eq!(first_further, Some(GENERAL));
}
