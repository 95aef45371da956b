//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The top of the project.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().expect("the tests are one folder below the top");
    root.to_path_buf()
}

/// The paths of all files, relative to the top: those that git tracks; without git, all that there
/// are.
pub(crate) fn files() -> Vec<String> {
    let root = root();
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(&root).output();
    let mut files = match listed {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let text = String::from_utf8(output.stdout).expect("our paths are UTF-8");
            let names = text.split('\0').filter(|name| !name.is_empty());
            names.map(String::from).collect()
        }
        Ok(_) | Err(_) => walk(&root),
    };
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files
}

fn walk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).expect("the project's folders can be read");
        for entry in entries {
            let path = entry.expect("the project's folders can be read").path();
            let name = path.strip_prefix(root).expect("it is below the top");
            let name = name.to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != ".git" {
                open.push(path);
            } else if path.is_file() {
                found.push(name);
            }
        }
    }
    found
}

/// The text of a file; nothing when it is not text.
pub(crate) fn text(file: &str) -> Option<String> {
    let bytes = fs::read(root().join(file)).expect("a tracked file can be read");
    String::from_utf8(bytes).ok()
}

/// Whether a Rust file is a test and none of the product's own.
pub(crate) fn is_test(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    let is_folder = |part: &&str| matches!(*part, "tests" | "examples" | "benches");
    let (name, folders) = parts.split_last().expect("a path has a name");
    *name == "tests.rs" || folders.iter().any(is_folder)
}

#[test]
fn a_test_is_told_from_the_product_by_its_path() {
    for test in
        ["tests/tidy/main.rs", "crates/earmark/src/live/tests.rs", "crates/a/src/tests/b.rs"]
    {
        assert!(is_test(test), "{test}");
    }
    for product in ["crates/earmark/src/live.rs", "crates/a/src/contests.rs"] {
        assert!(!is_test(product), "{product}");
    }
}
