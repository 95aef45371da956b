//! Servers that behave in another way than the specification is told.

use super::cell::{Cell, named};
use super::virtual_time;

/// One behaviour of each class, and two that differ in their words alone.
const CLASSES: [&str; 13] = [
    "result",
    "slow-drip",
    "created",
    "unavailable",
    "request-timeout",
    "conflict",
    "retry-after-seconds",
    "malformed",
    "unauthorized",
    "conversation-gone",
    "no-method",
    "job-done",
    "job-partial",
];

/// How many lies were told, and how many were noticed.
pub(super) fn check(seed: u64) -> (u64, u64) {
    let (mut planted, mut caught) = (0, 0);
    for does in CLASSES {
        for told in CLASSES.iter().filter(|told| **told != does && !is_same(does, told)) {
            let cell = Cell::lie(named(does), named(told));
            planted += 1;
            if virtual_time::check(&cell, seed).is_err() {
                caught += 1;
            } else {
                eprintln!("{does} in the place of {told} was NOT noticed");
            }
        }
    }
    (planted, caught)
}

/// A job that is accepted and done is what a server that takes everything does by itself.
fn is_same(does: &str, told: &str) -> bool {
    let is_taken = |name| matches!(name, "slow-drip" | "job-done");
    is_taken(does) && is_taken(told)
}
