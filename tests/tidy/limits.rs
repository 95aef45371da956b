//! The limits of style: lengths, widths, and what is not left behind.

use crate::source::{Facts, Source};
use crate::{Finding, assert_none, tree};

/// Lines of a production file.
const FILE_LINES_MAX: usize = 600;
/// Lines of a test file.
const TEST_FILE_LINES_MAX: usize = 900;
/// Lines of a function, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Columns of a line.
const COLUMNS_MAX: usize = 100;
/// Parameters of a function, `self` left out.
const PARAMETERS_MAX: usize = 6;
/// Names under which files grow without end.
const NAMES_BANNED: [&str; 5] = ["mod.rs", "utils.rs", "helpers.rs", "common.rs", "misc.rs"];
/// The machines: each of their states has an opinion on each of their events.
const MACHINES: [&str; 5] = ["ingest", "wal_store", "session", "sync", "connectivity"];

/// Looks at every Rust file and collects what `look` finds in it.
fn findings(look: impl Fn(&Source, &Facts) -> Vec<(usize, String)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in Source::all() {
        let found = look(&source, &source.facts());
        let file = || source.file.clone();
        findings.extend(found.into_iter().map(|(line, rule)| Finding { file: file(), line, rule }));
    }
    findings
}

/// How many lines of a file are the product's and how many are tests'.
fn lines(source: &Source) -> (usize, usize) {
    let all = source.text.lines().count();
    if tree::is_test(&source.file) { (0, all) } else { (all, 0) }
}

#[test]
fn no_file_is_too_long() {
    assert_none(&findings(|source, _| {
        let (product, test) = lines(source);
        let rule = |found: usize, max: usize| {
            (found > max).then(|| (found, format!("{found} lines; at most {max}")))
        };
        let rules = [rule(product, FILE_LINES_MAX), rule(test, TEST_FILE_LINES_MAX)];
        rules.into_iter().flatten().collect()
    }));
}

#[test]
fn no_function_is_too_long() {
    assert_none(&findings(|_, facts| {
        let long = facts.functions.iter().filter(|one| one.lines > FUNCTION_LINES_MAX);
        let rule = |name: &str, lines: usize| {
            format!("fn {name} has {lines} lines; at most {FUNCTION_LINES_MAX}")
        };
        long.map(|one| (one.line, rule(&one.name, one.lines))).collect()
    }));
}

#[test]
fn no_function_takes_too_many_parameters() {
    assert_none(&findings(|_, facts| {
        let many = facts.functions.iter().filter(|one| one.parameters > PARAMETERS_MAX);
        let rule = |name: &str, found: usize| {
            format!("fn {name} takes {found} parameters; at most {PARAMETERS_MAX}")
        };
        many.map(|one| (one.line, rule(&one.name, one.parameters))).collect()
    }));
}

#[test]
fn no_line_is_too_wide() {
    assert_none(&findings(|source, _| {
        let lines = source.text.lines().enumerate();
        let wide = lines.filter(|(_, line)| line.chars().count() > COLUMNS_MAX);
        let rule = |line: &str| {
            let columns = line.chars().count();
            format!("{columns} columns; at most {COLUMNS_MAX}")
        };
        wide.map(|(index, line)| (index + 1, rule(line))).collect()
    }));
}

#[test]
fn no_file_has_a_name_that_fits_everything() {
    let mut found = Vec::new();
    for file in tree::files() {
        let name = file.rsplit('/').next().unwrap_or(&file);
        if NAMES_BANNED.contains(&name) {
            let rule =
                format!("a file named {name} is where everything ends up; name what it holds");
            found.push(Finding { file, line: 1, rule });
        }
    }
    assert_none(&found);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    assert_none(&findings(|_, facts| {
        let rule = || String::from("unwrap(); say with expect() why it cannot fail");
        facts.unwraps.iter().map(|line| (*line, rule())).collect()
    }));
}

#[test]
fn no_marker_of_unfinished_work_is_left() {
    // Put together, so that this very line is not one.
    let marker = ["FIX", "ME"].concat();
    assert_none(&findings(|source, facts| {
        let lines = source.text.lines().enumerate();
        let comments = lines.filter(|(_, line)| line.contains(&marker));
        let comments = comments.map(|(index, _)| (index + 1, format!("{marker} is left")));
        let macros = facts.markers.iter().map(|(line, name)| (*line, format!("{name}! is left")));
        comments.chain(macros).collect()
    }));
}

#[test]
fn every_state_of_a_machine_answers_every_event_by_name() {
    assert_none(&findings(|source, facts| {
        let inside = source.file.strip_prefix("crates/earmark-core/src/");
        let first = inside.and_then(|path| path.split(['/', '.']).next());
        if !first.is_some_and(|name| MACHINES.contains(&name)) {
            return Vec::new();
        }
        let rule = || String::from("`_ =>` in a machine; list what it stands for");
        facts.wildcards.iter().map(|line| (*line, rule())).collect()
    }));
}
