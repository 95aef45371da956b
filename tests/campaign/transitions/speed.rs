//! How long an hour of one device takes in virtual time.

use std::time::Instant;

use earmark_sim::feed::{Feed, Sounds};
use earmark_sim::play::{PlayOptions, play};

const HOUR: &str = r#"{"at":0,"do":"capture.start","device":"pendant","codec":"opus_fs320"}
{"at":0,"do":"socket.up","device":"pendant"}
{"at":0,"do":"frames","device":"pendant","count":180000}
{"at":3600,"do":"capture.stop","device":"pendant"}
"#;

/// Seconds, to the hundredth, that an hour of a device at 50 frames a second takes.
pub(super) fn seconds_of_an_hour(seed: u64) -> f64 {
    let feed = Feed::parse("hour.jsonl", HOUR).expect("the feed is in the language");
    let options = PlayOptions { seed, ..PlayOptions::default() };
    let started = Instant::now();
    let report = play(&feed, &Sounds::default(), &options).expect("nothing fails in it");
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(report.frames.captured, 180_000, "the feed has an hour of frames");
    (seconds * 100.0).round() / 100.0
}
