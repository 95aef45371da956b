//! Feeds in files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use earmark_sim::feed::{FEED_BYTES_MAX, Feed};

use crate::exit::Failure;

/// Reads a feed and checks all of it.
pub(crate) fn read(path: &Path) -> Result<Feed, Failure> {
    let unusable = |error| Failure::named("the feed", path, &error);
    let mut text = String::new();
    let file = File::open(path).map_err(unusable)?;
    // One byte more than is taken is enough for the refusal.
    file.take(FEED_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(unusable)?;
    Ok(Feed::parse(&path.display().to_string(), &text)?)
}

/// The refusal of a line that can be read but not be played here.
pub(crate) fn refused(path: &Path, line: usize, action: &str, expected: &str) -> Failure {
    Failure::unusable(format!("{}:{line}: \"{action}\" {expected}", path.display()))
}
