//! The five races of the original: each is brought back on purpose, and the story that tells of it
//! must then end badly. Without it the same story ends well, which the scenarios hold it to.

use std::path::Path;

use earmark_core::Planted;
use earmark_sim::feed::Feed;
use earmark_sim::play::{PlayOptions, load_sounds, play, play_planted};
use earmark_sim::report::Report;

/// The expectations of a story that did not hold, by their lines.
fn broken(report: &Report) -> Vec<usize> {
    let broken = report.expectations.iter().filter(|one| !one.held);
    broken.map(|one| one.line).collect()
}

/// Plays a story twice, and wants the planted race to be noticed.
#[track_caller]
fn assert_noticed(story: &str, planted: Planted) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/races");
    let path = folder.join(story).with_extension("feed");
    let text = std::fs::read_to_string(&path).expect("the story is there");
    let feed = Feed::parse(story, &text).expect("the story is in the language");
    let sounds = load_sounds(&feed, &path).expect("the story's sounds are there");
    let options = PlayOptions::default();
    let sound = play(&feed, &sounds, &options).expect("every line can be carried out");
    assert_eq!(broken(&sound), [] as [usize; 0], "without the race");
    let spoilt = play_planted(&feed, &sounds, &options, planted);
    let spoilt = spoilt.expect("every line can be carried out");
    assert_ne!(broken(&spoilt), [] as [usize; 0], "with {planted:?} nobody notices anything");
}

#[test]
fn a_recovery_before_the_list_is_loaded_is_noticed() {
    let story = "a_link_made_before_a_kill_is_synced_at_the_restart";
    assert_noticed(story, Planted::RecoveryBeforeOpened);
}

#[test]
fn an_event_that_is_forgotten_before_the_seal_is_noticed() {
    let story = "a_ready_conversation_waits_for_the_seal";
    assert_noticed(story, Planted::EventBeforeSealForgotten);
}

#[test]
fn a_link_that_dies_with_the_process_is_noticed() {
    let story = "a_link_covers_the_seal_of_the_recording_that_was_still_open";
    assert_noticed(story, Planted::LinkInMemory);
}

#[test]
fn a_budget_that_a_kill_gives_back_is_noticed() {
    let story = "spent_attempts_survive_every_kill";
    assert_noticed(story, Planted::AttemptUnrecorded);
}

#[test]
fn a_session_that_overwrites_another_is_noticed() {
    let story = "a_second_session_keeps_its_own_conversation";
    assert_noticed(story, Planted::SessionOverwritten);
}
