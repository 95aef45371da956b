//! Who may use whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::source::Source;
use crate::{Finding, assert_none, tree};

/// Each package, and the packages of this project that it may use; a new edge is a line here.
const EDGES: [(&str, &[&str]); 8] = [
    ("earmark-core", &[]),
    ("earmark-wire", &["earmark-core"]),
    ("earmark-store", &["earmark-core"]),
    ("earmark", &["earmark-core", "earmark-store", "earmark-wire"]),
    ("earmark-backend", &["earmark-core", "earmark-wire"]),
    ("earmark-sim", &["earmark", "earmark-backend", "earmark-core", "earmark-store"]),
    (
        "earmark-cli",
        &[
            "earmark",
            "earmark-backend",
            "earmark-core",
            "earmark-sim",
            "earmark-store",
            "earmark-wire",
        ],
    ),
    (
        "earmark-tests",
        &[
            "earmark",
            "earmark-backend",
            "earmark-core",
            "earmark-sim",
            "earmark-store",
            "earmark-wire",
        ],
    ),
];

/// Who may name the actor framework.
const MAY_ACT: [&str; 2] = ["earmark", "earmark-tests"];

/// Packages that get by without the standard library, so that the compiler keeps them pure.
const WITHOUT_STD: [&str; 2] = ["earmark-core", "earmark-wire"];

fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| String::from("cargo"));
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(tree::root())
        .output()
        .expect("cargo runs, since it runs this test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("cargo lists packages").clone()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().expect("cargo names everything")
}

fn dependencies(package: &Value) -> &[Value] {
    package["dependencies"].as_array().expect("cargo lists dependencies")
}

/// Where the manifest of a package names another one.
fn finding(package: &str, named: &str, rule: String) -> Finding {
    let folder = if package == "earmark-tests" {
        String::from("tests")
    } else {
        format!("crates/{package}")
    };
    let file = format!("{folder}/Cargo.toml");
    let text = tree::text(&file).unwrap_or_default();
    let names = |line: &str| line.trim_start().starts_with(named);
    let line = text.lines().position(names).map_or(1, |index| index + 1);
    Finding { file, line, rule }
}

#[test]
fn packages_use_each_other_as_the_design_says() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(name).collect();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.into_iter().collect();
    let known: BTreeSet<&str> = allowed.keys().copied().collect();
    assert_eq!(ours, known, "the packages of this project are not those of the list");
    let mut findings = Vec::new();
    for package in &packages {
        let from = name(package);
        let normal = |one: &&Value| one["kind"].is_null();
        for to in dependencies(package).iter().filter(normal).map(name) {
            if ours.contains(to) && !allowed[from].contains(&to) {
                let rule = format!("{from} may not use {to}");
                findings.push(finding(from, to, rule));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn one_crate_alone_names_the_actor_framework() {
    let mut findings = Vec::new();
    for package in &packages() {
        let from = name(package);
        for to in dependencies(package).iter().map(name) {
            if to.starts_with("actix") && !MAY_ACT.contains(&from) {
                let rule = format!("{from} names {to}; only {MAY_ACT:?} may");
                findings.push(finding(from, to, rule));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn what_must_be_pure_gets_by_without_the_standard_library() {
    let mut findings = Vec::new();
    for package in WITHOUT_STD {
        let file = format!("crates/{package}/src/lib.rs");
        let source = Source::read(&file);
        let is_bare = source.tree.attrs.iter().any(|attr| attr.path().is_ident("no_std"));
        if !is_bare {
            let rule = String::from("the crate must say #![no_std]");
            findings.push(Finding { file, line: 1, rule });
        }
    }
    assert_none(&findings);
}
