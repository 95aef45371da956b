//! The stories of `tests/feeds` over again, with real files and real sockets.
//!
//! A story plays here if it needs no simulated world, ends in time, and does not say in a comment
//! why it is told for the virtual clock only. By default every other one of those under 20 s is
//! played, which is more than a tenth of all; with `EARMARK_REAL_FEEDS=200` all of those under
//! 200 s are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use earmark_sim::feed::{Action, Feed};

use crate::harness::earmark;

/// The comment by which a feed says that real time is not for it.
const VIRTUAL_ONLY: &str = "# Virtual clock only: ";
/// One of so many feeds is played by default.
const ONE_OF: usize = 2;
/// So many are played at a time.
const AT_A_TIME: usize = 20;
/// How long a feed may be by default.
const SECONDS_MAX: u64 = 20;
/// The policy of the feeds in this folder is the original's.
const ORIGINAL: &str = "omi-2026-04";

#[test]
fn the_feeds_that_need_no_simulation_hold_in_real_time() {
    let all = env::var("EARMARK_REAL_FEEDS").ok().and_then(|seconds| seconds.parse().ok());
    let (limit, one_of) = all.map_or((SECONDS_MAX, ONE_OF), |seconds| (seconds, 1));
    let feeds = fitting(Duration::from_secs(limit));
    assert!(feeds.len() >= 30, "only {} feeds can be played in real time", feeds.len());
    let feeds: Vec<PathBuf> = feeds.into_iter().step_by(one_of).collect();
    let complaints = complaints(&feeds);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Plays them, several at a time: each mostly waits.
fn complaints(feeds: &[PathBuf]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(feed) = feeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(complaint(feed));
        }
        found
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|one| one.join().expect("no player panics")).collect()
    })
}

fn complaint(feed: &Path) -> Option<String> {
    let path = feed.to_str().expect("UTF-8");
    let profile = if path.contains(ORIGINAL) { ORIGINAL } else { "everyday" };
    let flags = ["play", path, "--clock", "real", "--until", "end", "--profile", profile];
    let ran = earmark(&flags);
    if ran.code == Some(0) {
        return None;
    }
    let failed: Vec<String> = ran.json()["expectations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|verdict| verdict["held"] == false)
        .map(ToString::to_string)
        .collect();
    Some(format!("{path}: exit {:?}: {}", ran.code, failed.join(", ")))
}

/// The feeds that can be played in real time and end in time, by their paths.
fn fitting(limit: Duration) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feeds");
    let mut found = Vec::new();
    collect(&folder, &mut found);
    found.retain(|path| fits(path, limit));
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of feeds") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "feed") {
            found.push(path);
        }
    }
}

fn fits(path: &Path, limit: Duration) -> bool {
    let text = fs::read_to_string(path).expect("a feed");
    let feed = Feed::parse(&path.display().to_string(), &text).expect("a feed that can be read");
    let dies = |action: &Action| matches!(action, Action::Kill | Action::Restart);
    let ends_in_time = feed.lines.last().is_some_and(|last| last.at.since_start() <= limit);
    ends_in_time
        && !text.contains(VIRTUAL_ONLY)
        && feed.needs_simulation().is_none()
        && !feed.lines.iter().any(|line| dies(&line.action))
}
