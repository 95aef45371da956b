//! Worlds that once broke something are played again, and the checker is lied to.

use earmark_tests::simulate::lies::LIES;
use earmark_tests::simulate::run::{hunt, notices, run};
use earmark_tests::simulate::{generate::World, kept};

/// Worlds of every build.
const WORLDS: std::ops::Range<u64> = 0..12;
/// A lie must be noticed within so many worlds.
const WORLDS_PER_LIE: u64 = 60;

#[test]
fn every_world_that_once_broke_something_holds() {
    let broken: Vec<String> = kept::all()
        .iter()
        .filter_map(|path| {
            let world = kept::read(path).unwrap_or_else(|error| panic!("{error}"));
            let broken = run(&world, &world.feed).broken?;
            let (at, violation) = (broken.at, broken.violation);
            Some(format!("{} at {at:?}: {violation}", path.display()))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_first_worlds_hold() {
    let broken = hunt(WORLDS);
    assert!(broken.is_none(), "{broken:?}");
}

#[test]
fn a_lie_in_what_the_checker_hears_is_noticed() {
    let unnoticed: Vec<_> =
        LIES.iter().filter(|lie| notices(**lie, 0..WORLDS_PER_LIE).is_none()).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[test]
fn a_world_takes_the_same_course_again() {
    for seed in WORLDS {
        let world = World::of(seed);
        let first = run(&world, &world.feed).hash;
        assert_eq!(first, run(&world, &world.feed).hash, "seed {seed}");
    }
}

#[test]
fn a_worlds_feed_reads_back_as_it_was_made() {
    for seed in 0..200 {
        let world = World::of(seed);
        let text = world.feed.to_text();
        match earmark_sim::feed::Feed::parse("world.feed", &text) {
            Ok(feed) => assert_eq!(feed, world.feed, "seed {seed}"),
            // Where the process is down, a world tells lines that a feed may not.
            Err(error) => assert!(error.to_string().contains("process"), "seed {seed}: {error}"),
        }
    }
}
