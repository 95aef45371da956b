//! The house inspects itself: dependencies, limits, and words that have no place here.

mod edges;
mod failures;
mod http_page;
mod limits;
mod places;
mod source;
mod tree;

use std::fmt;

/// What is wrong, where, and against which rule.
#[derive(Debug)]
struct Finding {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// Fails with all findings, one a line.
#[track_caller]
fn assert_none(findings: &[Finding]) {
    let lines: String = findings.iter().map(|one| format!("\n  {one}")).collect();
    assert!(findings.is_empty(), "{} against the rules:{lines}", findings.len());
}
