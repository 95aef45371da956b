//! Where things are, and which places are nobody's business.

use std::collections::BTreeSet;

use crate::{Finding, assert_none, tree};

/// What stands at the top, beside licences and files that begin with a dot.
const TOP: [&str; 7] =
    ["Cargo.lock", "Cargo.toml", "README.md", "crates", "docs", "rust-toolchain.toml", "tests"];

/// Folders of a machine; put together, so that this very file does not name them.
fn machine_folders() -> Vec<String> {
    ["work", "root", "tmp"].map(|name| format!("/{name}/")).to_vec()
}

#[test]
fn the_top_holds_what_the_design_lists_and_nothing_else() {
    let files = tree::files();
    let top = files.iter().filter_map(|file| file.split('/').next());
    let free = |name: &&str| name.starts_with('.') || name.starts_with("LICENSE-");
    let found: BTreeSet<&str> = top.filter(|name| !free(name)).collect();
    assert_eq!(found, TOP.into_iter().collect(), "left: what is there; right: the rule");
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let folders = machine_folders();
    let mut findings = Vec::new();
    for file in tree::files() {
        let Some(text) = tree::text(&file) else {
            continue;
        };
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = folders.iter().find(|folder| names(line, folder)) {
                let rule = format!("names {folder}, a folder of one machine");
                findings.push(Finding { file: file.clone(), line: index + 1, rule });
            }
        }
    }
    assert_none(&findings);
}

/// Whether a line has a path that begins with this folder, and not one that only passes through a
/// folder of that name.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"._-/{}*".contains(before))
    })
}

#[test]
fn a_path_is_told_from_a_part_of_another_one() {
    let folder = &machine_folders()[0];
    assert!(names(&format!("read {folder}x"), folder));
    assert!(!names(&format!("crates{folder}x"), folder));
    assert!(!names(&format!("https://example.com{folder}x"), folder));
}
