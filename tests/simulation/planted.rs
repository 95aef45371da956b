//! The bugs that a campaign plants: each still fits the source, and each invariant has one.
//!
//! That they are caught is what the campaign itself shows; it takes longer.

#[path = "../campaign/planted_bugs/patch.rs"]
mod patch;
#[expect(dead_code, reason = "who hunts for a bug is the campaign's business")]
#[path = "../campaign/planted_bugs/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use earmark_core::invariant::INVARIANTS;
use patch::{Change, patched};

fn changes() -> Vec<Change> {
    (1..).zip(&table::all()).map(|(number, bug)| Change::of(bug, number)).collect()
}

#[test]
fn every_planted_bug_fits_the_source_at_exactly_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let changes = changes();
    let files: BTreeSet<&str> = changes.iter().map(|change| change.file.as_str()).collect();
    let unfit = files.into_iter().filter_map(|file| {
        let text = std::fs::read_to_string(root.join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        patched(file, &text, &changes).err()
    });
    let unfit: Vec<String> = unfit.map(|error| error.to_string()).collect();
    assert!(unfit.is_empty(), "\n{}", unfit.join("\n"));
}

#[test]
fn every_invariant_has_a_planted_bug() {
    let broken: BTreeSet<&str> = table::all().iter().map(|bug| bug.breaks.id()).collect();
    let all = INVARIANTS.iter().map(|invariant| invariant.id());
    let without: Vec<&str> = all.filter(|id| !broken.contains(id)).collect();
    assert_eq!(without, [] as [&str; 0]);
}

#[test]
fn every_planted_bug_has_a_name_of_its_own_a_switch_and_somebody_who_hunts_for_it() {
    let mut names = BTreeSet::new();
    for bug in table::all() {
        assert!(names.insert(bug.name), "{} is there twice", bug.name);
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        assert!(bug.name.bytes().all(is_plain), "{}", bug.name);
        assert!(bug.with.contains(table::PLACEHOLDER), "{} is never switched on", bug.name);
        assert!(!bug.layers.is_empty(), "nobody hunts for {}", bug.name);
        assert!(!bug.wrong.ends_with('.'), "{}: no full stop in a table", bug.name);
    }
}
