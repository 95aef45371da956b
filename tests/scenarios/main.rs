//! Every feed of `tests/feeds` holds what it expects.
//!
//! `FEED=part-of-a-name` plays only the feeds whose name has that part.

use std::path::{Path, PathBuf};
use std::time::Duration;

use earmark_sim::report::Seconds;
use earmark_tests::feeds;

/// How many feeds there are at least: a folder that was not found must not pass.
const FEEDS_MIN: usize = 250;

#[test]
fn every_feed_holds_what_it_expects() {
    assert_none(feeds::complaints(|path| match wanted(path).then(|| feeds::report(path)) {
        None => Vec::new(),
        Some(Err(error)) => vec![error],
        Some(Ok(report)) => feeds::unmet(&feeds::name(path), &report),
    }));
}

#[test]
fn every_feed_gives_the_same_report_twice() {
    assert_none(feeds::complaints(|path| {
        let json = || feeds::report(path).map(|report| report.to_json());
        if !wanted(path) || json() == json() {
            return Vec::new();
        }
        vec![format!("{}: another report the second time", feeds::name(path))]
    }));
}

/// F18.
#[test]
fn the_frames_of_every_feed_add_up() {
    assert_none(feeds::complaints(|path| match wanted(path).then(|| feeds::report(path)) {
        None => Vec::new(),
        Some(Err(error)) => vec![error],
        Some(Ok(report)) => feeds::unbalanced(&feeds::name(path), &report),
    }));
}

#[test]
fn every_feed_says_in_words_what_it_shows_and_expects_something() {
    let complaints = feeds::complaints(|path| {
        let text = std::fs::read_to_string(path).expect("the feed was listed");
        let says = text.starts_with("# ");
        let expects = text.contains(r#""do":"expect""#) && text.contains(r#""unexpected":0"#);
        if says && expects { Vec::new() } else { vec![feeds::name(path)] }
    });
    assert_none(complaints);
    assert!(feeds::all().len() >= FEEDS_MIN, "{} feeds", feeds::all().len());
}

fn wanted(path: &Path) -> bool {
    std::env::var("FEED").map_or(true, |part| feeds::name(path).contains(&part))
}

fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What the report's figures do not show is in its timeline.
#[test]
fn a_stalled_socket_is_down_twenty_seconds_after_the_first_ping_without_a_pong() {
    let is_stalled =
        |path: &&PathBuf| feeds::name(path).contains("a_stalled_socket_counts_as_down");
    let feeds = feeds::all();
    let path = feeds.iter().find(is_stalled).expect("the feed is there");
    let report = feeds::report(path).expect("the feed can be played");
    let mut downs = report.timeline.iter().filter(|one| one.what == "socket_down");
    let at = downs.next().map(|one| one.at);
    assert_eq!(at, Some(Seconds::from(Duration::from_secs(40))));
}
