//! The same on real files, where this machine lets it: a full file system under the whole runtime,
//! and system calls that fail under the writer of `kills`.

mod full_disk;
mod strace;
mod tmpfs;

pub(crate) use tmpfs::Tmpfs;

use serde_json::{Value, json};

use crate::kills::Program;
use crate::outcome::Outcome;
use crate::request::Slice;

/// What the real runs have come to.
#[derive(Default)]
struct Real {
    runs: u64,
    violations: u64,
    /// What could not be run, and why.
    skipped: Vec<String>,
    more: Vec<(&'static str, Value)>,
}

pub(super) fn run(slice: &Slice, outcome: &mut Outcome) {
    let mut real = Real::default();
    full_disk::run(slice, &mut real);
    match Program::find().map_err(|missing| missing.0).and_then(|program| {
        strace::check()?;
        Ok(program)
    }) {
        Ok(program) => strace::run(slice, &program, &mut real, outcome),
        Err(missing) => real.skip(format!("failing system calls: {missing}")),
    }
    outcome.checked += real.runs;
    outcome.violations += real.violations;
    outcome.more.insert(String::from("real_runs"), json!(real.runs));
    outcome.more.insert(String::from("skipped"), json!(real.skipped));
    outcome.more.extend(real.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
}

impl Real {
    fn skip(&mut self, what: String) {
        eprintln!("NOT RUN, NOTHING IS SHOWN ABOUT IT: {what}");
        self.skipped.push(what);
    }

    fn violation(&mut self, why: &str) {
        self.violations += 1;
        eprintln!("VIOLATION: {why}");
    }
}
